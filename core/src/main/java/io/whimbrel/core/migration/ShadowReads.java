package io.whimbrel.core.migration;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Asks the other version what a search was asked, after it was answered, and keeps count of the
/// differences.
///
/// The searcher only hands over: work waits in a bounded queue for a bounded pool, is dropped when
/// there is no room, ends at its deadline, and whatever it throws is counted and goes no further.
/// Any number of threads.
public final class ShadowReads implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShadowReads.class);
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(10);
  private static final int PER_CENT = 100;

  private final ThreadPoolExecutor pool;
  private volatile boolean closing;

  /// `threads` searches at once, on threads of `factory`; `waitingMax` more wait.
  public ShadowReads(int threads, int waitingMax, ThreadFactory factory) {
    this.pool =
        new ThreadPoolExecutor(
            threads, threads, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(waitingMax), factory);
    pool.allowCoreThreadTimeOut(true);
  }

  /// The search of the other version; asks `cancelled` regularly and ends with CANCELLED.
  @FunctionalInterface
  public interface Candidate {
    SearchResult search(BooleanSupplier cancelled);
  }

  /// What one migration mirrors, and what that showed.
  public static final class Mirror {
    private static final long MICROS_MAX = TimeUnit.MINUTES.toMicros(10);
    private static final int DIGITS = 2;

    private final Duration deadline;

    /// Per cent.
    private volatile int percent;

    // Guarded by this.
    private long seen;
    private long sampled;
    private long dropped;
    private long skipped;
    private long failed;
    private long compared;
    private double overlap;
    private final Map<ErrorCode, Long> errors = new EnumMap<>(ErrorCode.class);
    private final Histogram fromMicros = new Histogram(MICROS_MAX, DIGITS);
    private final Histogram toMicros = new Histogram(MICROS_MAX, DIGITS);

    /// `percent` of the searches, 0 to 100; each has `deadline` from its hand-over to its end.
    public Mirror(int percent, Duration deadline) {
      this.percent = percent;
      this.deadline = deadline;
    }

    /// Samples no more; what was sampled stays.
    public synchronized Mirror stopped() {
      percent = 0;
      seen = 0;
      return this;
    }

    public Duration deadline() {
      return deadline;
    }

    /// Every hundred searches give `percent` samples, evenly spaced.
    private synchronized boolean sample(long controlNanos) {
      long before = seen * percent / PER_CENT;
      seen++;
      if (seen * percent / PER_CENT == before) {
        return false;
      }
      sampled++;
      fromMicros.recordValue(Math.clamp(controlNanos / 1000, 0, MICROS_MAX));
      return true;
    }

    private synchronized void dropped() {
      dropped++;
    }

    private synchronized void skipped() {
      skipped++;
    }

    private synchronized void failed(ErrorCode code) {
      failed++;
      errors.merge(code, 1L, Long::sum);
    }

    private synchronized void compared(double share, long nanos) {
      compared++;
      overlap += share;
      toMicros.recordValue(Math.clamp(nanos / 1000, 0, MICROS_MAX));
    }

    public synchronized MirrorReport report() {
      return new MirrorReport(
          percent,
          sampled,
          dropped,
          skipped,
          failed,
          errors,
          compared,
          compared == 0 ? 0 : overlap / compared,
          fromMicros.getValueAtPercentile(99) / 1e3,
          toMicros.getValueAtPercentile(99) / 1e3);
    }
  }

  /// Mirrors a search that was answered with `control` after `controlNanos`, if it is its turn.
  /// `candidate` is empty when the other version cannot be asked the same. Never waits, never
  /// throws.
  public void offer(
      Mirror mirror, SearchResult control, long controlNanos, Optional<Candidate> candidate) {
    if (!mirror.sample(controlNanos)) {
      return;
    }
    if (candidate.isEmpty()) {
      mirror.skipped();
      return;
    }
    long start = System.nanoTime();
    try {
      pool.execute(() -> run(mirror, control, candidate.get(), start));
    } catch (RejectedExecutionException e) {
      mirror.dropped();
    }
  }

  private void run(Mirror mirror, SearchResult control, Candidate candidate, long start) {
    long deadlineNanos = mirror.deadline().toNanos();
    BooleanSupplier late = () -> closing || System.nanoTime() - start > deadlineNanos;
    if (late.getAsBoolean()) {
      mirror.dropped();
      return;
    }
    long begin = System.nanoTime();
    try {
      SearchResult other = candidate.search(late);
      long nanos = System.nanoTime() - begin;
      if (late.getAsBoolean()) {
        mirror.failed(ErrorCode.DEADLINE_EXCEEDED);
      } else {
        mirror.compared(overlap(control, other), nanos);
      }
    } catch (WhimbrelException e) {
      mirror.failed(
          e.code() == ErrorCode.CANCELLED && late.getAsBoolean()
              ? ErrorCode.DEADLINE_EXCEEDED
              : e.code());
    } catch (RuntimeException | AssertionError e) {
      // A bug, but not of the search that was answered; the log has it, the report counts it.
      LOG.warn("a mirrored search failed", e);
      mirror.failed(ErrorCode.INTERNAL);
    }
  }

  /// Hits that both have, of the longer answer's; two empty answers agree.
  static double overlap(SearchResult control, SearchResult other) {
    int longer = Math.max(control.hits().size(), other.hits().size());
    if (longer == 0) {
      return 1;
    }
    Set<PointId> ids = HashSet.newHashSet(control.hits().size());
    control.hits().forEach(hit -> ids.add(hit.point().id()));
    long both = other.hits().stream().filter(hit -> ids.contains(hit.point().id())).count();
    return (double) both / longer;
  }

  /// Ends running searches and waits for them; what waits is dropped.
  @Override
  public void close() {
    closing = true;
    pool.shutdownNow();
    try {
      if (!pool.awaitTermination(CLOSE_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("a mirrored search runs on after {} s", CLOSE_WAIT.toSeconds());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
