package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import java.util.Arrays;

/// Replaces edges to dead rows. One thread at a time; several menders may work on one graph.
///
/// A row that points to a dead one gets the best of that row's neighbours instead: found by
/// estimates from the dead row's own codes, kept by exact distance. Source: the in-place rule of
/// IP-DiskANN, Xu et al. 2025, with estimates from the codes.
final class Mender implements AutoCloseable {
  /// Beam that looks for the rows which point to a dead one; a sweep finds those it misses.
  static final int EF = 64;

  private static final int SPARE_CANDIDATES = 8;

  private final GraphRows rows;
  private final GraphKernels kernels;
  private final float slack;
  private final int degree;
  private final Searcher finder;
  private final Searcher aimed;
  private final Edge edge;
  private final float[] estimates;

  /// A candidate's.
  private final Region vector;

  private long[] candidates = new long[64];
  private int count;

  Mender(GraphRows rows, GraphKernels kernels) {
    this.rows = rows;
    this.kernels = kernels;
    this.slack = Linker.SLACK;
    this.degree = rows.layout.degree();
    this.finder = new Searcher(rows, kernels);
    this.aimed = new Searcher(rows, kernels);
    this.edge = new Edge(rows.layout.codeDimension());
    this.estimates = new float[degree];
    this.vector = Region.shared(rows.layout.queryBytes());
  }

  /// Mends the rows around a dead one.
  void bypass(int dead, int entry) {
    finder.aim(dead);
    finder.trace(entry, EF);
    for (int hop = 0; hop < finder.hops; hop++) {
      int row = finder.hopNodes[hop];
      if (!rows.isDead(row) && rows.pointsTo(row, dead)) {
        mend(row);
      }
    }
  }

  /// Mends every live row that points to a condemned one; dead rows just lose these edges. Nothing
  /// else may change the graph meanwhile. Reads the edges of every row.
  void cutEdgesToCondemned() {
    for (int row = Entry.ROWS; row < rows.shown(); row++) {
      if (rows.isLinked(row) && pointsToCondemned(row)) {
        if (rows.isDead(row)) {
          clearCondemned(row);
        } else {
          mend(row);
        }
      }
    }
  }

  private boolean isCondemned(int row) {
    return row >= 0 && (rows.flags(row) & GraphRows.FLAG_CONDEMNED) != 0;
  }

  private boolean pointsToCondemned(int row) {
    for (int lane = 0; lane < degree; lane++) {
      if (isCondemned(rows.id(row, lane))) {
        return true;
      }
    }
    return false;
  }

  private void clearCondemned(int row) {
    for (int lane = 0; lane < degree; lane++) {
      if (isCondemned(rows.id(row, lane))) {
        rows.clearLane(row, lane);
      }
    }
  }

  /// Replaces or clears every edge of a live row that leads to a dead one.
  void mend(int row) {
    aimed.aim(row);
    rows.lock(row);
    try {
      int open = collect(row);
      float[] distances = measure(row, 2 * open + SPARE_CANDIDATES);
      refill(row, distances);
    } finally {
      rows.unlock(row);
    }
  }

  /// Clears the lanes to dead rows, after taking estimates of those rows' neighbours. Returns how
  /// many lanes were cleared.
  private int collect(int row) {
    count = 0;
    int open = 0;
    for (int lane = 0; lane < degree; lane++) {
      int dead = rows.id(row, lane);
      if (dead < 0 || !rows.isDead(dead)) {
        continue;
      }
      aimed.estimate(dead, rows.length(row, lane), estimates, 0);
      for (int i = 0; i < degree; i++) {
        int candidate = rows.id(dead, i);
        if (candidate >= 0
            && candidate != row
            && rows.isLinked(candidate)
            && !rows.isDead(candidate)) {
          add(candidate, estimates[i]);
        }
      }
      rows.clearLane(row, lane);
      open++;
    }
    return open;
  }

  private void add(int candidate, float estimate) {
    if (count == candidates.length) {
      candidates = Arrays.copyOf(candidates, 2 * count);
    }
    float size = Math.max(0, estimate);
    candidates[count++] = (long) Float.floatToRawIntBits(size) << 32 | candidate;
  }

  /// Keeps the best different candidates by estimate and sorts them by exact distance.
  private float[] measure(int row, int most) {
    Arrays.sort(candidates, 0, count);
    int kept = 0;
    for (int i = 0; i < count && kept < most; i++) {
      int candidate = (int) candidates[i];
      if (!rows.pointsTo(row, candidate) && !isAmong(candidate, kept)) {
        candidates[kept++] = candidate;
      }
    }
    for (int i = 0; i < kept; i++) {
      int candidate = (int) candidates[i];
      candidates[i] = (long) Float.floatToRawIntBits(aimed.distance(candidate)) << 32 | candidate;
    }
    Arrays.sort(candidates, 0, kept);
    count = kept;
    float[] distances = new float[kept];
    for (int i = 0; i < kept; i++) {
      distances[i] = Float.intBitsToFloat((int) (candidates[i] >>> 32));
    }
    return distances;
  }

  private boolean isAmong(int candidate, int kept) {
    for (int i = 0; i < kept; i++) {
      if ((int) candidates[i] == candidate) {
        return true;
      }
    }
    return false;
  }

  private void refill(int row, float[] distances) {
    int next = 0;
    for (int lane = 0; lane < degree && next < count; lane++) {
      if (rows.id(row, lane) >= 0) {
        continue;
      }
      int candidate = (int) candidates[next];
      boolean soft = isOccluded(row, candidate, distances[next]);
      edge.encode(kernels, rows, aimed.query, candidate, distances[next]);
      rows.setLane(row, lane, candidate, edge, false, soft);
      rows.addInDegree(candidate, 1);
      next++;
    }
  }

  private boolean isOccluded(int row, int candidate, float distance) {
    rows.decode(kernels, candidate, vector.segment(), 0);
    for (int lane = 0; lane < degree; lane++) {
      int kept = rows.id(row, lane);
      if (kept >= 0
          && !rows.isSoft(row, lane)
          && rows.length(row, lane) <= distance
          && slack * rows.distance(kernels, vector.segment(), kept) <= distance) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    finder.close();
    aimed.close();
    vector.close();
  }
}
