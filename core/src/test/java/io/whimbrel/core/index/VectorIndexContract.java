package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.core.index.ExactSearch.Scored;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.testing.Seeds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What every index keeps: subclasses make one and say what share of the true hits it finds.
///
/// Ordinals are the index's own affair; rows are told apart by their labels here, which no test
/// lets be equal to the ordinal by accident.
public abstract class VectorIndexContract {
  private static final long LABEL_STEP = 1_000_000_007L;

  private long bytesOpenBefore;

  protected abstract VectorIndex create(int dimension, Metric metric);

  /// Share of the true hits that searches with the default `ef` find at least.
  protected abstract double recallFloor();

  /// Whether every search is exact, so that even ties have one right answer.
  protected abstract boolean isExact();

  /// Whether all background work is done before each search, or none.
  protected abstract boolean worksBeforeSearch();

  protected final void publish(VectorIndex index, long seq) {
    index.publish(seq);
    if (worksBeforeSearch()) {
      workAll(index);
    }
  }

  protected static void workAll(VectorIndex index) {
    int pieces = 0;
    while (index.work(64)) {
      assertThat(++pieces).as("pieces of work").isLessThan(1_000_000);
    }
    assertThat(index.pending()).isZero();
    assertThat(index.coverage()).isEqualTo(1);
  }

  /// Share of the true hits that an exact search finds: less than 1 only where rows are rounded.
  protected double exactRecallFloor() {
    return 1;
  }

  /// How far a score may be from the true one, for vectors of `dimension` values of about 1.
  protected double scoreTolerance(int dimension) {
    return 1e-5 * dimension;
  }

  /// How far the score of a row of two small whole numbers may be from the true one.
  protected float smallScoreTolerance() {
    return 1e-6f;
  }

  /// How far the length of a stored row, and its cosine with itself, may be from 1.
  protected double unitTolerance() {
    return 1e-6;
  }

  @BeforeEach
  void countMemory() {
    bytesOpenBefore = Region.bytesOpen();
  }

  @AfterEach
  void checkMemoryIsGivenBack() {
    assertThat(Region.bytesOpen()).isEqualTo(bytesOpenBefore);
  }

  protected static TopK search(VectorIndex index, float[] query, int k) {
    return index.search(query, SearchParams.of(k), () -> false);
  }

  protected static TopK search(VectorIndex index, float[] query, int k, double threshold) {
    return index.search(query, SearchParams.of(k).withScoreThreshold(threshold), () -> false);
  }

  protected static int add(VectorIndex index, float[] vector, int label) {
    return index.add(vector, label * LABEL_STEP);
  }

  protected static int label(TopK top, int rank) {
    assertThat(top.label(rank) % LABEL_STEP).isZero();
    return (int) (top.label(rank) / LABEL_STEP);
  }

  protected static List<Integer> labels(TopK top) {
    return IntStream.range(0, top.count()).mapToObj(rank -> label(top, rank)).toList();
  }

  /// Adds rows under the labels 0, 1, 2 and so on.
  private static void addAll(VectorIndex index, float[][] rows) {
    for (int i = 0; i < rows.length; i++) {
      add(index, rows[i], i);
    }
  }

  @ParameterizedTest
  @EnumSource
  void agreesWithExactSearchUnderChurn(Metric metric) {
    Random random = Seeds.random("churn " + metric);
    for (int dimension : new int[] {1, 3, 16, 33, 100}) {
      ExactSearch truth = new ExactSearch(metric);
      double found = 0;
      double wanted = 0;
      try (VectorIndex index = create(dimension, metric)) {
        Map<Integer, Integer> ordinals = new TreeMap<>();
        int nextLabel = 0;
        for (int seq = 1; seq <= 12; seq++) {
          for (int i = random.nextInt(400); i >= 0; i--) {
            float[] vector = Seeds.gaussian(random, dimension);
            int ordinal =
                random.nextBoolean()
                    ? add(index, vector, nextLabel)
                    : index.add(bytes(vector), nextLabel * LABEL_STEP);
            truth.put(nextLabel, vector);
            assertThat(ordinals.values()).doesNotContain(ordinal);
            ordinals.put(nextLabel++, ordinal);
          }
          for (int i = random.nextInt(100); i > 0 && !ordinals.isEmpty(); i--) {
            Integer[] candidates = ordinals.keySet().toArray(Integer[]::new);
            int label = candidates[random.nextInt(candidates.length)];
            index.remove(Objects.requireNonNull(ordinals.remove(label)), seq);
            truth.remove(label);
          }
          publish(index, seq);
          assertThat(index.seq()).isEqualTo(seq);
          assertThat(index.live()).isEqualTo(truth.live());
          Map<Integer, Integer> told = new TreeMap<>();
          index.forEachLive((label, ordinal) -> told.put((int) (label / LABEL_STEP), ordinal));
          assertThat(told).isEqualTo(ordinals);
          for (int k : new int[] {1, 10, 5_000}) {
            float[] query = Seeds.gaussian(random, dimension);
            List<Scored> expected = truth.search(query, k, Double.NEGATIVE_INFINITY);
            TopK top = search(index, query, k);
            assertThat(top.seq()).isEqualTo(seq);
            for (int rank = 0; rank < top.count(); rank++) {
              assertThat(ordinals).containsEntry(label(top, rank), top.ordinal(rank));
            }
            found += compare(top, query, expected, truth, scoreTolerance(dimension));
            wanted += expected.size();
          }
        }
      }
      assertThat(found / wanted).isGreaterThanOrEqualTo(recallFloor());
    }
  }

  /// Returns how many hits are as good as the true ones, after checking that each is live, new, in
  /// order and scored right.
  private static int compare(
      TopK top, float[] query, List<Scored> expected, ExactSearch truth, double scoreTolerance) {
    assertThat(top.count()).isEqualTo(expected.size());
    assertThat(new TreeSet<>(labels(top))).hasSize(top.count());
    double tolerance = 1e-5 * query.length;
    int good = 0;
    for (int rank = 0; rank < top.count(); rank++) {
      double score = truth.score(query, label(top, rank));
      assertThat((double) top.score(rank))
          .isCloseTo(score, org.assertj.core.data.Offset.offset(scoreTolerance));
      assertThat(rank == 0 || top.score(rank - 1) >= top.score(rank)).isTrue();
      if (score >= expected.getLast().score() - tolerance) {
        good++;
      }
    }
    return good;
  }

  @ParameterizedTest
  @EnumSource
  void onlyAcceptedRowsAreHits(Metric metric) {
    Random random = Seeds.random("accept " + metric);
    float[][] rows = new float[3_000][];
    try (VectorIndex index = create(24, metric)) {
      int[] ordinals = new int[rows.length];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Seeds.gaussian(random, 24);
        ordinals[i] = add(index, rows[i], i);
      }
      for (int i = 0; i < rows.length; i += 7) {
        index.remove(ordinals[i], 1);
      }
      publish(index, 1);
      double found = 0;
      double wanted = 0;
      for (double share : new double[] {0, 0.001, 0.01, 0.1, 0.3, 0.7, 0.99}) {
        for (int round = 0; round < 4; round++) {
          BitSet bits = new BitSet();
          ExactSearch truth = new ExactSearch(metric);
          for (int i = 0; i < rows.length; i++) {
            if (random.nextDouble() < share) {
              bits.set(ordinals[i]);
              if (i % 7 != 0) {
                truth.put(i, rows[i]);
              }
            }
          }
          AcceptBits accept = AcceptBits.of(bits);
          float[] query = Seeds.gaussian(random, 24);
          for (int k : new int[] {1, 20, 400}) {
            List<Scored> expected = truth.search(query, k, Double.NEGATIVE_INFINITY);
            SearchParams params = SearchParams.of(k).withAccept(accept);
            TopK top = index.search(query, params, () -> false);
            assertThat(IntStream.range(0, top.count()).map(top::ordinal)).allMatch(bits::get);
            found += compare(top, query, expected, truth, scoreTolerance(24));
            wanted += expected.size();
            TopK exact = index.search(query, params.withExact(true), () -> false);
            assertThat((double) compare(exact, query, expected, truth, scoreTolerance(24)))
                .isGreaterThanOrEqualTo(Math.floor(exactRecallFloor() * expected.size()));
          }
        }
      }
      assertThat(found / wanted).isGreaterThanOrEqualTo(recallFloor());
    }
  }

  @ParameterizedTest
  @EnumSource
  void anExactSearchFindsAll(Metric metric) {
    Random random = Seeds.random("exact " + metric);
    ExactSearch truth = new ExactSearch(metric);
    try (VectorIndex index = create(40, metric)) {
      for (int i = 0; i < 2_000; i++) {
        float[] row = Seeds.gaussian(random, 40);
        truth.put(i, row);
        add(index, row, i);
      }
      publish(index, 1);
      for (int q = 0; q < 20; q++) {
        float[] query = Seeds.gaussian(random, 40);
        List<Scored> expected = truth.search(query, 100, Double.NEGATIVE_INFINITY);
        TopK top = index.search(query, SearchParams.of(100).withExact(true), () -> false);
        assertThat((double) compare(top, query, expected, truth, scoreTolerance(40)))
            .isGreaterThanOrEqualTo(100 * exactRecallFloor());
      }
    }
  }

  /// Background work changes how hits are found, not which rows there are.
  @Test
  void workKeepsWhatIsThere() {
    Random random = Seeds.random("workKeepsWhatIsThere");
    try (VectorIndex index = create(12, Metric.DOT)) {
      assertThat(index.work(10)).isFalse();
      assertThat(index.coverage()).isEqualTo(1);
      int[] ordinals = new int[900];
      for (int i = 0; i < ordinals.length; i++) {
        ordinals[i] = add(index, Seeds.gaussian(random, 12), i);
      }
      publish(index, 1);
      for (int i = 0; i < ordinals.length; i += 3) {
        index.remove(ordinals[i], 2);
      }
      index.publish(2);
      float[] query = Seeds.gaussian(random, 12);
      List<Integer> all = labels(search(index, query, 900));
      assertThat(all).hasSize(600).noneMatch(label -> label % 3 == 0);
      assertThat(index.pending()).isBetween(0, index.live());
      workAll(index);
      assertThat(new TreeSet<>(labels(search(index, query, 900)))).isEqualTo(new TreeSet<>(all));
      assertThat(index.live()).isEqualTo(600);
    }
  }

  private static ByteBuffer bytes(float[] vector) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(vector);
    return buffer.order(ByteOrder.BIG_ENDIAN);
  }

  @ParameterizedTest
  @EnumSource
  void ordersEqualScoresByOrdinal(Metric metric) {
    assumeTrue(isExact());
    try (VectorIndex index = create(4, metric)) {
      for (int i = 0; i < 3_000; i++) {
        add(index, new float[] {1 + i % 2, 0, 0, 0}, i);
      }
      publish(index, 1);
      List<Integer> hits = labels(search(index, new float[] {2, 0, 0, 0}, 6));
      if (metric == Metric.COSINE) {
        assertThat(hits).containsExactly(0, 1, 2, 3, 4, 5);
      } else {
        assertThat(hits).containsExactly(1, 3, 5, 7, 9, 11);
      }
    }
  }

  @Test
  void showsNothingBeforePublish() {
    try (VectorIndex index = create(2, Metric.DOT)) {
      float[] query = {1, 0};
      int first = add(index, query, 11);
      assertThat(search(index, query, 5).count()).isZero();
      assertThat(index.rows()).isZero();
      publish(index, 3);
      assertThat(labels(search(index, query, 5))).containsExactly(11);
      assertThat(search(index, query, 5).seq()).isEqualTo(3);
      assertThat(index.rows()).isEqualTo(first + 1);

      index.remove(first, 4);
      int second = add(index, new float[] {2, 0}, 12);
      assertThat(labels(search(index, query, 5))).containsExactly(11);
      assertThat(index.live()).isEqualTo(1);
      publish(index, 4);
      assertThat(labels(search(index, query, 5))).containsExactly(12);
      assertThat(index.rows()).isGreaterThan(Math.max(first, second));
      assertThat(index.live()).isEqualTo(1);
    }
  }

  @Test
  void aRowAddedAndRemovedInOnePublishIsNeverSeen() {
    try (VectorIndex index = create(2, Metric.COSINE)) {
      index.remove(add(index, new float[] {1, 1}, 1), 1);
      publish(index, 1);
      assertThat(search(index, new float[] {1, 1}, 3).count()).isZero();
      assertThat(index.live()).isZero();
    }
  }

  @Test
  void scoresAreBiggerForTheBetter() {
    float[] query = {3, 4};
    float[][] rows = {{6, 8}, {3, 4}, {-3, -4}, {4, -3}};
    float[][] expected = {{1, 1, -1, 0}, {50, 25, -25, 0}, {-25, 0, -100, -50}};
    for (Metric metric : Metric.values()) {
      try (VectorIndex index = create(2, metric)) {
        addAll(index, rows);
        publish(index, 1);
        TopK top = search(index, query, 4);
        for (int rank = 0; rank < 4; rank++) {
          float score = expected[metric.ordinal()][label(top, rank)];
          assertThat(top.score(rank))
              .isCloseTo(score, org.assertj.core.data.Offset.offset(smallScoreTolerance()));
        }
      }
    }
  }

  @Test
  void cosineStaysInItsRange() {
    Random random = Seeds.random("cosineStaysInItsRange");
    try (VectorIndex index = create(77, Metric.COSINE)) {
      List<float[]> vectors = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        vectors.add(Seeds.gaussian(random, 77));
        add(index, vectors.getLast(), i);
      }
      publish(index, 1);
      for (float[] vector : vectors) {
        TopK top = search(index, vector, 1);
        assertThat((double) top.score(0)).isBetween(1 - unitTolerance(), 1.0);
        for (int i = 0; i < 77; i++) {
          vector[i] *= -1e30f;
        }
        TopK all = search(index, vector, 300);
        assertThat((double) all.score(299)).isBetween(-1.0, unitTolerance() - 1);
      }
    }
  }

  @Test
  protected void aThresholdIncludesItsScore() {
    try (VectorIndex index = create(1, Metric.DOT)) {
      for (int i = 0; i < 100; i++) {
        add(index, new float[] {i}, i);
      }
      publish(index, 1);
      float[] query = {1};
      assertThat(labels(search(index, query, 10, 97))).containsExactly(99, 98, 97);
      assertThat(labels(search(index, query, 2, 97))).containsExactly(99, 98);
      assertThat(search(index, query, 2, 97.00001).count()).isEqualTo(2);
      assertThat(search(index, query, 9, 99.5).count()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aThresholdAtTheEndOfTheScoresKeepsAll(Metric metric) {
    Random random = Seeds.random("aThresholdAtTheEndOfTheScoresKeepsAll " + metric);
    float[] query = Seeds.gaussian(random, 55);
    float[] opposite = new float[55];
    try (VectorIndex index = create(55, metric)) {
      for (int i = 0; i < 200; i++) {
        for (int j = 0; j < 55; j++) {
          opposite[j] = -query[j] * (1 + i);
        }
        add(index, opposite, i);
      }
      publish(index, 1);
      double worst = search(index, query, 200).score(199);
      assertThat(search(index, query, 500, worst).count()).isEqualTo(200);
      double end = metric == Metric.COSINE ? -1 : -1e300;
      assertThat(search(index, query, 500, end).count()).isEqualTo(200);
      assertThat(search(index, query, 500, 1e300).count()).isZero();
    }
  }

  @Test
  void givesAllWhenKIsLarger() {
    try (VectorIndex index = create(8, Metric.L2)) {
      assertThat(search(index, new float[8], 10).count()).isZero();
      int[] ordinals = new int[50];
      for (int i = 0; i < 50; i++) {
        ordinals[i] = add(index, new float[8], i);
      }
      for (int i = 0; i < 50; i += 2) {
        index.remove(ordinals[i], 1);
      }
      publish(index, 1);
      assertThat(labels(search(index, new float[8], Limits.K_MAX)))
          .containsExactlyInAnyOrderElementsOf(
              IntStream.range(0, 25).map(i -> 2 * i + 1).boxed().toList());
    }
  }

  // Partial sums leave the range of float32: the true score decides, at the end of the range when
  // beyond it.
  @Test
  protected void sumsBeyondFloat32AreSummedAgain() {
    float big = 2e38f;
    float[] query = {big, big, 1, 0};
    float[][] rows = {
      {big, -big, 7, 0}, {big, big, 0, 0}, {-big, -big, 0, 0}, {0, 0, 9, 0}, {-big, big, 8, 0}
    };
    for (int k = 1; k <= 5; k++) {
      try (VectorIndex index = create(4, Metric.DOT)) {
        addAll(index, rows);
        publish(index, 1);
        TopK top = search(index, query, k);
        assertThat(labels(top)).isEqualTo(List.of(1, 3, 4, 0, 2).subList(0, k));
        assertThat(top.score(0)).isEqualTo(Float.MAX_VALUE);
      }
      try (VectorIndex index = create(4, Metric.L2)) {
        addAll(index, rows);
        publish(index, 1);
        TopK top = search(index, query, k);
        assertThat(labels(top)).isEqualTo(List.of(1, 0, 2, 3, 4).subList(0, k));
        assertThat(top.score(0)).isEqualTo(-1f);
      }
      try (VectorIndex index = create(4, Metric.COSINE)) {
        addAll(index, rows);
        publish(index, 1);
        assertThat(labels(search(index, query, 1))).containsExactly(1);
      }
    }
  }

  @Test
  void refusesBadVectorsAndChangesNothing() {
    for (Metric metric : Metric.values()) {
      try (VectorIndex index = create(3, metric)) {
        add(index, new float[] {1, 2, 3}, 0);
        publish(index, 1);
        for (float bad :
            new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
          float[] vector = {1, bad, 1};
          refused(ErrorCode.NOT_FINITE, () -> index.add(vector, 1));
          refused(ErrorCode.NOT_FINITE, () -> index.add(bytes(vector), 1));
          refused(ErrorCode.NOT_FINITE, () -> search(index, vector, 1));
        }
        refused(ErrorCode.DIMENSION_MISMATCH, () -> index.add(new float[2], 1));
        refused(ErrorCode.DIMENSION_MISMATCH, () -> index.add(ByteBuffer.allocate(16), 1));
        refused(ErrorCode.DIMENSION_MISMATCH, () -> search(index, new float[4], 1));
        if (metric == Metric.COSINE) {
          refused(ErrorCode.ZERO_VECTOR, () -> index.add(new float[] {0, -0f, 0}, 1));
          refused(ErrorCode.ZERO_VECTOR, () -> search(index, new float[3], 1));
        }
        add(index, new float[] {1, 2, 3}, 1);
        publish(index, 2);
        assertThat(index.live()).isEqualTo(2);
        assertThat(search(index, new float[] {1, 2, 3}, 9).count()).isEqualTo(2);
      }
    }
  }

  protected static void refused(
      ErrorCode code, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void stopsOnTheCallersDefects() {
    try (VectorIndex index = create(1, Metric.DOT)) {
      int first = add(index, new float[] {1}, 1);
      add(index, new float[] {2}, 2);
      publish(index, 5);
      assertThatThrownBy(() -> index.remove(first, 5)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.publish(4)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.remove(-1, 6)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> index.remove(1 << 30, 6))
          .isInstanceOf(IndexOutOfBoundsException.class);
      index.remove(first, 7);
      assertThatThrownBy(() -> index.remove(first, 8)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.publish(6)).isInstanceOf(IllegalStateException.class);
      publish(index, 7);
      assertThat(labels(search(index, new float[] {1}, 5))).containsExactly(2);
    }
  }

  @Test
  void asksWhetherItIsCancelled() {
    try (VectorIndex index = create(16, Metric.DOT)) {
      float[] vector = new float[16];
      Arrays.fill(vector, 1);
      for (int i = 0; i < 10_000; i++) {
        add(index, vector, i);
      }
      index.publish(1);
      AtomicInteger asked = new AtomicInteger();
      refused(
          ErrorCode.CANCELLED,
          () ->
              index.search(
                  vector, SearchParams.of(3).withExact(true), () -> asked.incrementAndGet() > 2));
      assertThat(asked).hasValue(3);
      assertThat(search(index, vector, 3).count()).isEqualTo(3);
    }
  }

  @Test
  void isUnavailableOnceClosed() {
    VectorIndex index = create(2, Metric.DOT);
    float[] vector = {1, 1};
    int ordinal = add(index, vector, 0);
    publish(index, 1);
    index.close();
    refused(ErrorCode.UNAVAILABLE, () -> search(index, vector, 1));
    refused(ErrorCode.UNAVAILABLE, () -> index.add(vector, 1));
    refused(ErrorCode.UNAVAILABLE, () -> index.remove(0, 2));
    refused(ErrorCode.UNAVAILABLE, () -> index.publish(2));
    assertThat(index.work(10)).isFalse();
    assertThatThrownBy(index::close).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aRunningSearchOutlivesTheClose() {
    VectorIndex index = create(16, Metric.L2);
    for (int i = 0; i < 5_000; i++) {
      add(index, Seeds.whole(Seeds.random("outlives " + i), 16), i);
    }
    publish(index, 1);
    AtomicInteger asked = new AtomicInteger();
    TopK top =
        index.search(
            new float[16],
            SearchParams.of(10).withExact(true),
            () -> {
              if (asked.getAndIncrement() == 1) {
                index.close();
              }
              return false;
            });
    assertThat(asked.get()).isGreaterThan(1);
    assertThat(top.count()).isEqualTo(10);
    refused(ErrorCode.UNAVAILABLE, () -> search(index, new float[16], 1));
  }
}
