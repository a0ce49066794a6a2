package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/// Gives rows their edges. One thread at a time; several linkers may work on one graph.
///
/// To link row `v`:
/// 1. walk towards its vector with a beam of `efConstruction`; what was expanded are the
///    candidates, with exact distances;
/// 2. keep, nearest first, each candidate that no kept one occludes: that is nearer to it than `v`
///    by more than the factor `slack` (the rule of Vamana, Subramanya et al. 2019). These edges are
///    hard. Fill the row with the least occluded others, as soft edges: a scan costs the same for a
///    full row, and they are the first to give way;
/// 3. write the edges, and offer each opposite edge to its row. Whether that row takes it is
///    decided by the estimates which the walk made when it expanded the row: no distance is
///    computed again;
/// 4. if too few rows took it, force it upon the nearest.
final class Linker implements AutoCloseable {
  /// Rows that fewer rows point to never lose one of these.
  static final int IN_DEGREE_MIN = 6;

  /// A kept row occludes a candidate when it is nearer to it, by this factor of squared distance.
  static final float SLACK = 1.1f;

  private static final int NONE = -1;

  private final GraphRows rows;
  private final GraphKernels kernels;
  private final Searcher searcher;
  private final int degree;
  private final int efConstruction;
  private final float slack;
  private final Edge edge;

  private long[] order = new long[256];

  /// Hops of the chosen neighbours, hard ones first.
  private final int[] chosen;

  private int hard;
  private int count;

  /// Occlusion of each candidate in `order`: how near the nearest kept one is, relative to the row
  /// itself. Big is good.
  private float[] clearance = new float[256];

  private final float[] fresh;

  // Lanes of the row that an edge is offered to.
  private final int[] ends;
  private final float[] lengths;

  /// The vectors of the hard rows among the chosen, float32; the next one is that of the candidate
  /// which is looked at.
  private final Region kept;

  private final int vectorBytes;
  private final float[] between = new float[1];

  Linker(GraphRows rows, GraphKernels kernels, int efConstruction) {
    this.rows = rows;
    this.kernels = kernels;
    this.searcher = new Searcher(rows, kernels);
    this.degree = rows.layout.degree();
    this.efConstruction = efConstruction;
    this.slack = SLACK;
    this.edge = new Edge(rows.layout.codeDimension());
    this.chosen = new int[degree];
    this.fresh = new float[degree];
    this.ends = new int[degree];
    this.lengths = new float[degree];
    this.vectorBytes = rows.layout.queryBytes();
    this.kept = Region.shared((degree + 1L) * vectorBytes);
  }

  /// Links a row that no other row points to yet. Returns how many of its edges are hard.
  int link(int row, int entry) {
    searcher.aim(row);
    searcher.trace(entry, efConstruction);
    int candidates = sortCandidates(row);
    choose(candidates);
    for (int i = 0; i < count; i++) {
      int to = searcher.hopNodes[chosen[i]];
      edge.encode(kernels, rows, searcher.query, to, searcher.hopDistances[chosen[i]]);
      rows.setLane(row, i, to, edge, false, i >= hard);
      rows.addInDegree(to, 1);
    }
    rows.addFlag(row, GraphRows.FLAG_LINKED);
    // Whoever sees an edge to the row sees the row.
    VarHandle.releaseFence();
    for (int i = 0; i < count; i++) {
      boolean _ = offer(row, chosen[i], false);
    }
    force(row, candidates);
    return hard;
  }

  /// Leads edges to a linked row that too few others point to.
  void reinforce(int row, int entry) {
    searcher.aim(row);
    searcher.trace(entry, efConstruction);
    force(row, sortCandidates(row));
  }

  /// Leads an edge to a linked row that no path from the entry leads to.
  void attach(int row, int entry) {
    searcher.aim(row);
    searcher.trace(entry, efConstruction);
    int candidates = sortCandidates(row);
    boolean attached = false;
    for (int i = 0; i < candidates && !attached; i++) {
      attached = offer(row, (int) order[i], true);
    }
  }

  private void force(int row, int candidates) {
    for (int i = 0; i < candidates && rows.inDegree(row) < IN_DEGREE_MIN; i++) {
      boolean _ = offer(row, (int) order[i], true);
    }
  }

  /// Orders the live expanded rows by distance.
  private int sortCandidates(int row) {
    if (order.length < searcher.hops) {
      order = new long[2 * searcher.hops];
      clearance = new float[2 * searcher.hops];
    }
    int candidates = 0;
    for (int hop = 0; hop < searcher.hops; hop++) {
      int node = searcher.hopNodes[hop];
      if (node != row && !rows.isDead(node)) {
        // Bits of floats that are not negative are in the order of the floats.
        order[candidates++] =
            (long) Float.floatToRawIntBits(searcher.hopDistances[hop]) << 32 | hop;
      }
    }
    Arrays.sort(order, 0, candidates);
    return candidates;
  }

  private void choose(int candidates) {
    hard = 0;
    int tested = 0;
    for (; tested < candidates && hard < degree; tested++) {
      int hop = (int) order[tested];
      clearance[tested] = clearance(searcher.hopNodes[hop], searcher.hopDistances[hop]);
      if (clearance[tested] == Float.POSITIVE_INFINITY) {
        chosen[hard++] = hop;
      }
    }
    count = hard;
    fill(tested);
  }

  /// How far the first kept row that occludes the candidate is from it, relative to `distance`;
  /// infinite when none does.
  private float clearance(int candidate, float distance) {
    MemorySegment vectors = kept.segment();
    long at = (long) hard * vectorBytes;
    rows.decode(kernels, candidate, vectors, at);
    // Equal counts as occluded, so that copies of one vector do not fill a row.
    int occluder =
        kernels.firstWithin(
            vectors, at, vectors, hard, rows.layout.dimension(), distance / slack, between);
    if (occluder < 0) {
      return Float.POSITIVE_INFINITY;
    }
    return distance > 0 ? between[0] / distance : 0;
  }

  /// Fills up with the rejected candidates of the largest clearance.
  private void fill(int tested) {
    int missing = Math.min(degree - hard, tested - hard);
    if (missing <= 0) {
      return;
    }
    long[] rejected = new long[tested - hard];
    int n = 0;
    for (int i = 0; i < tested; i++) {
      if (clearance[i] != Float.POSITIVE_INFINITY) {
        rejected[n++] = (long) Float.floatToRawIntBits(clearance[i]) << 32 | (int) order[i];
      }
    }
    Arrays.sort(rejected);
    for (int i = 0; i < missing; i++) {
      chosen[count++] = (int) rejected[n - 1 - i];
    }
  }

  // ---------------------------------------------------------------------------- opposite edges

  /// Offers the edge from the row of `hop` back to `row`; returns whether it was taken.
  private boolean offer(int row, int hop, boolean forced) {
    int to = searcher.hopNodes[hop];
    rows.lock(to);
    try {
      if (rows.isDead(to)) {
        return false;
      }
      rows.copyLanes(to, kernels, ends, lengths);
      for (int end : ends) {
        if (end == row) {
          return false;
        }
      }
      return take(row, to, hop, forced);
    } finally {
      rows.unlock(to);
    }
  }

  /// Decides with row `to` locked and its lanes copied. Estimates come from the walk, unless the
  /// row changed since.
  private boolean take(int row, int to, int hop, boolean forced) {
    float length = searcher.hopDistances[hop];
    float[] estimates = searcher.hopEstimates;
    int first = hop * degree;
    if (rows.version(to) != searcher.hopVersions[hop]) {
      searcher.estimate(to, length, fresh, 0);
      estimates = fresh;
      first = 0;
    }
    int empty = NONE;
    boolean occluded = false;
    for (int lane = 0; lane < degree; lane++) {
      if (ends[lane] < 0) {
        empty = lane;
        continue;
      }
      float signed = lengths[lane];
      if (isSoft(signed)) {
        continue;
      }
      float between = slack * estimates[first + lane];
      if (signed < length) {
        occluded |= between <= length;
      } else if (between <= signed) {
        rows.soften(to, lane);
        lengths[lane] = -signed;
      }
    }
    if (empty == NONE && occluded && !forced) {
      return false;
    }
    int lane = empty != NONE ? empty : victim(forced ? -1 : length);
    if (lane == NONE) {
      return false;
    }
    if (ends[lane] >= 0) {
      rows.addInDegree(ends[lane], -1);
    }
    edge.encode(kernels, rows, searcher.query, to, length);
    rows.setLane(to, lane, row, edge, true, occluded);
    rows.addInDegree(row, 1);
    return true;
  }

  /// The lane of the longest soft edge, else of the longest that is longer than `length`; only
  /// edges to rows that may lose one count. In-degrees lie far away, so they are looked at last.
  private int victim(float length) {
    for (int lane = longestSoft(); lane != NONE; lane = longestSoft()) {
      if (mayLose(ends[lane])) {
        return lane;
      }
      lengths[lane] = Float.NaN;
    }
    for (int lane = longest(length); lane != NONE; lane = longest(length)) {
      if (mayLose(ends[lane])) {
        return lane;
      }
      lengths[lane] = Float.NaN;
    }
    return NONE;
  }

  private int longestSoft() {
    int longest = NONE;
    float least = 1;
    for (int lane = 0; lane < degree; lane++) {
      if (isSoft(lengths[lane]) && lengths[lane] < least) {
        least = lengths[lane];
        longest = lane;
      }
    }
    return longest;
  }

  private int longest(float than) {
    int longest = NONE;
    float most = than;
    for (int lane = 0; lane < degree; lane++) {
      if (lengths[lane] > most) {
        most = lengths[lane];
        longest = lane;
      }
    }
    return longest;
  }

  /// Lengths of soft edges are negative, that of a copy a negative zero.
  private static boolean isSoft(float signedLength) {
    return Float.floatToRawIntBits(signedLength) < 0;
  }

  private boolean mayLose(int neighbour) {
    return rows.inDegree(neighbour) > IN_DEGREE_MIN;
  }

  @Override
  public void close() {
    searcher.close();
    kept.close();
  }
}
