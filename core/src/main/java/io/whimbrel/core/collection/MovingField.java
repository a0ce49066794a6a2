package io.whimbrel.core.collection;

import io.whimbrel.core.migration.Leases;
import io.whimbrel.core.migration.Pace;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.store.BacklogCounters;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/// What the process remembers of an open migration beside its record: leases, pace, counts.
///
/// Lives as long as the migration is open in this process; the record and the layout of the
/// collection change around it.
final class MovingField {
  private final Side forward = new Side();
  private final Side reverse = new Side();
  private final LongAdder legacyWrites = new LongAdder();
  private final LongAdder legacyReads = new LongAdder();

  /// When the old version was last read, by `System.nanoTime`; 0 for never.
  private final AtomicLong lastOldRead = new AtomicLong();

  /// Replaced by the sequencer with each write that changes a backlog.
  private volatile BacklogCounters counters;

  MovingField(BacklogCounters counters) {
    this.counters = counters;
  }

  /// One direction of the backfill.
  static final class Side {
    private final Leases leases = new Leases(System::nanoTime);
    private final Pace pace = new Pace(System::nanoTime);

    /// Where the next lease starts to look; behind it lie deleted rows, which cost time to pass.
    /// Guarded by this.
    private long nextId;

    Leases leases() {
      return leases;
    }

    Pace pace() {
      return pace;
    }

    long nextId() {
      return nextId;
    }

    void nextId(long id) {
      nextId = id;
    }
  }

  Side side(BackfillSide side) {
    return switch (side) {
      case FORWARD -> forward;
      case REVERSE -> reverse;
    };
  }

  BacklogCounters counters() {
    return counters;
  }

  void replaceCounters(BacklogCounters newCounters) {
    counters = newCounters;
  }

  long backlog(BackfillSide side) {
    return switch (side) {
      case FORWARD -> counters.forward();
      case REVERSE -> counters.reverse();
    };
  }

  void countLegacyWrites(long writes) {
    legacyWrites.add(writes);
  }

  long legacyWrites() {
    return legacyWrites.sum();
  }

  void countLegacyRead() {
    legacyReads.increment();
  }

  long legacyReads() {
    return legacyReads.sum();
  }

  void noteOldRead() {
    lastOldRead.set(System.nanoTime() | 1);
  }

  /// Whether the old version was read within the last `nanos`.
  boolean oldReadWithin(long nanos) {
    long last = lastOldRead.get();
    return last != 0 && System.nanoTime() - last < nanos;
  }
}
