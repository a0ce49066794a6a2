package io.whimbrel.core.collection;

import io.whimbrel.core.model.Metric;
import java.util.List;

/// Arithmetic of recommendations; see [io.whimbrel.core.model.QueryNode.Strategy].
final class Examples {
  private Examples() {}

  /// The mean of the first `positives` vectors; with others behind them, twice it less their mean.
  static float[] average(List<float[]> examples, int positives, Metric metric) {
    double[] near = mean(examples.subList(0, positives), metric);
    float[] query = new float[near.length];
    if (positives == examples.size()) {
      for (int i = 0; i < query.length; i++) {
        query[i] = (float) near[i];
      }
      return query;
    }
    double[] far = mean(examples.subList(positives, examples.size()), metric);
    for (int i = 0; i < query.length; i++) {
      query[i] = (float) (2 * near[i] - far[i]);
    }
    return query;
  }

  private static double[] mean(List<float[]> vectors, Metric metric) {
    double[] sum = new double[vectors.getFirst().length];
    for (float[] vector : vectors) {
      double scale = metric == Metric.COSINE ? 1 / norm(vector) : 1;
      for (int i = 0; i < sum.length; i++) {
        sum[i] += scale * vector[i];
      }
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] /= vectors.size();
    }
    return sum;
  }

  static double norm(float[] vector) {
    double squares = 0;
    for (float value : vector) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }

  /// A rising map of all scores to 0 to 1.
  static double squash(double score) {
    return score == Double.NEGATIVE_INFINITY ? 0 : (1 + score / (1 + Math.abs(score))) / 2;
  }
}
