package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/// Takes points that are near to a query and not to each other; see
/// [io.whimbrel.core.model.QueryNode.Mmr].
///
/// Cost: each candidate is compared with each point taken, in double arithmetic.
final class Diversity {
  private final Metric metric;
  private final double diversity;
  private final BooleanSupplier cancelled;

  Diversity(Metric metric, double diversity, BooleanSupplier cancelled) {
    this.metric = metric;
    this.diversity = diversity;
    this.cancelled = cancelled;
  }

  /// At most `limit` of the candidates, in the order of taking, the first of equals first. All have
  /// a vector.
  Ranked take(Ranked candidates, float[][] vectors, int limit) {
    int count = candidates.count();
    double[] scales = new double[count];
    for (int i = 0; i < count; i++) {
      scales[i] = metric == Metric.COSINE ? 1 / Examples.norm(vectors[i]) : 1;
    }
    double[] nearestTaken = new double[count];
    Arrays.fill(nearestTaken, Double.NEGATIVE_INFINITY);
    boolean[] isTaken = new boolean[count];
    long[] ids = new long[Math.min(limit, count)];
    double[] scores = new double[ids.length];
    for (int taken = 0; taken < ids.length; taken++) {
      if (cancelled.getAsBoolean()) {
        throw WhimbrelException.of(
            ErrorCode.CANCELLED, "mmr", "cancelled", "time to compare " + count + " candidates");
      }
      int best = -1;
      double bestValue = 0;
      for (int i = 0; i < count; i++) {
        if (!isTaken[i]) {
          // Nothing is near to anything before the first is taken.
          double value =
              taken == 0
                  ? candidates.scores()[i]
                  : (1 - diversity) * candidates.scores()[i] - diversity * nearestTaken[i];
          if (best < 0 || value > bestValue) {
            best = i;
            bestValue = value;
          }
        }
      }
      isTaken[best] = true;
      ids[taken] = candidates.ids()[best];
      scores[taken] = candidates.scores()[best];
      for (int i = 0; i < count; i++) {
        if (!isTaken[i]) {
          double score = score(vectors[i], vectors[best]) * scales[i] * scales[best];
          nearestTaken[i] = Math.max(nearestTaken[i], score);
        }
      }
    }
    return Ranked.of(ids, scores);
  }

  private double score(float[] a, float[] b) {
    double sum = 0;
    if (metric == Metric.L2) {
      for (int i = 0; i < a.length; i++) {
        double difference = (double) a[i] - b[i];
        sum -= difference * difference;
      }
    } else {
      for (int i = 0; i < a.length; i++) {
        sum += (double) a[i] * b[i];
      }
    }
    return sum;
  }
}
