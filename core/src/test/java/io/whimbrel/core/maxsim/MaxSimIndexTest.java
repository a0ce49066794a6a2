package io.whimbrel.core.maxsim;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.MultiVectorHits;
import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.MaxSimOptions.Scoring;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.TokenAlignment;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class MaxSimIndexTest {
  /// Centroids from 100 documents on, fitted from 300 on.
  static final MaxSimIndex.Tuning EARLY = new MaxSimIndex.Tuning(100, 300, 100, 0.03);

  private static final IndexSpec.MultiVector SPEC = new IndexSpec.MultiVector(256);
  private static final Kernels KERNELS = KernelProvider.best();

  private final Random random = Seeds.random("max-sim-index");
  private long regions;

  @BeforeEach
  void countRegions() {
    regions = Region.bytesOpen();
  }

  @AfterEach
  void noRegionIsLeft() {
    assertThat(Region.bytesOpen()).isEqualTo(regions);
  }

  static MaxSimIndex index(int dimension, Metric metric, Storage storage) {
    return new MaxSimIndex(dimension, metric, storage, SPEC, EARLY, KERNELS);
  }

  @ParameterizedTest
  @EnumSource(
      value = Metric.class,
      names = {"COSINE", "DOT"})
  void exactIsATripleLoop(Metric metric) {
    for (int dimension : new int[] {1, 31, 64, 128}) {
      for (Kernels kernels : List.of(KERNELS, new ScalarKernels())) {
        TokenSets set = TokenSets.clustered(random, dimension, 20, 2, 0);
        // One document of many tokens, over several chunks of memory.
        set.documents().add(Seeds.gaussian(random, 700 * dimension));
        set.documents().add(Seeds.gaussian(random, dimension));
        try (MaxSimIndex index =
            new MaxSimIndex(dimension, metric, Storage.FLOAT32, SPEC, EARLY, kernels)) {
          set.addTo(index);
          MultiVectorParams all = MultiVectorParams.of(22).withExact(true).withAlign(true);
          for (float[] query : set.queries()) {
            checkScores(set, metric, query, index.search(query, all, () -> false));
            MultiVectorHits means = index.search(query, all.withScoring(Scoring.MEAN), () -> false);
            float sum = index.search(query, all, () -> false).best().score(0);
            assertThat(means.best().score(0))
                .isCloseTo(sum / (query.length / dimension), within(1e-5f * Math.abs(sum)));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Storage.class)
  void scoresOfChosenDocumentsAreThoseOfASearch(Storage storage) {
    int dimension = 48;
    TokenSets set = TokenSets.clustered(random, dimension, 400, 5, 0);
    try (MaxSimIndex index = index(dimension, Metric.DOT, storage)) {
      set.addTo(index);
      index.remove(3, 2);
      index.publish(2);
      try (MultiVectorIndex.MatrixReader reader = index.reader()) {
        // Not of the reader's publish: it still scores what it shows.
        index.remove(5, 3);
        index.add(set.documents().getFirst(), 1_000);
        index.publish(3);
        int[] some = {399, 5, 0, 17, 17};
        for (float[] query : set.queries()) {
          float[] sums = reader.scores(query, some, Scoring.SUM, () -> false);
          float[] means = reader.scores(query, some, Scoring.MEAN, () -> false);
          int tokens = query.length / dimension;
          double tolerance = storage == Storage.INT8 ? 0.05 * tokens : 1e-4 * tokens;
          for (int i = 0; i < some.length; i++) {
            double truth = TokenSets.maxSim(query, set.documents().get(some[i]), dimension);
            assertThat((double) sums[i]).isCloseTo(truth, within(tolerance));
            assertThat(means[i]).isCloseTo(sums[i] / tokens, within(1e-5f));
          }
          var best = reader.search(query, MultiVectorParams.of(3), () -> false).best();
          int[] found = {best.ordinal(0), best.ordinal(1), best.ordinal(2)};
          assertThat(reader.scores(query, found, Scoring.SUM, () -> false))
              .containsExactly(best.score(0), best.score(1), best.score(2));
        }
        float[] query = set.queries().getFirst();
        assertThat(reader.scores(query, new int[0], Scoring.SUM, () -> true)).isEmpty();
        assertThatThrownBy(() -> reader.scores(query, new int[] {3}, Scoring.SUM, () -> false))
            .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> reader.scores(query, new int[] {400}, Scoring.SUM, () -> false))
            .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> reader.scores(query, some, Scoring.SUM, () -> true))
            .isInstanceOfSatisfying(
                WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CANCELLED));
        assertThatThrownBy(() -> reader.scores(new float[5], some, Scoring.SUM, () -> false))
            .isInstanceOfSatisfying(
                WhimbrelException.class,
                e -> assertThat(e.code()).isEqualTo(ErrorCode.DIMENSION_MISMATCH));
      }
    }
  }

  private static void checkScores(
      TokenSets set, Metric metric, float[] query, MultiVectorHits hits) {
    int dimension = set.dimension();
    assertThat(hits.best().count()).isEqualTo(set.documents().size());
    for (int rank = 0; rank < hits.best().count(); rank++) {
      float[] document = set.documents().get((int) hits.best().label(rank));
      float[] left = metric == Metric.COSINE ? unit(query, dimension) : query;
      float[] right = metric == Metric.COSINE ? unit(document, dimension) : document;
      double expected = TokenSets.maxSim(left, right, dimension);
      double size = 0;
      for (float value : right) {
        size = Math.max(size, Math.abs(value));
      }
      assertThat((double) hits.best().score(rank))
          .isCloseTo(expected, within(1e-5 * dimension * (left.length / dimension) * size));
      if (rank > 0) {
        assertThat(hits.best().score(rank)).isLessThanOrEqualTo(hits.best().score(rank - 1));
      }
      checkAlignment(hits.alignments().get(rank), left, right, dimension);
    }
  }

  private static void checkAlignment(
      TokenAlignment alignment, float[] query, float[] document, int dimension) {
    assertThat(alignment.count()).isEqualTo(query.length / dimension);
    for (int t = 0; t < alignment.count(); t++) {
      float[] token = Arrays.copyOfRange(query, t * dimension, (t + 1) * dimension);
      int of = alignment.token(t) * dimension;
      float[] matched = Arrays.copyOfRange(document, of, of + dimension);
      double best = TokenSets.maxSim(token, document, dimension);
      double tolerance = 1e-4 * (1 + Math.abs(best));
      assertThat(TokenSets.maxSim(token, matched, dimension)).isCloseTo(best, within(tolerance));
      assertThat((double) alignment.score(t)).isCloseTo(best, within(tolerance));
    }
  }

  private static float[] unit(float[] tokens, int dimension) {
    float[] scaled = new float[tokens.length];
    for (int from = 0; from < tokens.length; from += dimension) {
      double squares = 0;
      for (int i = from; i < from + dimension; i++) {
        squares += (double) tokens[i] * tokens[i];
      }
      for (int i = from; i < from + dimension; i++) {
        scaled[i] = (float) (tokens[i] / Math.sqrt(squares));
      }
    }
    return scaled;
  }

  @Test
  void roundedTokensStayWithinTheirBound() {
    for (int dimension : new int[] {5, 64, 128, 300}) {
      TokenSets set = TokenSets.clustered(random, dimension, 80, 10, 0);
      try (MaxSimIndex index = index(dimension, Metric.DOT, Storage.INT8)) {
        set.addTo(index);
        for (float[] query : set.queries()) {
          var best =
              index.search(query, MultiVectorParams.of(80).withExact(true), () -> false).best();
          for (int rank = 0; rank < best.count(); rank++) {
            float[] document = set.documents().get((int) best.label(rank));
            double sizes = 0;
            for (float value : query) {
              sizes += Math.abs(value);
            }
            double bound = sizes * scaleMax(document, dimension) / 2 * 1.001;
            assertThat((double) best.score(rank))
                .isCloseTo(TokenSets.maxSim(query, document, dimension), within(bound));
          }
        }
      }
    }
  }

  private static double scaleMax(float[] document, int dimension) {
    double most = 0;
    for (int from = 0; from < document.length; from += dimension) {
      byte[] codes = new byte[dimension];
      most = Math.max(most, TokenCodes.ofDocuments(dimension).encode(document, from, codes));
    }
    return most;
  }

  @ParameterizedTest
  @EnumSource(Storage.class)
  void theCascadeFindsTheBest(Storage storage) {
    TokenSets set = TokenSets.clustered(random, 64, 2600, 25, 0);
    try (MaxSimIndex index = index(64, Metric.COSINE, storage)) {
      set.addTo(index);
      MultiVectorParams params = MultiVectorParams.of(10);
      // By signs only, then by tokens as centroids, then by means.
      assertThat(index.centroids().generation()).isZero();
      assertThat(set.recall(index, params)).isGreaterThan(0.97);
      TokenSets.workAll(index);
      assertThat(index.centroids().fitted()).isTrue();
      assertThat(index.coverage()).isEqualTo(1);
      double recall = set.recall(index, params);
      assertThat(recall).isGreaterThan(0.97);
      double narrow = set.recall(index, params.withSizes(20, 10));
      double wider = set.recall(index, params.withSizes(100, 30));
      assertThat(narrow).isLessThan(wider);
      assertThat(wider).isLessThanOrEqualTo(recall);
      assertThat(set.recall(index, params.withSizes(2600, 2600))).isEqualTo(1);
    }
  }

  @Test
  void recallGrowsWithEachSize() {
    TokenSets set = TokenSets.clustered(random, 64, 2_200, 40, 0);
    try (MaxSimIndex index = index(64, Metric.COSINE, Storage.INT8)) {
      set.addTo(index);
      TokenSets.workAll(index);
      assertThat(index.note()).isEmpty();
      MultiVectorParams params = MultiVectorParams.of(10);
      double[] ofShortlist =
          IntStream.of(10, 20, 40, 100, 400)
              .mapToDouble(n -> set.recall(index, params.withSizes(n, 10)))
              .toArray();
      double[] ofCandidates =
          IntStream.of(10, 20, 40, 100, 400)
              .mapToDouble(n -> set.recall(index, params.withSizes(400, n)))
              .toArray();
      for (double[] recall : new double[][] {ofShortlist, ofCandidates}) {
        for (int i = 1; i < recall.length; i++) {
          assertThat(recall[i]).isGreaterThanOrEqualTo(recall[i - 1]);
        }
      }
      assertThat(ofShortlist[0]).isLessThan(ofShortlist[4]);
      assertThat(ofCandidates[0]).isLessThan(ofCandidates[4]);
      assertThat(ofCandidates[4]).isGreaterThan(0.99);
      assertThat(set.recall(index, params.withSizes(2_200, 2_200))).isEqualTo(1);
    }
  }

  /// Ids of tokens that have nothing near them would lose most of the hits.
  @Test
  void centroidsFarFromTheTokensAreNotUsed() {
    TokenSets set = TokenSets.clustered(random, 64, 2_200, 30, 0);
    MaxSimIndex.Tuning tuning = new MaxSimIndex.Tuning(100, 300, 100, 0.03);
    try (MaxSimIndex index =
        new MaxSimIndex(
            64, Metric.COSINE, Storage.INT8, new IndexSpec.MultiVector(4), tuning, KERNELS)) {
      set.addTo(index);
      TokenSets.workAll(index);
      assertThat(index.centroids().meanCosine()).isLessThan(Generation.COSINE_MIN);
      assertThat(index.note()).startsWith("searches skip centroid ids");
      MultiVectorParams params = MultiVectorParams.of(10).withSizes(100, 100);
      assertThat(set.recall(index, params)).isGreaterThan(0.97);
    }
  }

  @Test
  void orderAndRepetitionOfTokensMakeNoDifference() {
    TokenSets set = TokenSets.clustered(random, 64, 400, 10, 0);
    try (MaxSimIndex index = index(64, Metric.COSINE, Storage.INT8)) {
      for (float[] tokens : set.documents()) {
        index.add(tokens, 0);
        index.add(shuffledTwice(tokens, 64), 1);
      }
      index.publish(1);
      TokenSets.workAll(index);
      for (float[] query : set.queries()) {
        var best = index.search(query, MultiVectorParams.of(20), () -> false).best();
        for (int rank = 0; rank < 20; rank += 2) {
          assertThat(best.score(rank)).isEqualTo(best.score(rank + 1));
          assertThat(best.ordinal(rank)).isEqualTo(best.ordinal(rank + 1) - 1);
        }
      }
    }
  }

  private float[] shuffledTwice(float[] tokens, int dimension) {
    float[] doubled = new float[2 * tokens.length];
    List<Integer> order =
        new ArrayList<>(IntStream.range(0, 2 * tokens.length / dimension).boxed().toList());
    Collections.shuffle(order, random);
    for (int t = 0; t < order.size(); t++) {
      int from = order.get(t) * dimension % tokens.length;
      System.arraycopy(tokens, from, doubled, t * dimension, dimension);
    }
    return doubled;
  }

  @Test
  void filtersHoldAndLeaveEnoughHits() {
    int count = 5000;
    TokenSets set = TokenSets.clustered(random, 64, count, 10, 0);
    try (MaxSimIndex index = index(64, Metric.COSINE, Storage.INT8)) {
      set.addTo(index);
      TokenSets.workAll(index);
      for (double share : new double[] {0.001, 0.01, 0.1, 0.5}) {
        BitSet accepted = new BitSet();
        for (int d = 0; d < count; d++) {
          accepted.set(d, random.nextDouble() < share);
        }
        MultiVectorParams params = MultiVectorParams.of(10).withAccept(AcceptBits.of(accepted));
        for (float[] query : set.queries()) {
          var best = index.search(query, params, () -> false).best();
          assertThat(best.count()).isEqualTo(Math.min(10, accepted.cardinality()));
          for (int rank = 0; rank < best.count(); rank++) {
            assertThat(accepted.get(best.ordinal(rank))).isTrue();
          }
        }
        if (!accepted.isEmpty()) {
          assertThat(set.recall(index, params)).isGreaterThan(0.95);
        }
        // Without the way around the first stage too.
        assertThat(set.recall(index, params.withSizes(100, 50))).isGreaterThan(0.8);
      }
      MultiVectorParams none = MultiVectorParams.of(10).withAccept(AcceptBits.of(new BitSet()));
      assertThat(index.search(set.queries().getFirst(), none, () -> false).best().count()).isZero();
    }
  }

  @Test
  void churnAgainstAModel() {
    TokenSets set = TokenSets.clustered(random, 64, 3000, 10, 0);
    Map<Integer, Long> labelOf = new HashMap<>();
    Set<Integer> live = new HashSet<>();
    MaxSimIndex index = index(64, Metric.COSINE, Storage.INT8);
    try {
      long seq = 0;
      for (int round = 0; round < 30; round++) {
        seq++;
        for (int i = 0; i < 90; i++) {
          long label = random.nextInt(set.documents().size());
          int ordinal = index.add(set.documents().get((int) label), label);
          labelOf.put(ordinal, label);
          live.add(ordinal);
        }
        for (int victim : List.copyOf(live)) {
          if (random.nextInt(4) == 0) {
            index.remove(victim, seq);
            live.remove(victim);
          }
        }
        index.publish(seq);
        if (random.nextInt(3) > 0) {
          index.work(1 + random.nextInt(200));
        }
        if (index.wantsCompaction() || round == 15) {
          MaxSimIndex compacted = index.compacted(seq);
          index.close();
          index = compacted;
          labelOf.clear();
          live.clear();
          index.forEachLive((label, ordinal) -> {
            labelOf.put(ordinal, label);
            live.add(ordinal);
          });
        }
        assertThat(index.live()).isEqualTo(live.size());
        checkAgainstModel(index, set, labelOf, live);
      }
      TokenSets.workAll(index);
      assertThat(set.recall(index, MultiVectorParams.of(10))).isGreaterThan(0.95);
    } finally {
      index.close();
    }
  }

  private static void checkAgainstModel(
      MaxSimIndex index, TokenSets set, Map<Integer, Long> labelOf, Set<Integer> live) {
    for (float[] query : set.queries().subList(0, 2)) {
      TreeMap<Double, Integer> expected = new TreeMap<>(Comparator.reverseOrder());
      for (int ordinal : live) {
        long label = requireNonNull(labelOf.get(ordinal));
        float[] document = set.documents().get((int) label);
        expected.put(TokenSets.maxSim(query, document, set.dimension()), ordinal);
      }
      for (boolean exact : new boolean[] {true, false}) {
        var best =
            index.search(query, MultiVectorParams.of(10).withExact(exact), () -> false).best();
        assertThat(best.count()).isEqualTo(Math.min(10, live.size()));
        for (int rank = 0; rank < best.count(); rank++) {
          int ordinal = best.ordinal(rank);
          assertThat(live).contains(ordinal);
          assertThat(best.label(rank)).isEqualTo(labelOf.get(ordinal));
        }
        if (exact && best.count() > 0) {
          assertThat((double) best.score(0)).isCloseTo(expected.firstKey(), within(0.05));
        }
      }
    }
  }

  @Test
  void aPublishShowsAllBeforeItAndNothingAfter() {
    TokenSets set = TokenSets.clustered(random, 64, 50, 1, 0);
    try (MaxSimIndex index = index(64, Metric.COSINE, Storage.FLOAT32)) {
      float[] query = set.queries().getFirst();
      int first = index.add(set.documents().get(0), 7);
      assertThat(TokenSets.labels(index, query, MultiVectorParams.of(5))).isEmpty();
      index.publish(3);
      assertThat(TokenSets.labels(index, query, MultiVectorParams.of(5))).containsExactly(7L);
      index.remove(first, 5);
      index.add(set.documents().get(1), 8);
      assertThat(TokenSets.labels(index, query, MultiVectorParams.of(5))).containsExactly(7L);
      index.publish(5);
      assertThat(TokenSets.labels(index, query, MultiVectorParams.of(5))).containsExactly(8L);
      assertThat(index.live()).isEqualTo(1);
      assertThat(index.rows()).isEqualTo(2);
      assertThatThrownBy(() -> index.publish(4)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.remove(first, 6)).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void driftStartsANewFit() {
    TokenSets before = TokenSets.clustered(random, 64, 3000, 1, 1);
    TokenSets after = TokenSets.clustered(random, 64, 3000, 30, 2);
    try (MaxSimIndex index =
        new MaxSimIndex(
            64,
            Metric.COSINE,
            Storage.INT8,
            new IndexSpec.MultiVector(256),
            new MaxSimIndex.Tuning(100, 300, 500, 0.03),
            KERNELS)) {
      before.addTo(index);
      TokenSets.workAll(index);
      int fitted = index.centroids().generation();
      double mean = index.centroids().meanCosine();
      for (int d = 0; d < after.documents().size(); d++) {
        index.add(after.documents().get(d), 10_000 + d);
      }
      index.publish(2);
      // New documents come first: the fall is visible before the new fit ends.
      while (index.pending() > 0) {
        index.work(100);
      }
      assertThat(index.centroids().generation()).isEqualTo(fitted);
      double fallen = index.centroids().recentCosine();
      assertThat(fallen).isLessThan(mean - 0.03);
      assertThat(index.work(100)).isTrue();
      assertThat(index.centroids().refitting()).isTrue();
      TokenSets.workAll(index);
      assertThat(index.centroids().generation()).isEqualTo(fitted + 1);
      assertThat(index.centroids().refitting()).isFalse();
      // Both topics share the centroids now.
      assertThat(index.centroids().meanCosine()).isGreaterThan(fallen);
      assertThat(after.recall(index, MultiVectorParams.of(10).withSizes(500, 100)))
          .isGreaterThan(0.95);
    }
  }

  @Test
  void refusesBadTokens() {
    try (MaxSimIndex index = index(4, Metric.COSINE, Storage.FLOAT32)) {
      refused(index, new float[0], ErrorCode.INVALID_ARGUMENT, "vector: 0 tokens");
      refused(index, new float[6], ErrorCode.DIMENSION_MISMATCH, "vector: 6 values");
      refused(
          index,
          new float[4 * (MultiVectorIndex.TOKENS_MAX + 1)],
          ErrorCode.LIMIT_EXCEEDED,
          "vector: 8193 tokens");
      refused(
          index,
          new float[] {1, 2, 3, 4, 0, 0, 0, 0},
          ErrorCode.ZERO_VECTOR,
          "vector[1]: all zero");
      refused(
          index,
          new float[] {1, 2, 3, 4, 0, Float.NaN, 0, 0},
          ErrorCode.NOT_FINITE,
          "vector[1]: NaN");
      assertThat(index.add(new float[] {1, 2, 3, 4}, 9)).isZero();
      index.publish(1);
      assertThatThrownBy(() ->
              index.search(
                  new float[4 * (MultiVectorIndex.QUERY_TOKENS_MAX + 1)],
                  MultiVectorParams.of(1),
                  () -> false))
          .isInstanceOf(WhimbrelException.class)
          .hasMessageContaining("query: 1025 tokens");
      assertThatThrownBy(
              () -> index.search(new float[] {1, 1, 1, 1}, MultiVectorParams.of(1), () -> true))
          .isInstanceOfSatisfying(
              WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CANCELLED));
    }
    assertThatThrownBy(() -> index(4, Metric.L2, Storage.INT8))
        .isInstanceOf(WhimbrelException.class)
        .hasMessage("metric: L2 (expected: COSINE or DOT)");
  }

  private static void refused(MaxSimIndex index, float[] tokens, ErrorCode code, String message) {
    assertThatThrownBy(() -> index.add(tokens, 1))
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message);
  }

  @Test
  void takesBytesAndTheLongestDocumentAndQuery() {
    int dimension = 16;
    float[] tokens = Seeds.gaussian(random, MultiVectorIndex.TOKENS_MAX * dimension);
    float[] query = Arrays.copyOf(tokens, MultiVectorIndex.QUERY_TOKENS_MAX * dimension);
    ByteBuffer bytes =
        ByteBuffer.allocate(tokens.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(tokens);
    try (MaxSimIndex index = index(dimension, Metric.COSINE, Storage.FLOAT32)) {
      index.add(bytes, 1);
      index.add(tokens, 2);
      assertThat(bytes.position()).isZero();
      index.publish(1);
      var best = index.search(query, MultiVectorParams.of(2), () -> false).best();
      assertThat(best.count()).isEqualTo(2);
      assertThat(best.score(0)).isCloseTo(1024f, within(0.1f)).isEqualTo(best.score(1));
      MultiVectorParams above = MultiVectorParams.of(2).withScoreThreshold(1025);
      assertThat(index.search(query, above, () -> false).best().count()).isZero();
    }
  }

  @Test
  void refusesEverythingAfterTheClose() {
    MaxSimIndex index = index(4, Metric.COSINE, Storage.FLOAT32);
    index.close();
    assertThat(index.work(10)).isFalse();
    assertThatThrownBy(
            () -> index.search(new float[] {1, 1, 1, 1}, MultiVectorParams.of(1), () -> false))
        .isInstanceOfSatisfying(
            WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
  }

  @Test
  void defaultsGrowAsDocumented() {
    assertThat(MultiVectorParams.defaultShortlist(10, 1000)).isEqualTo(500);
    assertThat(MultiVectorParams.defaultShortlist(100, 30_000)).isEqualTo(2000);
    assertThat(MultiVectorParams.defaultShortlist(10, 120_000)).isEqualTo(1000);
    assertThat(MultiVectorParams.defaultCandidates(10)).isEqualTo(160);
    assertThat(MultiVectorParams.defaultCandidates(20)).isEqualTo(320);
    assertThat(MultiVectorParams.defaultCandidates(21)).isEqualTo(320);
    assertThat(MultiVectorParams.defaultCandidates(100)).isEqualTo(500);
  }

  /// Tokens of ColBERTv2 against scores computed elsewhere in float64.
  @ParameterizedTest
  @EnumSource(Storage.class)
  void realTokens(Storage storage) throws IOException {
    TokenSets set = TokenSets.lotte();
    Map<Integer, Map<Integer, Double>> truth = new HashMap<>();
    for (String line : Files.readAllLines(TokenSets.lotteFolder().resolve("exact_top50.tsv"))) {
      String[] parts = line.split("\t");
      if (!parts[0].equals("query") && Integer.parseInt(parts[2]) <= 10) {
        truth
            .computeIfAbsent(Integer.parseInt(parts[0]), _ -> new HashMap<>())
            .put(Integer.parseInt(parts[1]), Double.parseDouble(parts[3]));
      }
    }
    try (MaxSimIndex index = index(128, Metric.DOT, storage)) {
      set.addTo(index);
      TokenSets.workAll(index);
      int found = 0;
      for (int q = 0; q < set.queries().size(); q++) {
        var best = index.search(set.queries().get(q), MultiVectorParams.of(10), () -> false).best();
        for (int rank = 0; rank < best.count(); rank++) {
          Double score = requireNonNull(truth.get(q)).get((int) best.label(rank));
          if (score != null) {
            found++;
            assertThat((double) best.score(rank)).isCloseTo(score, within(0.05));
          }
        }
      }
      assertThat(found / 1000.0).isGreaterThanOrEqualTo(0.99);
    }
  }
}
