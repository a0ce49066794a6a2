package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FacetCounts;
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
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every write gives all points another turn at once: the vectors of both fields and a payload
/// value are functions of it. A query one stage of which saw another write than the next would find
/// points of two turns, or scores that belong to none.
final class QueryConcurrencyTest {
  private static final int POINTS = 30;
  private static final int WRITES = 300;
  private static final FieldPath TURN = FieldPath.of("turn");

  @TempDir private Path directory;

  static List<IndexSpec> indexes() {
    return List.of(new IndexSpec.Flat(), new IndexSpec.Hnsw(4, 10));
  }

  @ParameterizedTest
  @MethodSource("indexes")
  void allStagesSeeOneWrite(IndexSpec index) throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    try (Database database = Database.open(directory);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      EmbeddingSpec spec = EmbeddingSpec.of(ModelId.UNNAMED, 2, Metric.L2, index);
      database.createCollection(
          new CollectionSpec(
              "points",
              List.of(new FieldSpec("a", spec), new FieldSpec("b", spec)),
              List.of(new PayloadIndexSpec(TURN, ScalarType.INT64))));
      turn(database, 0);
      List<Future<Integer>> readers = new ArrayList<>();
      for (int reader = 0; reader < 2; reader++) {
        int number = reader;
        readers.add(threads.submit(() -> read(database, number, done)));
      }
      try {
        for (int i = 1; i <= WRITES; i++) {
          turn(database, i);
        }
      } finally {
        done.set(true);
      }
      for (Future<Integer> reader : readers) {
        assertThat(reader.get()).isPositive();
      }
    }
  }

  /// Point `i` stands at `(i, turn)` in a and at `(-i, turn)` in b.
  private static void turn(Database database, int turn) {
    List<PointWrite> points = new ArrayList<>();
    for (int i = 0; i < POINTS; i++) {
      points.add(
          new PointWrite(
              PointId.of(i),
              Map.of("turn", new Value.IntValue(turn), "half", new Value.IntValue(i % 2)),
              Map.of("a", Vector.of(i, turn), "b", Vector.of(-i, turn)),
              OptionalLong.empty()));
    }
    // Nobody waits for the disk here, so writes come as fast as they can.
    database
        .write("points", new Mutation.Upsert(points), new WriteOptions("", Durability.ASYNC))
        .join();
  }

  private static QueryNode.Nearest nearest(String field, QueryInput input, Prefetch... below) {
    return new QueryNode.Nearest(field, 0, input, 0, List.of(below));
  }

  private static int read(Database database, int number, AtomicBoolean done) throws IOException {
    Random random = Seeds.random("QueryConcurrency" + number);
    int reads = 0;
    while (!done.get()) {
      int at = random.nextInt(POINTS);
      QueryInput stored = new QueryInput.Stored(PointId.of(at));
      // The stored vector is of the turn of the points that it is compared with: the second number
      // adds nothing to any score.
      QueryNode tree =
          nearest(
              "b",
              stored,
              Prefetch.of(
                  new QueryNode.Fusion(
                      60,
                      List.of(),
                      List.of(
                          Prefetch.of(nearest("a", stored), POINTS),
                          Prefetch.of(new QueryNode.OrderBy(TURN, true, List.of()), POINTS))),
                  POINTS));
      QueryResult result =
          database.query(
              "points",
              QueryRequest.of(tree, POINTS)
                  .withFilter(
                      new Filter.Match(FieldPath.of("half"), List.of(new Value.IntValue(at % 2)))));
      assertThat(result.hits()).hasSize(POINTS / 2 - 1);
      assertThat(result.hits().stream().map(hit -> hit.point().payload().get("turn")).distinct())
          .hasSize(1);
      for (QueryResult.Hit hit : result.hits()) {
        long other = ((PointId.Number) hit.point().id()).number();
        assertThat(-hit.score())
            .isBetween((other - at) * (other - at) - 1e-2, (other - at) * (other - at) + 1e-2);
      }
      FacetCounts facets = database.facet("points", TURN, Filter.ALL, 10, 0, () -> false);
      assertThat(facets.values()).hasSize(1);
      assertThat(facets.values().getFirst().points()).isEqualTo(POINTS);
      reads++;
    }
    return reads;
  }
}
