package io.whimbrel.core.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairedTestTest {
  private static final PairedTest TEST = new PairedTest(PairedTest.ROUNDS_DEFAULT, () -> false);

  /// All 64 ways to toss six signs; only two are as far out as all alike.
  @Test
  void fewDifferencesHaveTheExactChance() {
    assertThat(test(1, 1, 1, 1, 1, 1).p()).isCloseTo(2 / 64.0, within(0.006));
    assertThat(test(1, 1, 1, 1, 1, -1).p()).isCloseTo(14 / 64.0, within(0.015));
    assertThat(test(0, 0, 0).p()).isEqualTo(1);
    assertThat(test(3).p()).isEqualTo(1);
  }

  @Test
  void tellsMeanDeviationAndInterval() {
    PairedTest.Result result = test(0.1, 0.2, 0.3, 0.4, 0.5, 0.1, 0.2, 0.3, 0.4, 0.5);
    assertThat(result.mean()).isCloseTo(0.3, within(1e-12));
    assertThat(result.deviation()).isCloseTo(Math.sqrt(0.2 / 9), within(1e-12));
    // Standard error of the bootstrap: sqrt(0.02 / 10).
    assertThat(result.low()).isCloseTo(0.3 - 1.96 * Math.sqrt(0.002), within(0.02));
    assertThat(result.high()).isCloseTo(0.3 + 1.96 * Math.sqrt(0.002), within(0.02));
  }

  @Test
  void theSameSeedGivesTheSameResult() {
    double[][] rows = {
      new Random(1).doubles(70, -1, 1).toArray(), new Random(2).doubles(70, -1, 1).toArray()
    };
    assertThat(TEST.test(rows, 7)).isEqualTo(TEST.test(rows, 7)).isNotEqualTo(TEST.test(rows, 8));
  }

  /// How often the interval holds the true mean.
  @Test
  void intervalsHoldTheTrueMeanAsOftenAsTheySay() {
    Random random = new Random(5);
    int held = 0;
    for (int i = 0; i < 400; i++) {
      double[] row = new double[60];
      Arrays.setAll(row, _ -> 0.1 + 0.25 * random.nextGaussian());
      PairedTest.Result result = new PairedTest(1000, () -> false).test(new double[][] {row}, i)[0];
      held += result.low() <= 0.1 && 0.1 <= result.high() ? 1 : 0;
    }
    assertThat(held).isBetween(362, 394);
  }

  @Test
  void correctsByHolm() {
    assertThat(PairedTest.holm(new double[] {0.01, 0.04, 0.03, 0.005}))
        .containsExactly(new double[] {0.03, 0.06, 0.06, 0.02}, within(1e-12));
    assertThat(PairedTest.holm(new double[] {0.9, 0.5})).containsExactly(1, 1);
    assertThat(PairedTest.holm(new double[0])).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"200, 0.050", "300, 0.040", "500, 0.031", "1000, 0.022"})
  void tellsTheSmallestEffectThatCanBeSeen(int queries, double effect) {
    assertThat(PairedTest.smallestDetectable(0.25, queries, PairedTest.ALPHA))
        .isCloseTo(effect, within(0.0005));
  }

  /// The promise behind that number: a true effect of that size is seen four times in five.
  @Test
  void seesTheSmallestEffectWithItsPower() {
    Random random = new Random(11);
    double effect = PairedTest.smallestDetectable(0.25, 200, PairedTest.ALPHA);
    int seen = 0;
    for (int i = 0; i < 400; i++) {
      double[] row = new double[200];
      Arrays.setAll(row, _ -> effect + 0.25 * random.nextGaussian());
      seen +=
          new PairedTest(1000, () -> false).test(new double[][] {row}, i)[0].p() < PairedTest.ALPHA
              ? 1
              : 0;
    }
    assertThat(seen).isBetween(288, 352);
  }

  @Test
  void stopsWhenCancelled() {
    assertThatThrownBy(() -> new PairedTest(1000, () -> true).test(new double[][] {{1}}, 1))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageStartingWith("evaluation: cancelled");
  }

  private static PairedTest.Result test(double... differences) {
    return TEST.test(new double[][] {differences}, 42)[0];
  }
}
