package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every write changes both points of a pair: one becomes red and the other blue, in payload and in
/// vector. A reader that saw half a write would see a pair of one colour, or a point whose vector
/// is of the other.
final class FilterConcurrencyTest {
  private static final int PAIRS = 40;
  private static final int WRITES = 600;
  private static final FieldPath COLOUR = FieldPath.of("colour");
  private static final Filter RED = new Filter.Match(COLOUR, List.of(new Value.StringValue("red")));
  private static final Filter RED_BY_READING =
      new Filter.Match(FieldPath.of("again"), List.of(new Value.StringValue("red")));

  @TempDir private Path directory;

  static List<IndexSpec> indexes() {
    return List.of(new IndexSpec.Flat(), new IndexSpec.Hnsw(4, 10));
  }

  @ParameterizedTest
  @MethodSource("indexes")
  void aReaderSeesAWriteWholeOrNotAtAll(IndexSpec index) throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    try (Database database = Database.open(directory);
        ExecutorService threads = Executors.newFixedThreadPool(3)) {
      EmbeddingSpec spec = EmbeddingSpec.of(ModelId.UNNAMED, 2, Metric.L2, index);
      database.createCollection(
          new CollectionSpec(
              "pairs",
              List.of(new FieldSpec("default", spec)),
              List.of(new PayloadIndexSpec(COLOUR, ScalarType.KEYWORD))));
      for (int pair = 0; pair < PAIRS; pair++) {
        paint(database, pair, true);
      }
      List<Future<Integer>> readers = new ArrayList<>();
      for (int reader = 0; reader < 3; reader++) {
        int number = reader;
        readers.add(threads.submit(() -> read(database, number, done)));
      }
      try {
        Random random = Seeds.random("FilterConcurrency");
        for (int i = 0; i < WRITES; i++) {
          paint(database, random.nextInt(PAIRS), random.nextBoolean());
          if (i % 100 == 50) {
            database.dropIndex("pairs", COLOUR);
            database.addIndex("pairs", new PayloadIndexSpec(COLOUR, ScalarType.KEYWORD));
          }
        }
      } finally {
        done.set(true);
      }
      for (Future<Integer> reader : readers) {
        assertThat(reader.get()).isPositive();
      }
    }
  }

  private static void paint(Database database, int pair, boolean firstIsRed) {
    List<PointWrite> points = new ArrayList<>();
    for (int side = 0; side < 2; side++) {
      boolean red = firstIsRed == (side == 0);
      Value colour = new Value.StringValue(red ? "red" : "blue");
      points.add(
          PointWrite.of(
              PointId.of(2L * pair + side),
              Map.of("colour", colour, "again", colour),
              Vector.of(red ? 1 : 0.5f, pair)));
    }
    // Nobody waits for the disk here, so writes come as fast as they can.
    database
        .write("pairs", new Mutation.Upsert(points), new WriteOptions("", Durability.ASYNC))
        .join();
  }

  private static int read(Database database, int number, AtomicBoolean done) throws IOException {
    int reads = 0;
    Random random = Seeds.random("reader" + number);
    while (!done.get()) {
      Filter filter = number == 0 ? RED_BY_READING : RED;
      assertThat(database.count("pairs", filter, 0, () -> false)).isEqualTo(PAIRS);
      SearchResult result =
          database.search(
              "pairs",
              SearchRequest.of(Vector.of(1, random.nextInt(PAIRS)), 2 * PAIRS).withFilter(filter));
      assertThat(result.hits()).hasSize(PAIRS);
      assertThat(result.hits().stream().map(hit -> pairOf(hit.point().id())).distinct())
          .hasSize(PAIRS);
      for (SearchResult.Hit hit : result.hits()) {
        assertThat(hit.point().payload().get("colour")).isEqualTo(new Value.StringValue("red"));
        // To a red vector it is the square of a whole number, to a blue one a quarter more.
        double distance = -hit.score();
        double root = Math.rint(Math.sqrt(distance));
        assertThat(Math.abs(distance - root * root)).isLessThan(0.01);
      }
      reads++;
    }
    return reads;
  }

  private static long pairOf(PointId id) {
    return ((PointId.Number) Objects.requireNonNull(id)).number() / 2;
  }
}
