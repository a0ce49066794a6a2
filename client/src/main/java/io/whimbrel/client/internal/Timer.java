package io.whimbrel.client.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Starts repetitions after their wait, in one daemon thread. Tasks must not block. Safe for any
 * number of threads.
 *
 * <p>No task is forgotten: those that wait when the timer is closed run at once, find {@link
 * #closed} true and end what they were to repeat. Otherwise a caller could wait for ever for an
 * answer.
 */
public final class Timer implements AutoCloseable {
  private final ScheduledThreadPoolExecutor executor;
  private final Set<Waiting> waiting = new HashSet<>();
  private boolean closed;

  public Timer() {
    executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "whimbrel-client-timer");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Runs {@code task} after {@code wait}; in the caller's thread if the timer is closed. */
  public void after(Duration wait, Runnable task) {
    Waiting once = new Waiting(task);
    synchronized (this) {
      if (!closed) {
        waiting.add(once);
        var unused = executor.schedule(() -> runOnce(once), wait.toNanos(), TimeUnit.NANOSECONDS);
        return;
      }
    }
    once.task.run();
  }

  /** Compared by identity, so that one task may wait twice. */
  private static final class Waiting {
    final Runnable task;

    Waiting(Runnable task) {
      this.task = task;
    }
  }

  private void runOnce(Waiting once) {
    synchronized (this) {
      if (!waiting.remove(once)) {
        return;
      }
    }
    once.task.run();
  }

  public synchronized boolean closed() {
    return closed;
  }

  @Override
  public void close() {
    List<Waiting> left;
    synchronized (this) {
      closed = true;
      left = new ArrayList<>(waiting);
      executor.shutdownNow();
    }
    left.forEach(this::runOnce);
  }
}
