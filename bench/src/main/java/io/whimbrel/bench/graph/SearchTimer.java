package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.Truth;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.function.IntFunction;

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

  /// Answers one query: up to `k` labels to `labels[at]` and after.
  interface Search {
    void run(int query, int[] labels, int at) throws IOException;
  }

  /// A search of the index, with what each query wants.
  Search search(HnswIndex index, IntFunction<SearchParams> params) {
    return (query, labels, at) -> {
      TopK best = index.search(queries[query], params.apply(query), () -> false);
      for (int rank = 0; rank < best.count(); rank++) {
        labels[at + rank] = Math.toIntExact(best.label(rank));
      }
    };
  }

  /// Answers all queries once, for the recall only.
  double recall(Search search, Truth truth) throws IOException {
    int[] labels = new int[queries.length * truth.k()];
    pass(search, truth.k(), labels);
    return truth.recall(labels);
  }

  /// Answers all queries `runs` times, after a warm-up the first time.
  Point measure(HnswIndex index, Truth truth, SearchParams params) throws IOException {
    return measure(search(index, _ -> params), truth, params.beam());
  }

  /// The same by any search, whose beam is only noted.
  Point measure(Search search, Truth truth, int ef) throws IOException {
    int[] labels = new int[queries.length * truth.k()];
    double qps = qps(search, truth.k(), labels);
    return new Point(ef, truth.recall(labels), qps);
  }

  /// The same without a look at what was found.
  double qps(Search search, int k) throws IOException {
    return qps(search, k, new int[queries.length * k]);
  }

  private double qps(Search search, int k, int[] labels) throws IOException {
    warmUp(search, k, labels);
    double best = Double.POSITIVE_INFINITY;
    double total = 0;
    for (int run = 0; run < runs && total < PASSES_SECONDS_MAX; run++) {
      double seconds = pass(search, k, labels);
      best = Math.min(best, seconds);
      total += seconds;
    }
    return queries.length / best;
  }

  private void warmUp(Search search, int k, int[] labels) throws IOException {
    double spent = pass(search, k, labels);
    while (!warm && spent < WARM_UP_SECONDS) {
      spent += pass(search, k, labels);
    }
    warm = true;
  }

  /// CPU seconds of one pass.
  private double pass(Search search, int k, int[] labels) throws IOException {
    Arrays.fill(labels, -1);
    double start = cpuSeconds();
    for (int query = 0; query < queries.length; query++) {
      search.run(query, labels, query * k);
    }
    return cpuSeconds() - start;
  }
}
