package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;

/// How two versions are compared.
///
/// @param measures 1 to 16, each once, cut off at 1 to `k`; the first decides the verdict of the
///   report
/// @param k hits that users ask for, 1 to 1,000
/// @param ef beam width that users ask for, as in a search; 0 for the default
/// @param depth hits that exact scans are asked for, `k` to 1,000: more make `threshold` match
///   better
/// @param delta how much worse still counts as not inferior, above 0 to 1
/// @param rounds tosses and samples of the test
/// @param seed the same seed gives the same report
/// @param threshold a score threshold in use on the baseline, for which one of the candidate is
///   looked for
public record EvaluationOptions(
    List<Measure> measures,
    int k,
    int ef,
    int depth,
    double delta,
    int rounds,
    long seed,
    OptionalDouble threshold) {
  public static final int DEPTH_MAX = 1_000;
  public static final int K_DEFAULT = 10;
  public static final double DELTA_DEFAULT = 0.01;

  private static final int MEASURES_MAX = 16;
  private static final int DEPTH_DEFAULT = 100;
  private static final long SEED_DEFAULT = 1;

  public EvaluationOptions {
    Limits.checkRange("measures", measures.size(), 1, MEASURES_MAX);
    if (new HashSet<>(measures).size() < measures.size()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "measures", names(measures), "each once");
    }
    Limits.checkRange("k", k, 1, DEPTH_MAX);
    Limits.checkEf(ef, k);
    for (Measure measure : measures) {
      if (measure.k() < 1 || measure.k() > k) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "measures",
            measure.name(),
            "cut off at 1 to k, which is " + k);
      }
    }
    Limits.checkRange("depth", depth, k, DEPTH_MAX);
    if (!(delta > 0 && delta <= 1)) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "delta", delta, "above 0 to 1");
    }
    if (threshold.isPresent() && !Double.isFinite(threshold.getAsDouble())) {
      throw WhimbrelException.of(
          ErrorCode.NOT_FINITE, "threshold", threshold.getAsDouble(), "a finite score");
    }
    measures = List.copyOf(measures);
  }

  private static List<String> names(List<Measure> measures) {
    return measures.stream().map(Measure::name).toList();
  }

  /// All measures at `k`, nDCG first; scans are 100 hits deep, or `k`.
  public static EvaluationOptions atK(int k) {
    return new EvaluationOptions(
        List.of(
            new Measure(Measure.Kind.NDCG, k),
            new Measure(Measure.Kind.RECALL, k),
            new Measure(Measure.Kind.PRECISION, k),
            new Measure(Measure.Kind.MRR, k),
            new Measure(Measure.Kind.MAP, k),
            new Measure(Measure.Kind.HIT_RATE, k)),
        k,
        0,
        Math.max(k, DEPTH_DEFAULT),
        DELTA_DEFAULT,
        PairedTest.ROUNDS_DEFAULT,
        SEED_DEFAULT,
        OptionalDouble.empty());
  }

  public EvaluationOptions withDelta(double delta) {
    return new EvaluationOptions(measures, k, ef, depth, delta, rounds, seed, threshold);
  }

  public EvaluationOptions withSeed(long seed) {
    return new EvaluationOptions(measures, k, ef, depth, delta, rounds, seed, threshold);
  }

  public EvaluationOptions withThreshold(double threshold) {
    return new EvaluationOptions(
        measures, k, ef, depth, delta, rounds, seed, OptionalDouble.of(threshold));
  }
}
