package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.BitSet;

/// The invariants of a graph at rest.
final class GraphCheck {
  /// Until the work is done a few may be cut off.
  private static final double REACHED_SHARE_MIN = 0.98;

  private final GraphRows rows;
  private final int entry;

  GraphCheck(HnswIndex index) {
    this.rows = index.graphRows();
    this.entry = index.entry();
  }

  /// Edges lead to linked rows, never to the row itself, never twice to one; in-degrees are right;
  /// every live linked row can be reached from the entry.
  void check() {
    check(1);
  }

  /// The same while work waits: nearly every row can be reached.
  void checkAtWork() {
    check(REACHED_SHARE_MIN);
  }

  private void check(double reachedShareMin) {
    int[] inDegrees = new int[rows.shown()];
    int live = 0;
    for (int row = Entry.ROWS; row < rows.shown(); row++) {
      if (!rows.isLinked(row)) {
        continue;
      }
      BitSet ends = new BitSet();
      for (int lane = 0; lane < rows.layout.degree(); lane++) {
        int to = rows.id(row, lane);
        if (to < 0) {
          continue;
        }
        assertThat(to).isBetween(Entry.ROWS, rows.shown() - 1).isNotEqualTo(row);
        assertThat(rows.isLinked(to)).isTrue();
        assertThat(ends.get(to)).as("row %d points twice to %d", row, to).isFalse();
        ends.set(to);
        if ((rows.flags(row) & GraphRows.FLAG_BYPASSED) == 0) {
          inDegrees[to]++;
        }
      }
      live += rows.isDead(row) ? 0 : 1;
    }
    for (int row = Entry.ROWS; row < rows.shown(); row++) {
      if (rows.isLinked(row) && !rows.isDead(row)) {
        assertThat(rows.inDegree(row)).as("in-degree of %d", row).isEqualTo(inDegrees[row]);
      }
    }
    assertThat(reached()).isBetween((int) (reachedShareMin * live), live);
  }

  private int reached() {
    BitSet reached = new BitSet();
    ArrayDeque<Integer> next = new ArrayDeque<>();
    next.add(entry);
    int live = 0;
    while (!next.isEmpty()) {
      int row = next.remove();
      for (int lane = 0; lane < rows.layout.degree(); lane++) {
        int to = rows.id(row, lane);
        if (to >= 0 && !reached.get(to)) {
          reached.set(to);
          next.add(to);
          live += rows.isDead(to) ? 0 : 1;
        }
      }
    }
    return live;
  }
}
