package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.client.Cardinality;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Filters;
import io.whimbrel.client.Hit;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.MaxSimOptions;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchPlan;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Storage;
import io.whimbrel.client.TokenMatch;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Token matrices through a real server and the SDK.
class MultiVectorIT {
  private static final int DIMENSION = 32;
  private static final int POINTS = 400;
  private static final String TOKENS = "tokens";
  private static final String DENSE = "dense";

  @TempDir private static Path data;

  private static final Random RANDOM = new Random(5);
  private static final Map<Long, Vector> MATRICES = new TreeMap<>();
  private static RunningServer running;
  private static WhimbrelClient client;

  @BeforeAll
  static void start() throws IOException {
    running = new RunningServer(data, Map.of());
    client = WhimbrelClient.builder().address("127.0.0.1", running.server.port()).build();
    var _ =
        client.createCollection(
            CollectionSpec.of(
                TOKENS,
                EmbeddingSpec.builder(DIMENSION, Metric.COSINE)
                    .cardinality(Cardinality.MULTI)
                    .storage(Storage.INT8)
                    .index(new IndexSpec.MultiVector(64))
                    .build()));
    var _ =
        client.createCollection(
            CollectionSpec.of(DENSE, EmbeddingSpec.builder(DIMENSION, Metric.COSINE).build()));
    List<Point> points = new ArrayList<>();
    for (long id = 0; id < POINTS; id++) {
      MATRICES.put(id, matrix(1 + RANDOM.nextInt(20)));
      Map<String, Value> payload = Map.of("third", Value.of(id % 3));
      points.add(Point.of(PointId.of(id), payload, MATRICES.get(id)));
    }
    var _ = client.upsert(TOKENS, points);
    var _ = client.upsert(DENSE, List.of(Point.of(PointId.of(1), matrix(1))));
  }

  @AfterAll
  static void stop() throws IOException {
    client.close();
    running.close();
  }

  private static Vector matrix(int rows) {
    float[][] tokens = new float[rows][DIMENSION];
    for (float[] token : tokens) {
      for (int i = 0; i < DIMENSION; i++) {
        token[i] = (float) RANDOM.nextGaussian();
      }
    }
    return Vector.ofRows(tokens);
  }

  private static double cosine(Vector a, int tokenOfA, Vector b, int tokenOfB) {
    double dot = 0;
    double left = 0;
    double right = 0;
    for (int i = 0; i < DIMENSION; i++) {
      double x = a.values()[tokenOfA * DIMENSION + i];
      double y = b.values()[tokenOfB * DIMENSION + i];
      dot += x * y;
      left += x * x;
      right += y * y;
    }
    return dot / Math.sqrt(left * right);
  }

  private static double best(Vector query, int token, Vector document) {
    double best = -1;
    for (int t = 0; t < document.rows(); t++) {
      best = Math.max(best, cosine(query, token, document, t));
    }
    return best;
  }

  private static double maxSim(Vector query, Vector document) {
    double sum = 0;
    for (int t = 0; t < query.rows(); t++) {
      sum += best(query, t, document);
    }
    return sum;
  }

  private static Vector stored(Hit hit) {
    return Objects.requireNonNull(MATRICES.get(Long.parseLong(hit.id().toString())));
  }

  private static SearchRequest.Builder search(Vector query) {
    return SearchRequest.builder(query).k(5);
  }

  @Test
  void hitsSayTheirScoreByEachRuleAndTheirTokens() {
    for (int round = 0; round < 10; round++) {
      Vector query = matrix(1 + RANDOM.nextInt(40));
      double most =
          MATRICES.values().stream().mapToDouble(m -> maxSim(query, m)).max().orElseThrow();
      SearchResult sums =
          client.search(
              TOKENS, search(query).maxSim(MaxSimOptions.DEFAULT.withAlign(true)).build());
      SearchResult means =
          client.search(
              TOKENS,
              search(query)
                  .maxSim(MaxSimOptions.DEFAULT.withScoring(MaxSimOptions.Scoring.MEAN))
                  .build());
      assertThat(sums.plan().map(SearchPlan::method)).contains(SearchPlan.Method.CASCADE);
      assertThat(sums.hits()).hasSize(5);
      assertThat(sums.hits().getFirst().score()).isCloseTo(most, within(0.01 * query.rows()));
      for (int rank = 0; rank < 5; rank++) {
        Hit hit = sums.hits().get(rank);
        assertThat(hit.score()).isCloseTo(maxSim(query, stored(hit)), within(0.01 * query.rows()));
        assertThat(means.hits().get(rank).id()).isEqualTo(hit.id());
        assertThat(means.hits().get(rank).score())
            .isCloseTo(hit.score() / query.rows(), within(1e-5));
        assertThat(means.hits().get(rank).alignment()).isEmpty();
        checkAlignment(query, hit);
      }
    }
  }

  private static void checkAlignment(Vector query, Hit hit) {
    assertThat(hit.alignment()).hasSize(query.rows());
    double sum = 0;
    for (int t = 0; t < query.rows(); t++) {
      TokenMatch match = hit.alignment().get(t);
      assertThat(match.queryToken()).isEqualTo(t);
      double cosine = cosine(query, t, stored(hit), match.token());
      assertThat((double) match.score()).isCloseTo(cosine, within(0.01));
      assertThat(cosine).isCloseTo(best(query, t, stored(hit)), within(0.02));
      sum += match.score();
    }
    assertThat(sum).isCloseTo(hit.score(), within(1e-4));
  }

  @Test
  void everyPointIsFoundByItsOwnTokensUnderAFilterToo() {
    for (long id = 0; id < POINTS; id += 37) {
      Vector own = Objects.requireNonNull(MATRICES.get(id));
      SearchRequest.Builder request =
          search(own)
              .filter(Filters.parse("third = " + id % 3))
              .read(ReadOptions.DEFAULT.withVectors(Selector.ALL));
      for (boolean exact : new boolean[] {true, false}) {
        SearchResult result = client.search(TOKENS, request.exact(exact).build());
        assertThat(result.hits().getFirst().id()).isEqualTo(PointId.of(id));
        Vector read = Objects.requireNonNull(result.hits().getFirst().vectors().get("default"));
        assertThat(read.values()).isEqualTo(own.values());
        assertThat(read.rows()).isEqualTo(own.rows());
        for (Hit hit : result.hits()) {
          assertThat(hit.payload()).containsEntry("third", Value.of(id % 3));
        }
      }
    }
  }

  @Test
  void smallSizesFindLess() {
    int narrow = 0;
    int wide = 0;
    for (int round = 0; round < 20; round++) {
      Vector query = matrix(8);
      List<PointId> truth = ids(search(query).exact(true));
      narrow += common(truth, ids(search(query).maxSim(MaxSimOptions.DEFAULT.withSizes(5, 5))));
      wide += common(truth, ids(search(query).maxSim(MaxSimOptions.DEFAULT.withSizes(400, 400))));
    }
    assertThat(wide).isEqualTo(100);
    assertThat(narrow).isLessThan(wide);
  }

  private static List<PointId> ids(SearchRequest.Builder request) {
    return client.search(TOKENS, request.build()).hits().stream().map(Hit::id).toList();
  }

  private static int common(List<PointId> truth, List<PointId> found) {
    return (int) found.stream().filter(truth::contains).count();
  }

  @Test
  void parametersOfAnotherKindOfFieldAreRefused() {
    Vector one = matrix(1);
    MaxSimOptions none = MaxSimOptions.DEFAULT;
    refused(DENSE, search(one).maxSim(none.withAlign(true)), "params.align: true (expected: none");
    refused(
        DENSE,
        search(one).maxSim(none.withScoring(MaxSimOptions.Scoring.MEAN)),
        "params.scoring: MEAN (expected: none");
    refused(
        DENSE, search(one).maxSim(none.withSizes(10, 5)), "params.shortlist: 10 (expected: none");
    refused(TOKENS, search(one).ef(50), "params.ef: 50 (expected: none");
    refused(
        TOKENS,
        search(one).maxSim(none.withSizes(9, 10)),
        "params.shortlist: 9 (expected: 0, or at");
    refused(
        TOKENS,
        search(one).maxSim(none.withSizes(9, 4)),
        "params.candidates: 4 (expected: 0, or at");
    refused(DENSE, search(matrix(3)), "rows: 3 (expected: 1");
    assertThatThrownBy(() -> client.search(TOKENS, search(Vector.of(1, 2, 3)).build()))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.DIMENSION_MISMATCH));
    assertThatThrownBy(
            () -> client.search(TOKENS, search(one).maxSim(none.withSizes(1_000_001, 5)).build()))
        .isInstanceOfSatisfying(
            WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED))
        .hasMessageContaining("params.shortlist");
  }

  private static void refused(String collection, SearchRequest.Builder request, String message) {
    assertThatThrownBy(() -> client.search(collection, request.build()))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
        .hasMessageContaining(message);
  }
}
