package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.index.ExactSearch.Scored;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.testing.Seeds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What every index keeps: subclasses make one and say what share of the true hits it finds.
abstract class VectorIndexContract {
  static final double ALL = Double.NEGATIVE_INFINITY;

  private long bytesOpenBefore;

  abstract VectorIndex create(int dimension, Metric metric);

  abstract double recallFloor();

  /// How far a score may be from the true one, for vectors of `dimension` values of about 1.
  double scoreTolerance(int dimension) {
    return 1e-5 * dimension;
  }

  /// How far the length of a stored row, and its cosine with itself, may be from 1.
  double unitTolerance() {
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

  static TopK search(VectorIndex index, float[] query, int k) {
    return index.search(query, k, ALL, () -> false);
  }

  static List<Integer> ordinals(TopK top) {
    return IntStream.range(0, top.count()).map(top::ordinal).boxed().toList();
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
        Set<Integer> live = new TreeSet<>();
        for (int seq = 1; seq <= 12; seq++) {
          for (int i = random.nextInt(400); i >= 0; i--) {
            float[] vector = Seeds.gaussian(random, dimension);
            int ordinal = random.nextBoolean() ? index.add(vector) : index.add(bytes(vector));
            truth.put(ordinal, vector);
            live.add(ordinal);
          }
          for (int i = random.nextInt(100); i > 0 && !live.isEmpty(); i--) {
            Integer[] candidates = live.toArray(Integer[]::new);
            int ordinal = candidates[random.nextInt(candidates.length)];
            index.remove(ordinal, seq);
            truth.remove(ordinal);
            live.remove(ordinal);
          }
          index.publish(seq);
          assertThat(index.live()).isEqualTo(truth.live());
          for (int k : new int[] {1, 10, 5_000}) {
            float[] query = Seeds.gaussian(random, dimension);
            List<Scored> expected = truth.search(query, k, ALL);
            TopK top = search(index, query, k);
            assertThat(top.seq()).isEqualTo(seq);
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
    assertThat(new TreeSet<>(ordinals(top))).hasSize(top.count());
    double tolerance = 1e-5 * query.length;
    int good = 0;
    for (int rank = 0; rank < top.count(); rank++) {
      double score = truth.score(query, top.ordinal(rank));
      assertThat((double) top.score(rank))
          .isCloseTo(score, org.assertj.core.data.Offset.offset(scoreTolerance));
      assertThat(rank == 0 || top.score(rank - 1) >= top.score(rank)).isTrue();
      if (score >= expected.getLast().score() - tolerance) {
        good++;
      }
    }
    return good;
  }

  private static ByteBuffer bytes(float[] vector) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(vector);
    return buffer.order(ByteOrder.BIG_ENDIAN);
  }

  @ParameterizedTest
  @EnumSource
  void ordersEqualScoresByOrdinal(Metric metric) {
    try (VectorIndex index = create(4, metric)) {
      for (int i = 0; i < 3_000; i++) {
        index.add(new float[] {1 + i % 2, 0, 0, 0});
      }
      index.publish(1);
      List<Integer> hits = ordinals(search(index, new float[] {2, 0, 0, 0}, 6));
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
      index.add(query);
      assertThat(search(index, query, 5).count()).isZero();
      assertThat(index.rows()).isZero();
      index.publish(3);
      assertThat(ordinals(search(index, query, 5))).containsExactly(0);
      assertThat(search(index, query, 5).seq()).isEqualTo(3);

      index.remove(0, 4);
      index.add(new float[] {2, 0});
      assertThat(index.isLive(0)).isFalse();
      assertThat(index.isLive(1)).isTrue();
      assertThat(ordinals(search(index, query, 5))).containsExactly(0);
      assertThat(index.live()).isEqualTo(1);
      index.publish(4);
      assertThat(ordinals(search(index, query, 5))).containsExactly(1);
      assertThat(index.rows()).isEqualTo(2);
      assertThat(index.live()).isEqualTo(1);
    }
  }

  @Test
  void aRowAddedAndRemovedInOnePublishIsNeverSeen() {
    try (VectorIndex index = create(2, Metric.L2)) {
      index.remove(index.add(new float[] {1, 1}), 1);
      index.publish(1);
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
        for (float[] row : rows) {
          index.add(row);
        }
        index.publish(1);
        TopK top = search(index, query, 4);
        for (int rank = 0; rank < 4; rank++) {
          float score = expected[metric.ordinal()][top.ordinal(rank)];
          assertThat(top.score(rank)).isCloseTo(score, org.assertj.core.data.Offset.offset(1e-6f));
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
        index.add(vectors.getLast());
      }
      index.publish(1);
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
  void aThresholdIncludesItsScore() {
    try (VectorIndex index = create(1, Metric.DOT)) {
      for (int i = 0; i < 100; i++) {
        index.add(new float[] {i});
      }
      index.publish(1);
      float[] query = {1};
      assertThat(ordinals(index.search(query, 10, 97, () -> false))).containsExactly(99, 98, 97);
      assertThat(ordinals(index.search(query, 2, 97, () -> false))).containsExactly(99, 98);
      assertThat(index.search(query, 2, 97.00001, () -> false).count()).isEqualTo(2);
      assertThat(index.search(query, 9, 99.5, () -> false).count()).isZero();
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
        index.add(opposite);
      }
      index.publish(1);
      double worst = search(index, query, 200).score(199);
      assertThat(index.search(query, 500, worst, () -> false).count()).isEqualTo(200);
      double end = metric == Metric.COSINE ? -1 : -1e300;
      assertThat(index.search(query, 500, end, () -> false).count()).isEqualTo(200);
      assertThat(index.search(query, 500, 1e300, () -> false).count()).isZero();
    }
  }

  @Test
  void givesAllWhenKIsLarger() {
    try (VectorIndex index = create(8, Metric.L2)) {
      assertThat(search(index, new float[8], 10).count()).isZero();
      for (int i = 0; i < 50; i++) {
        index.add(new float[8]);
      }
      for (int i = 0; i < 50; i += 2) {
        index.remove(i, 1);
      }
      index.publish(1);
      assertThat(ordinals(search(index, new float[8], Integer.MAX_VALUE)))
          .isEqualTo(IntStream.range(0, 25).map(i -> 2 * i + 1).boxed().toList());
    }
  }

  // Partial sums leave the range of float32: the true score decides, at the end of the range when
  // beyond it.
  @Test
  void sumsBeyondFloat32AreSummedAgain() {
    float big = 2e38f;
    float[] query = {big, big, 1, 0};
    float[][] rows = {
      {big, -big, 7, 0}, {big, big, 0, 0}, {-big, -big, 0, 0}, {0, 0, 9, 0}, {-big, big, 8, 0}
    };
    for (int k = 1; k <= 5; k++) {
      try (VectorIndex index = create(4, Metric.DOT)) {
        for (float[] row : rows) {
          index.add(row);
        }
        index.publish(1);
        TopK top = search(index, query, k);
        assertThat(ordinals(top)).isEqualTo(List.of(1, 3, 4, 0, 2).subList(0, k));
        assertThat(top.score(0)).isEqualTo(Float.MAX_VALUE);
      }
      try (VectorIndex index = create(4, Metric.L2)) {
        for (float[] row : rows) {
          index.add(row);
        }
        index.publish(1);
        TopK top = search(index, query, k);
        assertThat(ordinals(top)).isEqualTo(List.of(1, 0, 2, 3, 4).subList(0, k));
        assertThat(top.score(0)).isEqualTo(-1f);
      }
      try (VectorIndex index = create(4, Metric.COSINE)) {
        for (float[] row : rows) {
          index.add(row);
        }
        index.publish(1);
        assertThat(ordinals(search(index, query, 1))).containsExactly(1);
      }
    }
  }

  @Test
  void storedRowsMoveUnchanged() {
    Random random = Seeds.random("storedRowsMoveUnchanged");
    try (VectorIndex from = create(19, Metric.COSINE);
        VectorIndex to = create(19, Metric.COSINE)) {
      float[] row = new float[19];
      float[] again = new float[19];
      for (int i = 0; i < 200; i++) {
        from.add(Seeds.gaussian(random, 19));
        from.copyRow(i, row);
        double norm = 0;
        for (float value : row) {
          norm += (double) value * value;
        }
        assertThat(norm).isBetween(1 - unitTolerance(), 1 + unitTolerance());
        assertThat(to.addStored(row)).isEqualTo(i);
        to.copyRow(i, again);
        assertThat(again).isEqualTo(row);
      }
    }
  }

  @Test
  void refusesBadVectorsAndChangesNothing() {
    for (Metric metric : Metric.values()) {
      try (VectorIndex index = create(3, metric)) {
        index.add(new float[] {1, 2, 3});
        index.publish(1);
        for (float bad :
            new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
          float[] vector = {1, bad, 1};
          refused(ErrorCode.NOT_FINITE, () -> index.add(vector));
          refused(ErrorCode.NOT_FINITE, () -> index.add(bytes(vector)));
          refused(ErrorCode.NOT_FINITE, () -> search(index, vector, 1));
        }
        refused(ErrorCode.DIMENSION_MISMATCH, () -> index.add(new float[2]));
        refused(ErrorCode.DIMENSION_MISMATCH, () -> index.add(ByteBuffer.allocate(16)));
        refused(ErrorCode.DIMENSION_MISMATCH, () -> index.addStored(new float[4]));
        refused(ErrorCode.DIMENSION_MISMATCH, () -> search(index, new float[4], 1));
        refused(ErrorCode.INVALID_ARGUMENT, () -> search(index, new float[] {1, 1, 1}, 0));
        if (metric == Metric.COSINE) {
          refused(ErrorCode.ZERO_VECTOR, () -> index.add(new float[] {0, -0f, 0}));
          refused(ErrorCode.ZERO_VECTOR, () -> search(index, new float[3], 1));
        }
        assertThat(index.add(new float[] {1, 2, 3})).isEqualTo(1);
        index.publish(2);
        assertThat(index.rows()).isEqualTo(2);
        assertThat(search(index, new float[] {1, 2, 3}, 9).count()).isEqualTo(2);
      }
    }
  }

  static void refused(ErrorCode code, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void stopsOnTheCallersDefects() {
    try (VectorIndex index = create(1, Metric.DOT)) {
      index.add(new float[] {1});
      index.add(new float[] {2});
      index.publish(5);
      assertThatThrownBy(() -> index.remove(0, 5)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.publish(4)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.remove(2, 6)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> index.isLive(-1)).isInstanceOf(IndexOutOfBoundsException.class);
      index.remove(0, 7);
      assertThatThrownBy(() -> index.remove(0, 8)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> index.publish(6)).isInstanceOf(IllegalStateException.class);
      index.publish(7);
      assertThat(ordinals(search(index, new float[] {1}, 5))).containsExactly(1);
    }
  }

  @Test
  void asksWhetherItIsCancelled() {
    try (VectorIndex index = create(16, Metric.DOT)) {
      float[] vector = new float[16];
      Arrays.fill(vector, 1);
      for (int i = 0; i < 10_000; i++) {
        index.add(vector);
      }
      index.publish(1);
      AtomicInteger asked = new AtomicInteger();
      refused(
          ErrorCode.CANCELLED,
          () -> index.search(vector, 3, ALL, () -> asked.incrementAndGet() > 2));
      assertThat(asked).hasValue(3);
      assertThat(search(index, vector, 3).count()).isEqualTo(3);
    }
  }

  @Test
  void isUnavailableOnceClosed() {
    VectorIndex index = create(2, Metric.DOT);
    float[] vector = {1, 1};
    index.add(vector);
    index.publish(1);
    index.close();
    refused(ErrorCode.UNAVAILABLE, () -> search(index, vector, 1));
    refused(ErrorCode.UNAVAILABLE, () -> index.add(vector));
    refused(ErrorCode.UNAVAILABLE, () -> index.remove(0, 2));
    refused(ErrorCode.UNAVAILABLE, () -> index.publish(2));
    refused(ErrorCode.UNAVAILABLE, () -> index.copyRow(0, vector));
    assertThatThrownBy(index::close).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aRunningSearchOutlivesTheClose() {
    VectorIndex index = create(16, Metric.L2);
    for (int i = 0; i < 5_000; i++) {
      index.add(Seeds.whole(Seeds.random("outlives " + i), 16));
    }
    index.publish(1);
    AtomicInteger asked = new AtomicInteger();
    TopK top =
        index.search(
            new float[16],
            10,
            ALL,
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
