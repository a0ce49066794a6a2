package io.whimbrel.bench.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

class TruthTest {
  /// Distances from the origin: 1, 4, 4, 9, 16.
  private static final float[][] BASE = {{1, 0}, {0, 2}, {2, 0}, {0, 3}, {4, 0}};

  private static final Distances L2 = new Distances(Metric.L2, BASE, new float[][] {{0, 0}});

  @Test
  void countsEitherOfTwoRowsThatTieForTheLastPlace() {
    Truth truth = Truth.of(L2, new int[][] {{0, 1, 2}}, 2);

    assertThat(truth.recall(new int[] {0, 1})).isEqualTo(1);
    assertThat(truth.recall(new int[] {0, 2})).isEqualTo(1);
    assertThat(truth.recall(new int[] {2, 1})).isEqualTo(1);
    assertThat(truth.recall(new int[] {0, 3})).isEqualTo(0.5);
  }

  @Test
  void countsARowOnceAndAMissingOneNever() {
    Truth truth = Truth.of(L2, new int[][] {{0, 1, 2}}, 2);

    assertThat(truth.recall(new int[] {0, 0})).isEqualTo(0.5);
    assertThat(truth.recall(new int[] {0, -1})).isEqualTo(0.5);
    assertThatThrownBy(() -> truth.recall(new int[] {0})).hasMessageContaining("1 ids");
  }

  @Test
  void findsTheExactAnswersItself() {
    Truth truth = Truth.exact(L2, 4);

    assertThat(truth.recall(new int[] {0, 1, 2, 3})).isEqualTo(1);
    assertThat(truth.recall(new int[] {0, 1, 2, 4})).isEqualTo(0.75);
  }

  @Test
  void knowsEachMetric() {
    float[][] query = {{3, 4}};
    float[][] base = {{6, 8}, {-3, -4}, {4, -3}};
    Distances cosine = new Distances(Metric.COSINE, base, query);
    assertThat(cosine.of(0, 0)).isZero();
    assertThat(cosine.of(0, 1)).isEqualTo(2);
    assertThat(cosine.of(0, 2)).isEqualTo(1);
    assertThat(new Distances(Metric.DOT, base, query).of(0, 0)).isEqualTo(-50);
    assertThat(new Distances(Metric.L2, base, query).of(0, 1)).isEqualTo(100);
  }

  @Test
  void refusesAnswersOfAnotherMetricOrOfOtherRows() {
    assertThatThrownBy(() -> Truth.of(L2, new int[][] {{3, 0}}, 2))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining("groundtruth[0][1]")
        .hasMessageContaining("--metric");
    assertThatThrownBy(() -> Truth.of(L2, new int[][] {{0, 5}}, 2))
        .hasMessageContaining("groundtruth[0][1]: 5 (expected: 0 to 4)");
    assertThatThrownBy(() -> Truth.of(L2, new int[][] {{0, 1}}, 3))
        .hasMessageContaining("at least 3");
  }

  @Test
  void countsOnlyRowsThatMayBeHits() {
    BitSet odd = new BitSet();
    odd.set(1);
    odd.set(3);
    Truth truth = Truth.exact(L2, 1).among(odd);

    assertThat(truth.recall(new int[] {1})).isEqualTo(1);
    assertThat(truth.recall(new int[] {0})).isZero();
    assertThat(truth.recall(new int[] {3})).isZero();

    Truth tooFew = Truth.exact(L2, 3).among(odd);
    assertThat(tooFew.recall(new int[] {1, 3, -1})).isEqualTo(1);
    assertThat(tooFew.recall(new int[] {1, 2, 4})).isEqualTo(0.5);
    assertThatThrownBy(() -> truth.among(new BitSet())).hasMessageContaining("1 to 5");
  }

  @Test
  void countsTheRowsOfEachQuery() {
    Distances two = new Distances(Metric.L2, BASE, new float[][] {BASE[0], BASE[0]});
    BitSet near = BitSet.valueOf(new long[] {0b00011});
    BitSet far = BitSet.valueOf(new long[] {0b10000});
    Truth truth = Truth.exact(two, 2).among(new BitSet[] {near, far});

    // Two hits and one.
    assertThat(truth.recall(new int[] {0, 1, 4, -1})).isEqualTo(1);
    assertThat(truth.hits(new int[] {0, 1, 0, 1})).isEqualTo(2);
    assertThat(truth.first(1).recall(new int[] {0, 1})).isEqualTo(1);
    assertThatThrownBy(() -> truth.among(new BitSet[] {near}))
        .hasMessageContaining("1 sets of rows (expected: 2)");
  }

  @Test
  void staysTrueWhenRowsGetOtherNumbers() {
    float[][] turned = {BASE[4], BASE[3], BASE[2], BASE[1], BASE[0]};
    Truth truth = Truth.exact(L2, 2).renumbered(turned);

    assertThat(truth.recall(new int[] {4, 3})).isEqualTo(1);
    assertThat(truth.recall(new int[] {0, 1})).isZero();
  }
}
