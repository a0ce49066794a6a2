package io.whimbrel.core.migration;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/// How long the searches of the last seconds took, from when each came until it was answered. Any
/// number of threads record, at the cost of a counter each; those who ask share a lock.
public final class RecentLatency {
  /// What is asked for covers the running window and the one before it.
  static final Duration WINDOW = Duration.ofSeconds(2);

  /// Fewer searches say nothing about their slowest.
  static final int SAMPLES_MIN = 20;

  private static final long MICROS_MAX = TimeUnit.MINUTES.toMicros(10);
  private static final int DIGITS = 2;

  private final LongSupplier nanoTime;
  private final Recorder micros = new Recorder(MICROS_MAX, DIGITS);
  private Histogram running = new Histogram(MICROS_MAX, DIGITS);
  private Histogram before = new Histogram(MICROS_MAX, DIGITS);
  private long windowNanos;

  /// `nanoTime` is a clock like [System#nanoTime].
  public RecentLatency(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.windowNanos = nanoTime.getAsLong();
  }

  /// A search that took so long.
  public void record(long nanos) {
    micros.recordValue(Math.clamp(nanos / 1000, 0, MICROS_MAX));
  }

  /// The 99th percentile; zero while there are too few searches to tell.
  public synchronized Duration p99() {
    long windows = (nanoTime.getAsLong() - windowNanos) / WINDOW.toNanos();
    Histogram latest = micros.getIntervalHistogram();
    if (windows > 1) {
      // Nobody asked for long: what was recorded may be of any time since.
      running.reset();
      before.reset();
    } else {
      running.add(latest);
      if (windows == 1) {
        Histogram oldest = before;
        before = running;
        running = oldest;
        running.reset();
      }
    }
    windowNanos += windows * WINDOW.toNanos();
    Histogram both = before.copy();
    both.add(running);
    return both.getTotalCount() < SAMPLES_MIN
        ? Duration.ZERO
        : Duration.of(both.getValueAtPercentile(99), ChronoUnit.MICROS);
  }
}
