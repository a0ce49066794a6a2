package io.whimbrel.core.migration;

import java.util.Arrays;

/// Fewer tokens for a document: those that lie close together become their mean.
///
/// Ward's clustering: again and again the two clusters whose union adds least to the squared
/// distances of tokens from their means are joined. Means come in the order of the first token of
/// each. Runs of [#RUN_TOKENS] are pooled by themselves, so that cost grows no faster than length.
///
/// Source: Clavie, Chaffin and Adams 2024, "Reducing the Footprint of Multi-Vector Retrieval with
/// Minimal Performance Impact via Token Pooling".
final class TokenPooling {
  static final int RUN_TOKENS = 512;

  private final int dimension;
  private final int count;

  /// Sums of the tokens of a cluster, `[count][dimension]`; a cluster is where its first token was.
  private final double[] sums;

  /// Tokens of a cluster; 0 once it has joined another.
  private final int[] sizes;

  /// Cost of joining, `[count][count]`, of which the part above the diagonal is in use.
  private final float[] costs;

  /// The later cluster that costs least to join, and its cost.
  private final int[] partner;
  private final float[] least;

  private TokenPooling(float[] tokens, int from, int count, int dimension) {
    this.dimension = dimension;
    this.count = count;
    this.sums = new double[count * dimension];
    this.sizes = new int[count];
    this.costs = new float[count * count];
    this.partner = new int[count];
    this.least = new float[count];
    Arrays.fill(sizes, 1);
    for (int i = 0; i < sums.length; i++) {
      sums[i] = tokens[from * dimension + i];
    }
    for (int a = 0; a < count; a++) {
      for (int b = a + 1; b < count; b++) {
        costs[a * count + b] = cost(a, b);
      }
    }
    for (int a = 0; a < count; a++) {
      findPartner(a);
    }
  }

  /// Means of about `tokens / factor` clusters, as rows; the argument itself when `factor` is 1.
  /// `tokens` are rows of `dimension`.
  static float[] pool(float[] tokens, int dimension, int factor) {
    if (factor == 1) {
      return tokens;
    }
    int count = tokens.length / dimension;
    float[] pooled = new float[tokens.length];
    int kept = 0;
    for (int from = 0; from < count; from += RUN_TOKENS) {
      int run = Math.min(RUN_TOKENS, count - from);
      TokenPooling pooling = new TokenPooling(tokens, from, run, dimension);
      pooling.join(Math.ceilDiv(run, factor));
      kept = pooling.means(pooled, kept);
    }
    return Arrays.copyOf(pooled, kept * dimension);
  }

  /// The mean of all tokens.
  static float[] pool(float[] tokens, int dimension) {
    int count = tokens.length / dimension;
    double[] sums = new double[dimension];
    for (int i = 0; i < tokens.length; i++) {
      sums[i % dimension] += tokens[i];
    }
    float[] mean = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      mean[i] = (float) (sums[i] / count);
    }
    return mean;
  }

  private float cost(int a, int b) {
    double squares = 0;
    for (int i = 0; i < dimension; i++) {
      double difference =
          sums[a * dimension + i] / sizes[a] - sums[b * dimension + i] / sizes[b];
      squares += difference * difference;
    }
    return (float) (squares * sizes[a] * sizes[b] / (sizes[a] + sizes[b]));
  }

  private void findPartner(int a) {
    partner[a] = -1;
    least[a] = Float.POSITIVE_INFINITY;
    for (int b = a + 1; b < count; b++) {
      if (sizes[b] > 0 && costs[a * count + b] < least[a]) {
        least[a] = costs[a * count + b];
        partner[a] = b;
      }
    }
  }

  private void join(int wanted) {
    for (int clusters = count; clusters > wanted; clusters--) {
      int a = -1;
      for (int c = 0; c < count; c++) {
        if (sizes[c] > 0 && partner[c] >= 0 && (a < 0 || least[c] < least[a])) {
          a = c;
        }
      }
      int b = partner[a];
      for (int i = 0; i < dimension; i++) {
        sums[a * dimension + i] += sums[b * dimension + i];
      }
      sizes[a] += sizes[b];
      sizes[b] = 0;
      update(a, b);
    }
  }

  /// After `b` has joined `a`, which is before it.
  private void update(int a, int b) {
    for (int c = 0; c < count; c++) {
      if (sizes[c] > 0 && c != a) {
        costs[Math.min(a, c) * count + Math.max(a, c)] = cost(a, c);
      }
    }
    for (int c = 0; c < b; c++) {
      if (sizes[c] == 0) {
        continue;
      }
      if (c == a || partner[c] == a || partner[c] == b) {
        findPartner(c);
      } else if (c < a && costs[c * count + a] < least[c]) {
        least[c] = costs[c * count + a];
        partner[c] = a;
      }
    }
  }

  /// Writes the means as rows from `row` on; returns the row after them.
  private int means(float[] out, int row) {
    int next = row;
    for (int c = 0; c < count; c++) {
      if (sizes[c] > 0) {
        for (int i = 0; i < dimension; i++) {
          out[next * dimension + i] = (float) (sums[c * dimension + i] / sizes[c]);
        }
        next++;
      }
    }
    return next;
  }
}
