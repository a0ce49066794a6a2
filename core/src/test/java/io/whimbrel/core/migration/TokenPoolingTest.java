package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class TokenPoolingTest {
  private final Random random = Seeds.random("token-pooling");

  /// Clusters as lists of tokens, joined by trying every pair: the same as the slow way.
  private static List<List<Integer>> slowly(float[] tokens, int dimension, int wanted) {
    List<List<Integer>> clusters = new ArrayList<>();
    for (int t = 0; t < tokens.length / dimension; t++) {
      clusters.add(new ArrayList<>(List.of(t)));
    }
    while (clusters.size() > wanted) {
      int first = 0;
      int second = 1;
      double least = Double.POSITIVE_INFINITY;
      for (int a = 0; a < clusters.size(); a++) {
        for (int b = a + 1; b < clusters.size(); b++) {
          List<Integer> both = new ArrayList<>(clusters.get(a));
          both.addAll(clusters.get(b));
          double added =
              spread(tokens, dimension, both)
                  - spread(tokens, dimension, clusters.get(a))
                  - spread(tokens, dimension, clusters.get(b));
          if (added < least) {
            least = added;
            first = a;
            second = b;
          }
        }
      }
      clusters.get(first).addAll(clusters.remove(second));
    }
    return clusters;
  }

  private static double spread(float[] tokens, int dimension, List<Integer> cluster) {
    double sum = 0;
    for (int i = 0; i < dimension; i++) {
      double mean = mean(tokens, dimension, cluster, i);
      for (int t : cluster) {
        double difference = tokens[t * dimension + i] - mean;
        sum += difference * difference;
      }
    }
    return sum;
  }

  private static double mean(float[] tokens, int dimension, List<Integer> cluster, int i) {
    return cluster.stream().mapToDouble(t -> tokens[t * dimension + i]).average().orElseThrow();
  }

  @Test
  void joinsWhatTheSlowWayJoins() {
    int dimension = 6;
    for (int count : new int[] {1, 2, 3, 17, 40}) {
      for (int factor : new int[] {2, 3, 64}) {
        float[] tokens = Seeds.gaussian(random, count * dimension);
        float[] pooled = TokenPooling.pool(tokens, dimension, factor);
        List<List<Integer>> clusters = slowly(tokens, dimension, Math.ceilDiv(count, factor));
        float[] expected = new float[clusters.size() * dimension];
        for (int i = 0; i < expected.length; i++) {
          expected[i] =
              (float) mean(tokens, dimension, clusters.get(i / dimension), i % dimension);
        }
        assertThat(pooled).containsExactly(expected, Offset.offset(1e-5f));
      }
    }
  }

  @Test
  void longDocumentsArePooledRunByRun() {
    int dimension = 4;
    float[] tokens = Seeds.gaussian(random, (TokenPooling.RUN_TOKENS + 3) * dimension);
    float[] pooled = TokenPooling.pool(tokens, dimension, 4);
    assertThat(pooled).hasSize((TokenPooling.RUN_TOKENS / 4 + 1) * dimension);
    assertThat(TokenPooling.pool(tokens, dimension, 1)).isSameAs(tokens);
  }
}
