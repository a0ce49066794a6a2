package io.whimbrel.bench.dataset;

import io.whimbrel.core.model.Metric;
import java.util.Arrays;

/// True distances in float64 on the vectors as the files have them; smaller is nearer.
///
/// L2 is the squared distance, COSINE one minus the cosine, DOT the negative inner product. Safe
/// for any number of threads.
final class Distances {
  private final Metric metric;
  private final float[][] base;
  private final float[][] queries;
  private final double[] baseScales;
  private final double[] queryScales;

  Distances(Metric metric, float[][] base, float[][] queries) {
    this.metric = metric;
    this.base = base;
    this.queries = queries;
    this.baseScales = scales(metric, base);
    this.queryScales = scales(metric, queries);
  }

  /// The same queries over other rows.
  Distances over(float[][] rows) {
    return new Distances(metric, rows, queries);
  }

  /// The first queries over the same rows.
  Distances first(int count) {
    return new Distances(metric, base, Arrays.copyOf(queries, count));
  }

  int rows() {
    return base.length;
  }

  int queryCount() {
    return queries.length;
  }

  double of(int query, int row) {
    float[] a = queries[query];
    float[] b = base[row];
    return switch (metric) {
      case L2 -> squaredL2(a, b);
      case DOT -> -dot(a, b);
      case COSINE -> 1 - dot(a, b) * queryScales[query] * baseScales[row];
    };
  }

  private static double[] scales(Metric metric, float[][] vectors) {
    double[] scales = new double[metric == Metric.COSINE ? vectors.length : 0];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = 1 / Math.sqrt(dot(vectors[i], vectors[i]));
    }
    return scales;
  }

  // Four sums, since one would wait for each addition before it starts the next.
  private static double dot(float[] a, float[] b) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i <= a.length - 4; i += 4) {
      s0 += (double) a[i] * b[i];
      s1 += (double) a[i + 1] * b[i + 1];
      s2 += (double) a[i + 2] * b[i + 2];
      s3 += (double) a[i + 3] * b[i + 3];
    }
    for (; i < a.length; i++) {
      s0 += (double) a[i] * b[i];
    }
    return s0 + s1 + (s2 + s3);
  }

  private static double squaredL2(float[] a, float[] b) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i <= a.length - 4; i += 4) {
      s0 += square((double) a[i] - b[i]);
      s1 += square((double) a[i + 1] - b[i + 1]);
      s2 += square((double) a[i + 2] - b[i + 2]);
      s3 += square((double) a[i + 3] - b[i + 3]);
    }
    for (; i < a.length; i++) {
      s0 += square((double) a[i] - b[i]);
    }
    return s0 + s1 + (s2 + s3);
  }

  private static double square(double x) {
    return x * x;
  }
}
