package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.commons.statistics.descriptive.Quantile;
import org.apache.commons.statistics.descriptive.StandardDeviation;
import org.apache.commons.statistics.distribution.NormalDistribution;

/// How sure a mean difference between two versions is, when both answered the same queries.
///
/// The p-value is that of Fisher's paired randomisation test: were both versions alike, the sign of
/// each query's difference would be a coin toss; p is the share of `rounds` tosses of all signs
/// whose mean is as far from 0 as the observed one, either way, the observed one counted in. The
/// interval holds the middle 95 % of the means of `rounds` bootstrap samples of the queries.
/// Several measures of the same queries share tosses and samples. Source: Smucker, Allan and
/// Carterette, CIKM 2007.
public final class PairedTest {
  /// Tosses, and samples.
  public static final int ROUNDS_DEFAULT = 10_000;

  /// Chance of a false alarm.
  public static final double ALPHA = 0.05;

  /// Chance to see an effect of the smallest detectable size.
  public static final double POWER = 0.8;

  private static final int ROUNDS_MIN = 100;
  private static final int ROUNDS_MAX = 1_000_000;
  private static final int ROUNDS_BETWEEN_CHECKS = 64;

  /// Sums that differ by rounding alone count as equal.
  private static final double ROUNDING = 1e-9;

  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  private final int rounds;
  private final BooleanSupplier cancelled;

  /// `rounds` is 100 to 1,000,000; `cancelled` is asked regularly and ends a test with CANCELLED.
  public PairedTest(int rounds, BooleanSupplier cancelled) {
    this.rounds = Limits.checkRange("rounds", rounds, ROUNDS_MIN, ROUNDS_MAX);
    this.cancelled = cancelled;
  }

  /// @param mean mean difference, candidate minus baseline
  /// @param deviation sample standard deviation of the differences; 0 for one query
  /// @param low lower end of the interval
  /// @param high upper end of the interval
  /// @param p two-sided, not corrected
  public record Result(double mean, double deviation, double low, double high, double p) {}

  /// Tests `differences`, `[measures][queries]`, at least one query. The same `seed` gives the same
  /// result. Cost: 2 * rounds * measures * queries additions.
  public Result[] test(double[][] differences, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] p = pValues(differences, random.split());
    double[][] means = bootstrapMeans(differences, random.split());
    Quantile quantile = Quantile.withDefaults();
    return IntStream.range(0, differences.length)
        .mapToObj(m -> {
          double[] row = differences[m];
          double[] ends = quantile.evaluate(means[m], ALPHA / 2, 1 - ALPHA / 2);
          double deviation = row.length < 2 ? 0 : StandardDeviation.of(row).getAsDouble();
          return new Result(sum(row) / row.length, deviation, ends[0], ends[1], p[m]);
        })
        .toArray(Result[]::new);
  }

  private double[] pValues(double[][] differences, SplittableRandom random) {
    int queries = differences[0].length;
    double[] observed =
        Arrays.stream(differences).mapToDouble(PairedTest::sum).map(Math::abs).toArray();
    int[] asFar = new int[differences.length];
    long[] signs = new long[(queries + Long.SIZE - 1) / Long.SIZE];
    for (int round = 0; round < rounds; round++) {
      checkCancelled(round);
      Arrays.setAll(signs, _ -> random.nextLong());
      for (int m = 0; m < differences.length; m++) {
        double[] row = differences[m];
        double sum = 0;
        for (int i = 0; i < queries; i++) {
          // The toss goes into the sign bit.
          long sign = signs[i / Long.SIZE] << (i % Long.SIZE) & Long.MIN_VALUE;
          sum += Double.longBitsToDouble(Double.doubleToRawLongBits(row[i]) ^ sign);
        }
        asFar[m] += Math.abs(sum) >= observed[m] - ROUNDING ? 1 : 0;
      }
    }
    return Arrays.stream(asFar).mapToDouble(count -> (count + 1.0) / (rounds + 1.0)).toArray();
  }

  private double[][] bootstrapMeans(double[][] differences, SplittableRandom random) {
    int queries = differences[0].length;
    double[][] means = new double[differences.length][rounds];
    int[] sample = new int[queries];
    for (int round = 0; round < rounds; round++) {
      checkCancelled(round);
      Arrays.setAll(sample, _ -> random.nextInt(queries));
      for (int m = 0; m < differences.length; m++) {
        double[] row = differences[m];
        double sum = 0;
        for (int i : sample) {
          sum += row[i];
        }
        means[m][round] = sum / queries;
      }
    }
    return means;
  }

  private void checkCancelled(int round) {
    if (round % ROUNDS_BETWEEN_CHECKS == 0 && cancelled.getAsBoolean()) {
      throw WhimbrelException.of(
          ErrorCode.CANCELLED, "evaluation", "cancelled", "a caller that waits for the report");
    }
  }

  private static double sum(double[] row) {
    double sum = 0;
    for (double value : row) {
      sum += value;
    }
    return sum;
  }

  /// P-values corrected for their number, so that the chance of any false alarm among them stays at
  /// [#ALPHA]: the smallest is multiplied by their count, the next by one less, and so on, none
  /// below the one before. Source: Holm 1979.
  public static double[] holm(double[] p) {
    Integer[] order = IntStream.range(0, p.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble(i -> p[i]));
    double[] corrected = new double[p.length];
    double least = 0;
    for (int i = 0; i < p.length; i++) {
      least = Math.max(least, Math.min(1, (p.length - i) * p[order[i]]));
      corrected[order[i]] = least;
    }
    return corrected;
  }

  /// The smallest true mean difference that `queries` differences of standard deviation `deviation`
  /// show as significant with a chance of [#POWER], at a false alarm rate of `alpha`. 1, the range
  /// of every measure, for fewer than two queries.
  public static double smallestDetectable(double deviation, int queries, double alpha) {
    if (queries < 2) {
      return 1;
    }
    double z =
        NORMAL.inverseCumulativeProbability(1 - alpha / 2)
            + NORMAL.inverseCumulativeProbability(POWER);
    return Math.min(1, z * deviation / Math.sqrt(queries));
  }
}
