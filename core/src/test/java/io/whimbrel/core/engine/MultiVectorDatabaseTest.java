package io.whimbrel.core.engine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Matrices of tokens through a database: written, found, read back, replaced, deleted, reopened.
final class MultiVectorDatabaseTest {
  private static final int DIMENSION = 24;
  private static final String COLLECTION = "passages";

  @TempDir private Path directory;

  private final Random random = Seeds.random("MultiVectorDatabase");
  private final Map<Long, Vector> points = new TreeMap<>();

  private static EmbeddingSpec spec(
      int dimension, Metric metric, Cardinality cardinality, Storage storage, IndexSpec index) {
    return new EmbeddingSpec(
        ModelId.UNNAMED,
        dimension,
        metric,
        cardinality,
        storage,
        index,
        List.of(),
        Origin.CLIENT,
        false,
        "",
        "");
  }

  private static EmbeddingSpec tokens(Storage storage) {
    return spec(
        DIMENSION, Metric.COSINE, Cardinality.MULTI, storage, new IndexSpec.MultiVector(64));
  }

  private Vector matrix(int rows) {
    return new Vector(Seeds.gaussian(random, rows * DIMENSION), rows, "");
  }

  private void upsert(Database database, long from, long to) {
    List<PointWrite> writes = new ArrayList<>();
    for (long id = from; id < to; id++) {
      points.put(id, matrix(1 + random.nextInt(30)));
      writes.add(PointWrite.of(PointId.of(id), Map.of(), points.get(id)));
    }
    database.write(COLLECTION, new Mutation.Upsert(writes), WriteOptions.DEFAULT).join();
  }

  private static double maxSim(Vector query, Vector document) {
    double sum = 0;
    for (int q = 0; q < query.rows(); q++) {
      double best = -1;
      for (int d = 0; d < document.rows(); d++) {
        double dot = 0;
        double left = 0;
        double right = 0;
        for (int i = 0; i < DIMENSION; i++) {
          double a = query.values()[q * DIMENSION + i];
          double b = document.values()[d * DIMENSION + i];
          dot += a * b;
          left += a * a;
          right += b * b;
        }
        best = Math.max(best, dot / Math.sqrt(left * right));
      }
      sum += best;
    }
    return sum;
  }

  private void checkSearches(Database database, double tolerance) {
    for (int round = 0; round < 5; round++) {
      Vector query = matrix(1 + random.nextInt(40));
      for (boolean exact : new boolean[] {true, false}) {
        SearchResult result =
            database.search(
                COLLECTION,
                new SearchRequest(
                    FieldSpec.DEFAULT_NAME,
                    0,
                    query,
                    10,
                    OptionalDouble.empty(),
                    0,
                    exact,
                    new ReadOptions(Selector.ALL, Selector.ALL, 0)));
        assertThat(result.hits()).hasSize(Math.min(10, points.size()));
        double best =
            points.values().stream().mapToDouble(m -> maxSim(query, m)).max().orElseThrow();
        assertThat(result.hits().getFirst().score()).isCloseTo(best, within(tolerance));
        for (SearchResult.Hit hit : result.hits()) {
          Vector stored = requireNonNull(points.get(id(hit)));
          assertThat(hit.score()).isCloseTo(maxSim(query, stored), within(tolerance));
          Vector read = requireNonNull(hit.point().vectors().get(FieldSpec.DEFAULT_NAME));
          assertThat(read.values()).isEqualTo(stored.values());
          assertThat(read.rows()).isEqualTo(stored.rows());
        }
      }
    }
  }

  private static long id(SearchResult.Hit hit) {
    return Long.parseLong(hit.point().id().toString());
  }

  @Test
  void matricesAreWrittenFoundReplacedDeletedAndReopened() throws IOException {
    for (Storage storage : Storage.values()) {
      points.clear();
      Path folder = directory.resolve(storage.name());
      double tolerance = storage == Storage.INT8 ? 0.2 : 1e-3;
      try (Database database = Database.open(folder)) {
        database.createCollection(CollectionSpec.of(COLLECTION, tokens(storage)));
        upsert(database, 0, 300);
        checkSearches(database, tolerance);
        upsert(database, 100, 150);
        List<PointId> deleted = new ArrayList<>();
        for (long id = 0; id < 50; id++) {
          deleted.add(PointId.of(id));
          points.remove(id);
        }
        database
            .write(
                COLLECTION,
                new Mutation.Delete(deleted, OptionalLong.empty()),
                WriteOptions.DEFAULT)
            .join();
        checkSearches(database, tolerance);
      }
      // From its file, then from a store that went on after the file was saved.
      try (Database database = Database.open(folder)) {
        checkSearches(database, tolerance);
        upsert(database, 290, 320);
        checkSearches(database, tolerance);
      }
      try (Database database = Database.open(folder)) {
        checkSearches(database, tolerance);
      }
    }
  }

  @Test
  void refusesWhatDoesNotFit() throws IOException {
    try (Database database = Database.open(directory)) {
      refused(
          database,
          spec(DIMENSION, Metric.COSINE, Cardinality.MULTI, Storage.FLOAT32, new IndexSpec.Hnsw()),
          ErrorCode.INVALID_ARGUMENT,
          ".spec.index: Hnsw (expected: MultiVector, for cardinality MULTI)");
      refused(
          database,
          spec(
              DIMENSION,
              Metric.COSINE,
              Cardinality.SINGLE,
              Storage.FLOAT32,
              new IndexSpec.MultiVector()),
          ErrorCode.INVALID_ARGUMENT,
          ".spec.index: MultiVector (expected: Flat or Hnsw, for cardinality SINGLE)");
      refused(
          database,
          spec(DIMENSION, Metric.L2, Cardinality.MULTI, Storage.INT8, new IndexSpec.MultiVector()),
          ErrorCode.INVALID_ARGUMENT,
          ".spec.metric: L2 (expected: COSINE or DOT, for cardinality MULTI)");
      refused(
          database,
          spec(5000, Metric.DOT, Cardinality.MULTI, Storage.INT8, new IndexSpec.MultiVector()),
          ErrorCode.LIMIT_EXCEEDED,
          ".spec.dimension: 5000 (expected: 1 to 4096)");
      refused(
          database,
          tokens(Storage.INT8).stored(Storage.INT8, false),
          ErrorCode.UNIMPLEMENTED,
          ".spec.keep_originals");
      database.createCollection(CollectionSpec.of(COLLECTION, tokens(Storage.INT8)));
      database.createCollection(
          CollectionSpec.of(
              "dense", EmbeddingSpec.flat(ModelId.UNNAMED, DIMENSION, Metric.COSINE)));
      String path = "points[0].vectors.default";
      Vector narrow = new Vector(new float[2 * DIMENSION], 4, "");
      refused(database, COLLECTION, narrow, ErrorCode.DIMENSION_MISMATCH, "dimension");
      float[] values = Seeds.gaussian(random, 3 * DIMENSION);
      values[DIMENSION + 2] = Float.NaN;
      refused(
          database,
          COLLECTION,
          new Vector(values, 3, ""),
          ErrorCode.NOT_FINITE,
          path + "[" + (DIMENSION + 2) + "]: NaN");
      float[] zero = Seeds.gaussian(random, 2 * DIMENSION);
      Arrays.fill(zero, DIMENSION, 2 * DIMENSION, 0);
      refused(
          database, COLLECTION, new Vector(zero, 2, ""), ErrorCode.ZERO_VECTOR, path + " row 1");
      refused(
          database,
          COLLECTION,
          new Vector(new float[8193 * DIMENSION], 8193, ""),
          ErrorCode.LIMIT_EXCEEDED,
          path + ".rows: 8193 (expected: 1 to 8192)");
      // A matrix for a field of one vector a point, and a query of another dimension.
      refused(database, "dense", matrix(3), ErrorCode.INVALID_ARGUMENT, path + ".rows: 3");
      assertThatThrownBy(() -> database.search("dense", SearchRequest.of(matrix(3), 1)))
          .hasMessageContaining("rows: 3 (expected: 1");
      assertThatThrownBy(() -> database.search(COLLECTION, SearchRequest.of(Vector.of(1, 2, 3), 1)))
          .hasMessageContaining("dimension: 3 (expected: 24");
      assertThatThrownBy(() -> database.search(COLLECTION, SearchRequest.of(matrix(1025), 1)))
          .hasMessageContaining("1025 tokens (expected: 1 to 1024 tokens)");
    }
  }

  private static void refused(
      Database database, EmbeddingSpec spec, ErrorCode code, String message) {
    assertThatThrownBy(() -> database.createCollection(CollectionSpec.of("refused", spec)))
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message);
  }

  private static void refused(
      Database database, String collection, Vector vector, ErrorCode code, String message) {
    Mutation write = new Mutation.Upsert(List.of(PointWrite.of(PointId.of(1), Map.of(), vector)));
    assertThatThrownBy(() -> database.write(collection, write, WriteOptions.DEFAULT))
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message);
  }
}
