package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.RealVectors;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Recall of the nearest accepted rows where the filter has to do with the query: only rows near it
/// pass, or only rows far from it.
final class FilteredRecallTest {
  private static final int K = 10;
  private static final int QUERIES = 60;
  private static final List<Double> SHARES = List.of(0.9, 0.5, 0.3, 0.1, 0.01, 0.0005);

  private enum Kind {
    RANDOM,
    NEAR,
    FAR
  }

  @Test
  void holdsForEveryShareAndKindOfFilter() throws IOException {
    RealVectors data = RealVectors.bigann();
    try (HnswIndex index =
        new HnswIndex(
            data.base()[0].length, Metric.L2, new IndexSpec.Hnsw(), KernelProvider.best())) {
      for (int row = 0; row < data.base().length; row++) {
        // Labels that are no ordinals.
        int unused = index.add(data.base()[row], 1_000_000L + row);
      }
      index.publish(1);
      while (index.work(1000)) {
        // Until all are linked.
      }
      Random random = Seeds.random("FilteredRecall");
      for (Kind kind : Kind.values()) {
        for (double share : SHARES) {
          int found = 0;
          int wanted = 0;
          for (int query = 0; query < QUERIES; query++) {
            int[] nearest = nearestFirst(data.base(), data.queries()[query]);
            BitSet accepted = accepted(kind, share, nearest, random);
            List<Integer> truth =
                IntStream.of(nearest).filter(accepted::get).limit(K).boxed().toList();
            AcceptBits accept =
                query % 2 == 0
                    ? AcceptBits.of(accepted)
                    : AcceptBits.ofLabels(
                        label -> accepted.get((int) (label - 1_000_000L)),
                        accepted.cardinality(),
                        () -> AcceptBits.of(accepted));
            TopK top =
                index.search(
                    data.queries()[query], SearchParams.of(K).withAccept(accept), () -> false);
            assertThat(top.count()).as("%s %s", kind, share).isEqualTo(truth.size());
            for (int rank = 0; rank < top.count(); rank++) {
              int row = (int) (top.label(rank) - 1_000_000L);
              assertThat(accepted.get(row)).isTrue();
              found += truth.contains(row) ? 1 : 0;
            }
            wanted += truth.size();
          }
          assertThat((double) found / wanted).as("%s %s", kind, share).isGreaterThan(0.95);
        }
      }
    }
  }

  private static int[] nearestFirst(float[][] base, float[] query) {
    double[] distances = new double[base.length];
    for (int row = 0; row < base.length; row++) {
      for (int i = 0; i < query.length; i++) {
        double difference = query[i] - base[row][i];
        distances[row] += difference * difference;
      }
    }
    return IntStream.range(0, base.length)
        .boxed()
        .sorted(Comparator.comparingDouble(row -> distances[row]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static BitSet accepted(Kind kind, double share, int[] nearest, Random random) {
    int count = (int) Math.ceil(share * nearest.length);
    BitSet accepted = new BitSet();
    switch (kind) {
      case RANDOM -> random.ints(0, nearest.length).distinct().limit(count).forEach(accepted::set);
      case NEAR -> IntStream.of(nearest).limit(count).forEach(accepted::set);
      case FAR -> IntStream.of(nearest).skip(nearest.length - count).forEach(accepted::set);
    }
    return accepted;
  }
}
