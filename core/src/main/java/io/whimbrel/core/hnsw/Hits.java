package io.whimbrel.core.hnsw;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/// The `k` nearest visible rows met so far, sorted by distance and then by ordinal.
final class Hits implements Searcher.Visitor {
  private static final int CANCEL_INTERVAL = 64;

  private final GraphRows rows;
  private final AcceptBits accept;
  private final long seq;
  private final int[] nodes;
  private final float[] distances;
  private final BooleanSupplier cancelled;
  private int visits;

  /// Visible accepted rows visited, however far; counts to `k` at least, and all under a filter.
  private int met;

  private int count;

  /// Distance up to which a row may still become a hit.
  private float bar;

  /// @param seq rows born later, or dead by then, are not visible
  /// @param bar hits are at most this far
  Hits(GraphRows rows, AcceptBits accept, long seq, int k, float bar, BooleanSupplier cancelled) {
    this.rows = rows;
    this.accept = accept;
    this.seq = seq;
    this.nodes = new int[k];
    this.distances = new float[k];
    this.bar = bar;
    this.cancelled = cancelled;
  }

  /// Whether searches of `seq` see the row.
  static boolean isVisible(GraphRows rows, int row, long seq) {
    return rows.birth(row) <= seq && rows.death(row) > seq;
  }

  /// Looks at a row that no walk brought.
  void offer(Searcher searcher, int row) {
    visit(row, searcher.exactDistance(row));
  }

  AcceptBits accept() {
    return accept;
  }

  boolean accepts(int row) {
    return accept.byLabel()
        ? accept.containsLabel(rows.label(row))
        : accept.contains(row - Entry.ROWS);
  }

  @Override
  public void visit(int row, float distance) {
    if (++visits % CANCEL_INTERVAL == 0 && cancelled.getAsBoolean()) {
      throw WhimbrelException.of(
          ErrorCode.CANCELLED,
          "search",
          "cancelled",
          "time to visit more than " + visits + " rows");
    }
    if ((distance <= bar || met < nodes.length || !accept.isAll())
        && accepts(row)
        && isVisible(rows, row, seq)) {
      met++;
      if (distance <= bar) {
        insert(row, distance);
      }
    }
  }

  private void insert(int row, float distance) {
    int at = count;
    while (at > 0 && isBefore(row, distance, at - 1)) {
      at--;
    }
    // A row that was linked during the search may come from the scan and from the graph.
    if (at == nodes.length || at > 0 && nodes[at - 1] == row) {
      return;
    }
    int moved = Math.min(count, nodes.length - 1) - at;
    System.arraycopy(nodes, at, nodes, at + 1, moved);
    System.arraycopy(distances, at, distances, at + 1, moved);
    nodes[at] = row;
    distances[at] = distance;
    count = Math.min(count + 1, nodes.length);
    if (count == nodes.length) {
      bar = Math.min(bar, distances[count - 1]);
    }
  }

  /// Replaces the distances by exact ones and keeps the `k` nearest.
  void refine(Searcher searcher, int k) {
    int found = count;
    int[] rowsFound = Arrays.copyOf(nodes, found);
    count = 0;
    // All on their way before the first is waited for.
    for (int row : rowsFound) {
      searcher.touchRemainders(row);
    }
    for (int i = 0; i < found; i++) {
      distances[i] = searcher.exactDistance(rowsFound[i]);
    }
    float[] exact = Arrays.copyOf(distances, found);
    for (int i = 0; i < found; i++) {
      insert(rowsFound[i], exact[i]);
    }
    count = Math.min(count, k);
  }

  private boolean isBefore(int row, float distance, int at) {
    return distance < distances[at] || distance == distances[at] && row < nodes[at];
  }

  int met() {
    return met;
  }

  int count() {
    return count;
  }

  int row(int rank) {
    return nodes[rank];
  }

  /// As the walk gave it: the squared distance, less the row's squared norm under DOT.
  float distance(int rank) {
    return distances[rank];
  }
}
