package io.whimbrel.core.hnsw;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/// Lends searchers, and keeps rows that no edge leads to until every walk that may still stand on
/// one has ended.
///
/// A walk pins the epoch at its start. Retired rows carry the epoch that began with their
/// retirement; they are free when all pinned epochs are as late. A walk that pins after the
/// retirement starts after the last edge to the row was cut.
final class Pins implements AutoCloseable {
  private final Supplier<Searcher> maker;
  private final AtomicLong epoch = new AtomicLong(1);
  private final Queue<Searcher> idle = new ConcurrentLinkedQueue<>();
  private final List<Searcher> all = new CopyOnWriteArrayList<>();
  private final ArrayDeque<Retired> retired = new ArrayDeque<>();

  private record Retired(int row, long epoch) {}

  Pins(Supplier<Searcher> maker) {
    this.maker = maker;
  }

  /// A pinned searcher, to be given back to [#release].
  Searcher acquire() {
    Searcher searcher = idle.poll();
    if (searcher == null) {
      searcher = maker.get();
      all.add(searcher);
    }
    searcher.pinned = epoch.get();
    return searcher;
  }

  void release(Searcher searcher) {
    searcher.pinned = Searcher.IDLE;
    idle.add(searcher);
  }

  /// Takes rows that no edge leads to any more.
  synchronized void retire(List<Integer> rows) {
    long now = epoch.incrementAndGet();
    for (int row : rows) {
      retired.add(new Retired(row, now));
    }
  }

  private long oldest() {
    long oldest = Searcher.IDLE;
    for (Searcher searcher : all) {
      oldest = Math.min(oldest, searcher.pinned);
    }
    return oldest;
  }

  /// Gives each row that has become free to `free`.
  synchronized void collect(IntConsumer free) {
    if (retired.isEmpty()) {
      return;
    }
    long oldest = oldest();
    while (!retired.isEmpty() && retired.peek().epoch() <= oldest) {
      free.accept(retired.remove().row());
    }
  }

  /// To be called when no searcher is lent.
  @Override
  public void close() {
    all.forEach(Searcher::close);
    all.clear();
  }
}
