package io.whimbrel.bench.maxsim;

import io.whimbrel.core.index.BestHeap;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.maxsim.MaxSimIndex;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// One index over one set, with the true hits of its queries.
final class MaxSimRun implements AutoCloseable {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int WORK_DOCUMENTS = 512;
  private static final int PANEL = MaxSimKernels.PANEL;

  /// How one kind of search did.
  ///
  /// @param recall share of the true `k` best that it found
  /// @param ofExact share of the `k` best of an exact search of the index that it found
  record Result(
      String name, double recall, double ofExact, double p50Millis, double p99Millis, double qps) {}

  final MaxSimIndex index;
  final int dimension;
  final int k;
  private final MaxSimKernels kernels;
  private final List<float[]> queries;
  private final List<BestHeap> truthHeaps = new ArrayList<>();
  private final List<long[]> truth = new ArrayList<>();

  /// What exact searches of the index found.
  private final List<long[]> exact = new ArrayList<>();

  private int added;
  private long tokens;

  MaxSimRun(int dimension, List<float[]> queries, int k, int centroids, Kernels kernels) {
    this.dimension = dimension;
    this.queries = queries;
    this.k = k;
    this.kernels = kernels.maxSim();
    this.index =
        new MaxSimIndex(
            dimension, Metric.COSINE, Storage.INT8, new IndexSpec.MultiVector(centroids), kernels);
    queries.forEach(_ -> truthHeaps.add(new BestHeap(k)));
  }

  /// Adds and publishes all documents of a set, and compares each with every query meanwhile.
  void add(TokenData data) {
    int stride = VectorMatrix.paddedDimension(dimension) * Float.BYTES;
    try (Region panels = Region.confined(panelsBytes())) {
      packPanels(panels.segment());
      data.forEach(document -> {
        index.add(document, added);
        tokens += document.length / dimension;
        try (Region rows = Region.confined((long) document.length / dimension * stride)) {
          for (int t = 0; t < document.length / dimension; t++) {
            MemorySegment.copy(
                document,
                t * dimension,
                rows.segment(),
                VectorMatrix.VALUE,
                (long) t * stride,
                dimension);
          }
          compare(panels.segment(), rows.segment(), document.length / dimension, stride);
        }
        added++;
      });
    }
    index.publish(index.seq() + 1);
  }

  private int panels(int q) {
    return Math.ceilDiv(queries.get(q).length / dimension, PANEL);
  }

  private long panelsBytes() {
    long count = 0;
    for (int q = 0; q < queries.size(); q++) {
      count += panels(q);
    }
    return count * dimension * PANEL * Float.BYTES;
  }

  private void packPanels(MemorySegment out) {
    long at = 0;
    for (int q = 0; q < queries.size(); q++) {
      float[] query = queries.get(q);
      for (int t = 0; t < query.length / dimension; t++) {
        double squares = 0;
        for (int i = 0; i < dimension; i++) {
          squares += (double) query[t * dimension + i] * query[t * dimension + i];
        }
        for (int i = 0; i < dimension; i++) {
          float value = (float) (query[t * dimension + i] / Math.sqrt(squares));
          long panel = at + (long) (t / PANEL) * dimension * PANEL * Float.BYTES;
          out.set(VectorMatrix.VALUE, panel + ((long) i * PANEL + t % PANEL) * Float.BYTES, value);
        }
      }
      at += (long) panels(q) * dimension * PANEL * Float.BYTES;
    }
  }

  private void compare(MemorySegment panels, MemorySegment rows, int count, int stride) {
    float[] best = new float[PANEL];
    long at = 0;
    for (int q = 0; q < queries.size(); q++) {
      double score = 0;
      int left = queries.get(q).length / dimension;
      for (int p = 0; p < panels(q); p++, left -= PANEL) {
        Arrays.fill(best, Float.NEGATIVE_INFINITY);
        long bytes = (long) dimension * PANEL * Float.BYTES;
        kernels.maxFloat(panels.asSlice(at, bytes), rows, 0, count, stride, dimension, best);
        for (int t = 0; t < Math.min(PANEL, left); t++) {
          score += best[t];
        }
        at += bytes;
      }
      BestHeap heap = truthHeaps.get(q);
      if (heap.wants(added, (float) score)) {
        heap.add(added, (float) score);
      }
    }
  }

  /// Ends the adding: the true hits are known.
  void settle() {
    for (BestHeap heap : truthHeaps) {
      TopK top = heap.drain(0, ordinal -> ordinal);
      truth.add(labels(top));
    }
  }

  private static long[] labels(TopK top) {
    long[] labels = new long[top.count()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = top.label(i);
    }
    return labels;
  }

  /// Encodes what waits, without a new fit.
  void encode() {
    while (index.pending() > 0 && index.work(WORK_DOCUMENTS)) {
      // One piece after the other.
    }
  }

  /// Does all background work; returns its CPU time in seconds.
  double work() {
    long start = THREADS.getCurrentThreadCpuTime();
    while (index.work(WORK_DOCUMENTS)) {
      // One piece after the other.
    }
    return (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
  }

  long tokens() {
    return tokens;
  }

  int documents() {
    return added;
  }

  /// Searches with every query, `passes` times; each query counts with its fastest. The first
  /// search is an exact one.
  Result measure(String name, MultiVectorParams params, int passes) {
    double[] millis = new double[queries.size()];
    Arrays.fill(millis, Double.POSITIVE_INFINITY);
    int found = 0;
    int foundOfExact = 0;
    int wanted = 0;
    if (params.exact()) {
      exact.clear();
    }
    for (int pass = 0; pass < passes; pass++) {
      for (int q = 0; q < queries.size(); q++) {
        long start = THREADS.getCurrentThreadCpuTime();
        TopK best = index.search(queries.get(q), params, () -> false).best();
        millis[q] = Math.min(millis[q], (THREADS.getCurrentThreadCpuTime() - start) / 1e6);
        if (pass == 0) {
          wanted += truth.get(q).length;
          found += hits(best, truth.get(q));
          if (params.exact()) {
            exact.add(labels(best));
          }
          foundOfExact += hits(best, exact.get(q));
        }
      }
    }
    double mean = Arrays.stream(millis).average().orElseThrow();
    Arrays.sort(millis);
    return new Result(
        name,
        (double) found / wanted,
        (double) foundOfExact / wanted,
        millis[millis.length / 2],
        millis[(int) Math.ceil(0.99 * millis.length) - 1],
        1000 / mean);
  }

  private static int hits(TopK best, long[] wanted) {
    int found = 0;
    for (int i = 0; i < best.count(); i++) {
      long label = best.label(i);
      found += Arrays.stream(wanted).anyMatch(other -> other == label) ? 1 : 0;
    }
    return found;
  }

  @Override
  public void close() {
    index.close();
  }
}
