package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.Truth;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;

/// Times all queries, one after the other, by CPU time of the calling thread. One thread.
final class SearchTimer {
  /// CPU time of searches before the first that counts, so that they are compiled.
  private static final double WARM_UP_SECONDS = 3;

  /// Slow passes are not repeated beyond this: by then their noise is small.
  private static final double PASSES_SECONDS_MAX = 20;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final float[][] queries;
  private final int runs;
  private boolean warm;

  SearchTimer(float[][] queries, int runs) {
    this.queries = queries;
    this.runs = runs;
  }

  /// What one beam width gives.
  ///
  /// @param qps queries a second of CPU time, in the fastest pass
  record Point(int ef, double recall, double qps) {}

  /// CPU time of this thread so far.
  static double cpuSeconds() {
    return THREADS.getCurrentThreadCpuTime() / 1e9;
  }

  /// Answers all queries once, for the recall only.
  double recall(HnswIndex index, Truth truth, SearchParams params) {
    int[] labels = new int[queries.length * params.k()];
    pass(index, params, labels);
    return truth.recall(labels);
  }

  /// Answers all queries `runs` times, after a warm-up the first time.
  Point measure(HnswIndex index, Truth truth, SearchParams params) {
    int[] labels = new int[queries.length * params.k()];
    double qps = qps(index, params, labels);
    return new Point(params.beam(), truth.recall(labels), qps);
  }

  /// The same without a look at what was found.
  double qps(HnswIndex index, SearchParams params) {
    return qps(index, params, new int[queries.length * params.k()]);
  }

  private double qps(HnswIndex index, SearchParams params, int[] labels) {
    warmUp(index, params, labels);
    double best = Double.POSITIVE_INFINITY;
    double total = 0;
    for (int run = 0; run < runs && total < PASSES_SECONDS_MAX; run++) {
      double seconds = pass(index, params, labels);
      best = Math.min(best, seconds);
      total += seconds;
    }
    return queries.length / best;
  }

  private void warmUp(HnswIndex index, SearchParams params, int[] labels) {
    double spent = pass(index, params, labels);
    while (!warm && spent < WARM_UP_SECONDS) {
      spent += pass(index, params, labels);
    }
    warm = true;
  }

  /// CPU seconds of one pass.
  private double pass(HnswIndex index, SearchParams params, int[] labels) {
    Arrays.fill(labels, -1);
    double start = cpuSeconds();
    for (int query = 0; query < queries.length; query++) {
      TopK best = index.search(queries[query], params, () -> false);
      for (int rank = 0; rank < best.count(); rank++) {
        labels[query * params.k() + rank] = Math.toIntExact(best.label(rank));
      }
    }
    return cpuSeconds() - start;
  }
}
