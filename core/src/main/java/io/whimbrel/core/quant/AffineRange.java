package io.whimbrel.core.quant;

import java.util.Arrays;

/// Even steps from the least to the largest value of a vector, its outliers left out.
///
/// Outliers are the values of largest magnitude, the positive first of two equal ones, then the
/// lower index. They are kept as they are. So the range of what [AffineCodec] decodes is again
/// `low` to `high` with the same outliers, and encoding it once more changes nothing.
final class AffineRange {
  final float low;
  final float high;

  /// Indexes of the outliers, ascending.
  final int[] outliers;

  private final int codeMax;
  private final double step;

  private AffineRange(float low, float high, int[] outliers, int codeMax) {
    this.low = low;
    this.high = high;
    this.outliers = outliers;
    this.codeMax = codeMax;
    this.step = step(low, high, codeMax);
  }

  static double step(float low, float high, int codeMax) {
    return ((double) high - low) / codeMax;
  }

  /// Of finite values, more than `outlierCount` of them.
  static AffineRange of(float[] values, int outlierCount, int codeMax) {
    int[] outliers = outliers(values, outlierCount);
    float low = Float.POSITIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    int next = 0;
    for (int i = 0; i < values.length; i++) {
      if (next < outliers.length && outliers[next] == i) {
        next++;
      } else {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
    }
    return new AffineRange(low, high, outliers, codeMax);
  }

  /// Keeps the best so far, the least of them last.
  private static int[] outliers(float[] values, int count) {
    int[] best = new int[count];
    int held = 0;
    for (int i = 0; i < values.length && count > 0; i++) {
      if (held == count && !further(values[i], values[best[count - 1]])) {
        continue;
      }
      int at = held == count ? count - 1 : held++;
      for (; at > 0 && further(values[i], values[best[at - 1]]); at--) {
        best[at] = best[at - 1];
      }
      best[at] = i;
    }
    Arrays.sort(best);
    return best;
  }

  private static boolean further(float value, float than) {
    float magnitude = Math.abs(value);
    float other = Math.abs(than);
    return magnitude > other || (magnitude == other && value > than);
  }

  /// The nearest step; that at the end for an outlier.
  int code(float value) {
    return step == 0 ? 0 : (int) Math.clamp(Math.rint((value - (double) low) / step), 0, codeMax);
  }

  float decode(int code) {
    return decode(low, high, code, codeMax);
  }

  /// Both ends come out as they went in.
  static float decode(float low, float high, int code, int codeMax) {
    return code == codeMax && high > low
        ? high
        : (float) (low + ((double) high - low) * code / codeMax);
  }
}
