package io.whimbrel.core.collection;

import io.whimbrel.core.memory.YieldingThreads;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The threads that do the background work of indexes, one small piece at a time and in turn for
/// all versions that have some.
///
/// They come in pairs: one that yields to every other thread, so that searches do not feel it, and
/// an ordinary one for versions with more than [#YIELD_ROWS_MAX] pending rows, which every search
/// scans.
///
/// A publish wakes its version. Several threads may work on one version at once. A version whose
/// work fails is left alone until the next open: it answers right without it, and its status says
/// so.
final class IndexWorkers {
  private static final Logger LOG = LoggerFactory.getLogger(IndexWorkers.class);

  /// Rows of one piece of work. Many, since they are linked in an order that keeps near ones
  /// together; but a stop waits for the pieces that run, a second or two.
  static final int WORK_ROWS_MAX = 4_096;

  /// Up to so many pending rows cost a search less than to share its processor with their linking.
  static final int YIELD_ROWS_MAX = 8_192;

  /// With more rows waiting for their index than this, writes of the collection are slowed: every
  /// search scans these rows.
  static final int PENDING_MAX = 100_000;

  /// How long one write is held back for that at most.
  static final Duration PENDING_WAIT_MAX = Duration.ofSeconds(1);

  private final Object lock = new Object();

  /// Versions that may have work, with the number of times each was woken. Guarded by `lock`. A
  /// version at work stays in here, so that other threads can help.
  private final SequencedMap<LiveVersion, Long> waiting = new LinkedHashMap<>();

  private boolean stopping;
  private final List<Thread> threads = new ArrayList<>();

  IndexWorkers(int threadCount) {
    ThreadFactory yielding = YieldingThreads.named("whimbrel-index-yielding");
    ThreadFactory ordinary = Thread.ofPlatform().name("whimbrel-index-", 0).daemon(true).factory();
    for (int i = 0; i < threadCount; i++) {
      threads.add(yielding.newThread(() -> run(false)));
      threads.add(ordinary.newThread(() -> run(true)));
    }
    threads.forEach(Thread::start);
  }

  /// Says that the version may have work. Any thread.
  void wake(LiveVersion version) {
    if (version.worksInBackground() && !version.hasFailed()) {
      synchronized (lock) {
        waiting.merge(version, 1L, Long::sum);
        lock.notifyAll();
      }
    }
  }

  /// The version whose turn it is; null when there is none. Guarded by `lock`.
  private @Nullable LiveVersion next(boolean urgent) {
    for (LiveVersion version : waiting.keySet()) {
      if (version.pending() > YIELD_ROWS_MAX == urgent) {
        return version;
      }
    }
    return null;
  }

  private void run(boolean urgent) {
    while (true) {
      LiveVersion version;
      long wakes;
      synchronized (lock) {
        while ((version = next(urgent)) == null && !stopping) {
          try {
            lock.wait();
          } catch (InterruptedException e) {
            // Nobody but stop() ends this thread.
            LOG.warn("{} ignores an interrupt", Thread.currentThread().getName());
          }
        }
        if (stopping || version == null) {
          return;
        }
        wakes = waiting.getOrDefault(version, 0L);
        // To the end of the line: all versions get their turn.
        waiting.putLast(version, wakes);
      }
      boolean more = work(version);
      synchronized (lock) {
        if (!more) {
          // Unless it was woken meanwhile: what then came may not have been seen.
          waiting.remove(version, wakes);
        }
        lock.notifyAll();
      }
    }
  }

  private boolean work(LiveVersion version) {
    try {
      return !version.hasFailed() && version.work(WORK_ROWS_MAX);
    } catch (RuntimeException | Error e) {
      LOG.error("indexing {} failed; its pending vectors are scanned", version.title(), e);
      version.failed("indexing failed, the pending vectors are scanned: " + e);
      return false;
    }
  }

  /// Holds the caller back while a version of the collection has too many pending rows, for a
  /// bounded time.
  void awaitRoom(LiveCollection collection) {
    if (hasRoom(collection)) {
      return;
    }
    long deadline = System.nanoTime() + PENDING_WAIT_MAX.toNanos();
    synchronized (lock) {
      while (!stopping && !hasRoom(collection)) {
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
          return;
        }
        try {
          lock.wait(millis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw WhimbrelException.of(ErrorCode.CANCELLED, "write", "interrupted while waiting", e);
        }
      }
    }
  }

  private static boolean hasRoom(LiveCollection collection) {
    return collection
        .versions()
        .noneMatch(version -> !version.hasFailed() && version.pending() > PENDING_MAX);
  }

  /// Ends the threads; pieces that run are finished, what waits is left.
  void stop() {
    synchronized (lock) {
      stopping = true;
      lock.notifyAll();
    }
    threads.forEach(Sequencer::joinUninterruptibly);
  }
}
