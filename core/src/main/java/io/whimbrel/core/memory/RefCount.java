package io.whimbrel.core.memory;

import java.util.concurrent.atomic.AtomicInteger;

/// Frees something once its owner has closed it and the last reader has left. Lock-free, for any
/// number of threads.
///
/// `state` counts the readers in its low 31 bits; the sign bit says that the owner has closed.
/// Whoever leaves the sign bit alone behind frees.
public final class RefCount {
  private static final int CLOSED = Integer.MIN_VALUE;

  private final AtomicInteger state = new AtomicInteger();
  private final Runnable free;

  /// `free` runs once, in the thread that closes or that leaves last.
  public RefCount(Runnable free) {
    this.free = free;
  }

  /// Enters as a reader; false once the owner has closed. Each true needs one [#release].
  public boolean tryAcquire() {
    int readers = state.get();
    while (readers >= 0) {
      int seen = state.compareAndExchange(readers, readers + 1);
      if (seen == readers) {
        return true;
      }
      readers = seen;
    }
    return false;
  }

  public void release() {
    if (state.decrementAndGet() == CLOSED) {
      free.run();
    }
  }

  public boolean closed() {
    return state.get() < 0;
  }

  /// Lets no more readers in and frees at once when there are none. Closing twice throws.
  public void close() {
    int before = state.getAndUpdate(readers -> readers | CLOSED);
    if (before < 0) {
      throw new IllegalStateException("closed twice");
    }
    if (before == 0) {
      free.run();
    }
  }
}
