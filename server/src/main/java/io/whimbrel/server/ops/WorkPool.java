package io.whimbrel.server.ops;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// Platform threads for one kind of work, with a bound on what may wait for them.
///
/// A single task is refused with OVERLOADED when the queue is full. A stream opens a [Lane]
/// instead: it holds at most one place beside the queue, so its tasks are never refused and the
/// stream is slowed by its sender alone. The underlying queue is therefore bounded by `queueMax +
/// lanesMax`, counted here and not by the queue class. Tasks must not throw. Safe for any number of
/// threads.
public final class WorkPool {
  private final String name;
  private final int queueMax;
  private final int lanesMax;
  private final ThreadPoolExecutor threads;
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicInteger lanes = new AtomicInteger();

  public WorkPool(String name, ServerLimits.Pool limits, int lanesMax) {
    this.name = name;
    this.queueMax = limits.queueMax();
    this.lanesMax = lanesMax;
    ThreadFactory factory = Thread.ofPlatform().name("whimbrel-" + name + "-", 0).factory();
    this.threads =
        new ThreadPoolExecutor(
            limits.threads(),
            limits.threads(),
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            factory,
            (task, pool) -> {
              throw WhimbrelException.of(
                  ErrorCode.UNAVAILABLE, "server", "stopping", "a running server");
            });
  }

  /// Runs `task` on a thread of this pool. Refuses with OVERLOADED when too many wait, with
  /// UNAVAILABLE after `shutdown`.
  public void execute(Runnable task) {
    if (waiting.incrementAndGet() > queueMax) {
      waiting.decrementAndGet();
      throw overloaded("waiting", queueMax);
    }
    try {
      threads.execute(() -> {
        waiting.decrementAndGet();
        task.run();
      });
    } catch (WhimbrelException stopping) {
      waiting.decrementAndGet();
      throw stopping;
    }
  }

  /// Opens a lane that may have `tasksMax` tasks waiting. Refuses with OVERLOADED when too many
  /// lanes are open.
  public Lane openLane(int tasksMax) {
    if (lanes.incrementAndGet() > lanesMax) {
      lanes.decrementAndGet();
      throw overloaded("streams", lanesMax);
    }
    return new Lane(tasksMax);
  }

  /// Takes no new tasks and waits up to `grace` for those it has.
  public boolean shutdown(Duration grace) throws InterruptedException {
    threads.shutdown();
    return threads.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS);
  }

  private WhimbrelException overloaded(String what, int max) {
    return WhimbrelException.of(
        ErrorCode.OVERLOADED, name + "." + what, "more than " + max, "at most " + max);
  }

  /// Tasks of one stream, run one after the other in the order they came.
  public final class Lane implements AutoCloseable {
    private final int tasksMax;
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private boolean scheduled;
    private boolean closed;

    private Lane(int tasksMax) {
      this.tasksMax = tasksMax;
    }

    /// Runs `task` after all earlier ones. More than `tasksMax` waiting tasks is a defect of the
    /// caller.
    public synchronized void execute(Runnable task) {
      if (closed || tasks.size() >= tasksMax) {
        throw new IllegalStateException(closed ? "lane is closed" : "lane is full");
      }
      tasks.add(task);
      if (!scheduled) {
        threads.execute(this::runOne);
        scheduled = true;
      }
    }

    // One task a turn, so that a busy stream does not keep a thread from the others.
    private void runOne() {
      Runnable task;
      synchronized (this) {
        task = tasks.remove();
      }
      try {
        task.run();
      } finally {
        synchronized (this) {
          scheduled = !tasks.isEmpty();
          if (scheduled) {
            threads.execute(this::runOne);
          }
        }
      }
    }

    /// Gives the place back and forgets tasks that have not begun. Further calls do nothing.
    @Override
    public synchronized void close() {
      if (!closed) {
        closed = true;
        // A turn that is already scheduled takes one task: leave it one that does nothing.
        boolean turnPending = !tasks.isEmpty();
        tasks.clear();
        if (turnPending && scheduled) {
          tasks.add(() -> {});
        }
        lanes.decrementAndGet();
      }
    }
  }
}
