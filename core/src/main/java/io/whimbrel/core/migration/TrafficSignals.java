package io.whimbrel.core.migration;

import io.whimbrel.core.model.ErrorCode;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/// Counts what both versions of a migration do. Any number of threads count; one thread reads
/// windows.
public final class TrafficSignals {
  private static final long MICROS_MAX = TimeUnit.MINUTES.toMicros(10);
  private static final int DIGITS = 2;

  /// Codes that say the server failed, not the caller.
  private static final Set<ErrorCode> FAULTS =
      Set.of(
          ErrorCode.OVERLOADED,
          ErrorCode.DEADLINE_EXCEEDED,
          ErrorCode.DATA_LOSS,
          ErrorCode.INTERNAL,
          ErrorCode.UNAVAILABLE);

  private final Version from = new Version();
  private final Version to = new Version();

  /// One version's counts since it was made.
  private static final class Version {
    final LongAdder requests = new LongAdder();
    final LongAdder errors = new LongAdder();
    final LongAdder empty = new LongAdder();
    final LongAdder feedback = new LongAdder();
    final LongAdder good = new LongAdder();
    final Recorder micros = new Recorder(MICROS_MAX, DIGITS);

    // Of the thread that reads windows.
    WindowCounts start = WindowCounts.NONE;
    final Histogram window = new Histogram(MICROS_MAX, DIGITS);

    WindowCounts now() {
      window.add(micros.getIntervalHistogram());
      return new WindowCounts(
          requests.sum() - start.requests(),
          errors.sum() - start.errors(),
          empty.sum() - start.empty(),
          window.getValueAtPercentile(99),
          feedback.sum() - start.feedback(),
          good.sum() - start.good());
    }

    void restart() {
      start =
          new WindowCounts(
              requests.sum(), errors.sum(), empty.sum(), 0, start.feedback(), start.good());
      micros.reset();
      window.reset();
    }

    void restartStep() {
      restart();
      start =
          new WindowCounts(
              start.requests(), start.errors(), start.empty(), 0, feedback.sum(), good.sum());
    }
  }

  private Version version(boolean newVersion) {
    return newVersion ? to : from;
  }

  /// An answer, by the new version or the old, with this many hits, after this time.
  public void answered(boolean newVersion, int hits, long nanos) {
    Version version = version(newVersion);
    version.micros.recordValue(Math.clamp(nanos / 1000, 0, MICROS_MAX));
    if (hits == 0) {
      version.empty.increment();
    }
    version.requests.increment();
  }

  /// A search that failed. Refusals of bad requests are not counted; a failure without a code is.
  public void failed(boolean newVersion, ErrorCode code) {
    if (FAULTS.contains(code)) {
      fault(newVersion);
    }
  }

  /// A search that failed by a bug.
  public void fault(boolean newVersion) {
    Version version = version(newVersion);
    version.errors.increment();
    version.requests.increment();
  }

  /// What a user thought of an answer.
  public void feedback(boolean newVersion, boolean good) {
    Version version = version(newVersion);
    if (good) {
      version.good.increment();
    }
    version.feedback.increment();
  }

  /// Counts of the old version since the last [#restart].
  public WindowCounts from() {
    return from.now();
  }

  /// Counts of the new version since the last [#restart].
  public WindowCounts to() {
    return to.now();
  }

  /// Begins a new window. Feedback is rare and goes on counting until [#restartStep].
  public void restart() {
    from.restart();
    to.restart();
  }

  /// Begins a new step, and with it a window.
  public void restartStep() {
    from.restartStep();
    to.restartStep();
  }
}
