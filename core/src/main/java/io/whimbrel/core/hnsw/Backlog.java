package io.whimbrel.core.hnsw;

import java.util.ArrayDeque;
import java.util.Arrays;

/// Published rows in order of arrival, from the first that may not be linked yet to the last.
///
/// The writer appends; linkers claim ranges and hand them back when done, in any order; searches
/// read the window. Rows of a window that are linked already are in the graph.
final class Backlog {
  /// Rows `array[from..to)`; the array's further elements may change.
  record Window(int[] array, int from, int to) {
    int count() {
      return to - from;
    }
  }

  /// A range that one linker works on. Positions count from the first row ever appended.
  static final class Claim {
    final int[] rows;
    private final long end;
    private boolean done;

    private Claim(int[] rows, long end) {
      this.rows = rows;
      this.end = end;
    }
  }

  private volatile Window window = new Window(new int[64], 0, 0);
  private final ArrayDeque<Claim> claims = new ArrayDeque<>();

  /// Position of `array[0]`, and of the first row that nobody claimed.
  private long origin;

  private long claimed;

  Window window() {
    return window;
  }

  synchronized void append(int[] rows, int count) {
    Window old = window;
    int[] array = old.array();
    int from = old.from();
    int to = old.to();
    if (to + count > array.length) {
      array = Arrays.copyOfRange(array, from, from + Math.max(64, 2 * (to - from + count)));
      origin += from;
      to -= from;
      from = 0;
    }
    System.arraycopy(rows, 0, array, to, count);
    window = new Window(array, from, to + count);
  }

  /// Rows nobody claimed.
  synchronized int waiting() {
    return (int) (origin + window.to() - claimed);
  }

  /// Claims the next rows, `rowsMax` at most.
  synchronized Claim claim(int rowsMax) {
    int from = (int) (claimed - origin);
    int to = Math.min(window.to(), from + rowsMax);
    Claim claim = new Claim(Arrays.copyOfRange(window.array(), from, to), origin + to);
    claimed = claim.end;
    claims.add(claim);
    return claim;
  }

  synchronized void done(Claim claim) {
    claim.done = true;
    while (!claims.isEmpty() && claims.peek().done) {
      int from = (int) (claims.remove().end - origin);
      window = new Window(window.array(), from, window.to());
    }
  }
}
