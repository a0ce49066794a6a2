package io.whimbrel.bench.graph;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.SearchParams;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/// How long one thread waits for its searches, alone and while others write and link.
final class LatencyRun {
  /// Latencies are kept to 0.1 percent, in nanoseconds.
  private static final int DIGITS = 3;

  private static final long IDLE_NANOS = 100_000;
  private static final double SECOND_NANOS = 1e9;

  private final HnswIndex index;
  private final float[][] queries;
  private final SearchParams params;
  private final Points points;

  LatencyRun(HnswIndex index, float[][] queries, SearchParams params, Points points) {
    this.index = index;
    this.queries = queries;
    this.params = params;
    this.points = points;
  }

  /// What the writer updates; its arrays are the writer's while a run lasts.
  record Points(float[][] vectors, int[] ordinals, int[] order, long seq) {}

  /// @param updates a second, each a remove, an add and a publish
  /// @param pending rows that were not linked at the end
  record Latency(
      int ef, long searches, double p50Micros, double p99Micros, double updates, int pending) {}

  /// Nobody writes.
  Latency quiet(Duration length) {
    return latency(search(length), 0);
  }

  /// One thread updates, one links and mends.
  ///
  /// @param updatesPerSecond what the writer tries to reach
  Latency writing(Duration length, int updatesPerSecond) throws IOException, InterruptedException {
    AtomicBoolean stop = new AtomicBoolean();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Double> writer = threads.submit(() -> write(updatesPerSecond, stop));
      Future<?> worker = threads.submit(() -> work(stop));
      Histogram times;
      try {
        times = search(length);
      } finally {
        stop.set(true);
      }
      double rate = writer.get();
      worker.get();
      return latency(times, rate);
    } catch (ExecutionException e) {
      throw new IOException("writing failed", e);
    }
  }

  private Latency latency(Histogram times, double updates) {
    return new Latency(
        params.beam(),
        times.getTotalCount(),
        times.getValueAtPercentile(50) / 1e3,
        times.getValueAtPercentile(99) / 1e3,
        updates,
        index.pending());
  }

  private Histogram search(Duration length) {
    Histogram times = new Histogram(DIGITS);
    long start = System.nanoTime();
    long now = start;
    for (int i = 0; now - start < length.toNanos(); i = (i + 1) % queries.length) {
      if (index.search(queries[i], params, () -> false).count() == 0) {
        throw new IllegalStateException("a search found nothing");
      }
      long end = System.nanoTime();
      times.recordValue(end - now);
      now = end;
    }
    return times;
  }

  /// Updates a second that were reached.
  private double write(int updatesPerSecond, AtomicBoolean stop) {
    long start = System.nanoTime();
    long seq = points.seq();
    long updates = 0;
    while (!stop.get()) {
      double due = (System.nanoTime() - start) / SECOND_NANOS * updatesPerSecond;
      if (updates >= due) {
        LockSupport.parkNanos(IDLE_NANOS);
        continue;
      }
      int label = points.order()[(int) (updates++ % points.order().length)];
      seq++;
      index.remove(points.ordinals()[label], seq);
      points.ordinals()[label] = index.add(points.vectors()[label], label);
      index.publish(seq);
    }
    return updates / ((System.nanoTime() - start) / SECOND_NANOS);
  }

  private void work(AtomicBoolean stop) {
    while (!stop.get()) {
      if (!index.work(Integer.MAX_VALUE)) {
        LockSupport.parkNanos(IDLE_NANOS);
      }
    }
  }
}
