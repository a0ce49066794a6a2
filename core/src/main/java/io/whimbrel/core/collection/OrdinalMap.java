package io.whimbrel.core.collection;

import com.carrotsearch.hppc.BitMixer;
import com.carrotsearch.hppc.LongArrayList;
import com.carrotsearch.hppc.LongHashSet;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/// The row of each internal id, for one writer and any number of readers without locks.
///
/// The writer sees the newest row. A reader of an earlier publish starts from the newest and asks
/// for the row before it until it meets one of its time: each row remembers which row it replaced,
/// and a removed id keeps its last row, marked. Rows of the reader's publish or later are not used
/// again while its [io.whimbrel.core.index.VectorIndex.Reader] is open, so neither is what they
/// remember.
final class OrdinalMap {
  private static final int NONE = -1;
  private static final int CAPACITY_MIN = 64;
  private static final VarHandle ROWS = MethodHandles.arrayElementVarHandle(int[].class);

  /// Internal ids begin at 1.
  private static final long FREE = 0;

  /// Open addressing. `ids[i]` is written before `rows[i]` and never again; `rows[i]` is the
  /// ordinal plus 1, negative once removed, 0 before it is there.
  private record Table(long[] ids, int[] rows) {
    static Table of(int capacity) {
      return new Table(new long[capacity], new int[capacity]);
    }

    int slot(long id) {
      int mask = ids.length - 1;
      int at = (int) BitMixer.mix64(id) & mask;
      while (ids[at] != id && ids[at] != FREE) {
        at = at + 1 & mask;
      }
      return at;
    }
  }

  private volatile Table table;

  /// By ordinal: the row that it replaced.
  private volatile int[] replaced;

  // Of the writer: ids with a row, taken slots, and ids removed since the last publish, which a
  // reader of it still asks for.
  private int size;
  private int taken;
  private final LongArrayList removed = new LongArrayList();

  /// With room for `count` ids.
  OrdinalMap(int count) {
    table = Table.of(Math.max(CAPACITY_MIN, Integer.highestOneBit(Math.max(1, count)) * 4));
    replaced = new int[CAPACITY_MIN];
    Arrays.fill(replaced, NONE);
  }

  /// Ids with a row. Writer.
  int size() {
    return size;
  }

  /// Writer; -1 when the id has no row.
  int get(long id) {
    Table current = table;
    int row = current.rows()[current.slot(id)];
    return row > 0 ? row - 1 : NONE;
  }

  /// Writer. The id has no row, or its row was removed; of two rows the later counts.
  void put(long id, int ordinal) {
    if (2 * taken >= table.ids().length) {
      rehash();
    }
    Table current = table;
    int slot = current.slot(id);
    if (current.ids()[slot] == FREE) {
      current.ids()[slot] = id;
      taken++;
    }
    int before = current.rows()[slot];
    remember(ordinal, before == 0 ? NONE : Math.abs(before) - 1);
    ROWS.setRelease(current.rows(), slot, ordinal + 1);
    size += before > 0 ? 0 : 1;
  }

  private void remember(int ordinal, int before) {
    int[] known = replaced;
    if (ordinal >= known.length) {
      int length = known.length;
      known = Arrays.copyOf(known, Math.max(ordinal + 1, length + length / 2));
      Arrays.fill(known, length, known.length, NONE);
      replaced = known;
    }
    known[ordinal] = before;
  }

  /// Writer. Returns the row that the id had; -1 when it had none.
  int remove(long id) {
    Table current = table;
    int slot = current.slot(id);
    int row = current.rows()[slot];
    if (row <= 0) {
      return NONE;
    }
    ROWS.setRelease(current.rows(), slot, -row);
    removed.add(id);
    size--;
    return row - 1;
  }

  /// Writer. What was removed so far is not shown any more to readers that come from now on.
  void published() {
    removed.clear();
  }

  /// Leaves out ids that were removed before the last publish; who looks one up goes on with the
  /// table it has.
  private void rehash() {
    Table old = table;
    LongHashSet kept = new LongHashSet(removed);
    int count = Math.max(1, size + kept.size());
    Table wider = Table.of(Math.max(CAPACITY_MIN, Integer.highestOneBit(count) * 8));
    taken = 0;
    for (int i = 0; i < old.ids().length; i++) {
      if (old.rows()[i] > 0 || old.rows()[i] < 0 && kept.contains(old.ids()[i])) {
        taken++;
        int slot = wider.slot(old.ids()[i]);
        wider.ids()[slot] = old.ids()[i];
        wider.rows()[slot] = old.rows()[i];
      }
    }
    table = wider;
  }

  /// The look-ups of a reader, as the map is now or later.
  Lookup lookup() {
    return new Lookup(table);
  }

  /// Finds rows in the table that was current when the look-up was made: it has every id that a
  /// publish up to then shows.
  final class Lookup {
    private final Table seen;

    private Lookup(Table seen) {
      this.seen = seen;
    }

    /// The newest row of the id that the table knows, removed or not; -1 when it knows none.
    int newest(long id) {
      int row = (int) ROWS.getAcquire(seen.rows(), seen.slot(id));
      return row == 0 ? NONE : Math.abs(row) - 1;
    }

    /// The row that this one replaced; -1 when there is none.
    int before(int ordinal) {
      int[] known = replaced;
      return ordinal < known.length ? known[ordinal] : NONE;
    }
  }
}
