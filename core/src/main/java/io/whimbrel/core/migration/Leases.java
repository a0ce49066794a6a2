package io.whimbrel.core.migration;

import com.carrotsearch.hppc.LongLongHashMap;
import com.carrotsearch.hppc.cursors.LongLongCursor;
import java.util.function.LongSupplier;

/// Which points of a backlog are out with a worker, and which must rest before they are tried
/// again.
///
/// In memory only: the backlog itself is what survives, and a lease lost in a crash is handed out
/// anew. Any number of threads. Bounded by [#LEASED_MAX] and by the rests that are still running.
public final class Leases {
  /// Points out at once.
  public static final int LEASED_MAX = 100_000;

  private final LongSupplier nanoTime;

  /// Internal id to deadline. Guarded by this.
  private final LongLongHashMap leased = new LongLongHashMap();

  /// Internal id to the end of its rest. Guarded by this.
  private final LongLongHashMap resting = new LongLongHashMap();

  public Leases(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /// Leases the point unless it is out, rests, or too many are out; tells whether it did.
  public synchronized boolean take(long internalId, long ttlNanos) {
    long now = nanoTime.getAsLong();
    if (isBlocked(leased, internalId, now) || isBlocked(resting, internalId, now)) {
      return false;
    }
    if (leased.size() >= LEASED_MAX) {
      forgetEnded(now);
      if (leased.size() >= LEASED_MAX) {
        return false;
      }
    }
    leased.put(internalId, now + ttlNanos);
    return true;
  }

  private static boolean isBlocked(LongLongHashMap until, long internalId, long now) {
    int slot = until.indexOf(internalId);
    if (slot < 0) {
      return false;
    }
    if (until.indexGet(slot) - now > 0) {
      return true;
    }
    until.indexRemove(slot);
    return false;
  }

  /// Ends the lease, if there is one.
  public synchronized void end(long internalId) {
    leased.remove(internalId);
  }

  /// Ends the lease and lets the point rest.
  public synchronized void rest(long internalId, long nanos) {
    leased.remove(internalId);
    if (nanos > 0) {
      resting.put(internalId, nanoTime.getAsLong() + nanos);
    }
  }

  /// Ends every rest, for an operator who wants another try.
  public synchronized void wakeAll() {
    resting.clear();
  }

  /// Points out, expired leases left out.
  public synchronized int count() {
    forgetEnded(nanoTime.getAsLong());
    return leased.size();
  }

  private void forgetEnded(long now) {
    for (LongLongHashMap until : new LongLongHashMap[] {leased, resting}) {
      LongLongHashMap ended = new LongLongHashMap();
      for (LongLongCursor entry : until) {
        if (entry.value - now <= 0) {
          ended.put(entry.key, entry.value);
        }
      }
      for (LongLongCursor entry : ended) {
        until.remove(entry.key);
      }
    }
  }
}
