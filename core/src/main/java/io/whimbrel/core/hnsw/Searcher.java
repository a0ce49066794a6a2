package io.whimbrel.core.hnsw;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.LookupTable;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Walks the graph towards one query, with scratch that is made once. One thread at a time.
///
/// The beam holds estimates. To expand a row is to read it once from start to end: its distance to
/// the query, and estimates of all its neighbours, of which only those better than the beam's worst
/// cost more than a comparison. A node may stand in the beam several times, with estimates from
/// different rows; the best counts, which averages out much of the estimates' error. What leaves is
/// distances to rows, never an estimate.
final class Searcher implements AutoCloseable {
  /// Pinned epoch of a searcher that is not lent.
  static final long IDLE = Long.MAX_VALUE;

  private final GraphRows rows;
  private final RowLayout layout;
  private final GraphKernels kernels;
  private final Region region;

  /// The rotated query.
  final MemorySegment query;

  final LookupTable table;
  private final float[] estimates;
  private final int[] ids;

  /// Epoch that the walk of a lent searcher began in; see [Pins].
  volatile long pinned = IDLE;

  private final Beam beam;

  /// Where the results of [GraphKernels#touch] go, so that the compiler keeps the reads.
  private int touched;

  /// Bit `row % 64` of word `row / 64`: the walk has expanded the row. A bitmap of all rows stays
  /// in the cache where a stamp for each would not.
  private long[] expanded = {};

  // The rows expanded by the last traced walk, in order, with the estimates of their neighbours.
  int hops;
  int[] hopNodes = new int[256];
  float[] hopDistances = new float[256];
  int[] hopVersions = new int[256];
  float[] hopEstimates;

  Searcher(GraphRows rows, GraphKernels kernels) {
    this.rows = rows;
    this.layout = rows.layout;
    this.kernels = kernels;
    int queryBytes = layout.queryBytes();
    int tableBytes = LookupTable.BYTES_PER_DIMENSION * layout.codeDimension();
    this.region = Region.shared((long) queryBytes + tableBytes);
    this.query = region.segment().asSlice(0, queryBytes);
    this.table =
        new LookupTable(region.segment().asSlice(queryBytes, tableBytes), layout.codeDimension());
    this.beam = new Beam(kernels);
    this.estimates = new float[layout.degree()];
    this.ids = new int[layout.degree()];
    this.hopEstimates = new float[256 * layout.degree()];
  }

  /// Takes a rotated query.
  void aim(float[] rotated) {
    MemorySegment.copy(rotated, 0, query, VALUE, 0, rotated.length);
    kernels.prepare(query, 0, table);
  }

  /// Takes the vector of a row as the query.
  void aim(int row) {
    rows.decode(kernels, row, query, 0);
    kernels.prepare(query, 0, table);
  }

  /// Squared distance from the query to a row.
  float distance(int row) {
    return rows.distance(kernels, query, row);
  }

  /// What searches order by: the squared distance, less the row's squared norm under DOT; with the
  /// row's remainders where it has them.
  float exactDistance(int row) {
    float distance = rows.exactDistance(kernels, query, row);
    return layout.dot() ? distance - rows.norm(row) : distance;
  }

  /// Asks memory for what [#exactDistance] reads.
  void touchRemainders(int row) {
    touched ^= rows.touchRemainders(kernels, row);
  }

  /// Estimates of the neighbours of a row at the known distance, to `out[at]` and after.
  void estimate(int row, float distance, float[] out, int at) {
    MemorySegment segment = rows.segment(row);
    long offset = rows.offset(row);
    for (int block = 0; block < layout.blocks(); block++) {
      kernels.scan(
          segment,
          offset + layout.codes(block),
          offset + layout.factors(block),
          table,
          distance,
          0,
          out,
          at + block * RowLayout.LANES);
    }
  }

  /// Walks from the row `entry`, which is no node itself, with a beam of `ef`; `visitor` is told
  /// each expanded row once.
  void walk(int entry, int ef, Visitor visitor) {
    run(entry, ef, visitor);
  }

  /// Walks by squared distance whatever the metric, and keeps what was expanded with the estimates
  /// of all neighbours, in the fields `hop...`.
  void trace(int entry, int ef) {
    run(entry, ef, null);
  }

  private void run(int entry, int ef, @Nullable Visitor visitor) {
    boolean trace = visitor == null;
    begin(ef);
    expand(entry, distance(entry), trace);
    for (int node = beam.take(); node != Beam.NONE; node = beam.take()) {
      if (isExpanded(node)) {
        beam.discount();
        continue;
      }
      touched ^= rows.touch(kernels, node);
      mark(node);
      // Read early also where it is not used: the header's line then comes with the others.
      int version = rows.version(node);
      float distance = distance(node);
      expand(node, distance, trace);
      if (visitor == null) {
        keep(distance, version);
      } else {
        visitor.visit(node, layout.dot() ? distance - rows.norm(node) : distance);
      }
    }
  }

  interface Visitor {
    void visit(int node, float distance);
  }

  private void begin(int ef) {
    beam.begin(ef);
    for (int hop = 0; hop < hops; hop++) {
      expanded[hopNodes[hop] >> 6] = 0;
    }
    int words = (rows.shown() + 63) >> 6;
    if (expanded.length < words) {
      expanded = new long[words + words / 2];
    }
    hops = 0;
  }

  private boolean isExpanded(int node) {
    return (expanded[node >> 6] >>> node & 1) != 0;
  }

  /// Remembers what was expanded, to forget it before the next walk.
  private void mark(int node) {
    expanded[node >> 6] |= 1L << node;
    if (hops == hopNodes.length) {
      hopNodes = Arrays.copyOf(hopNodes, 2 * hops);
    }
    hopNodes[hops++] = node;
  }

  /// Keeps what a tracing walk saw at its last hop.
  private void keep(float distance, int version) {
    int hop = hops - 1;
    if (hop == hopDistances.length) {
      hopDistances = Arrays.copyOf(hopDistances, 2 * hop);
      hopVersions = Arrays.copyOf(hopVersions, 2 * hop);
      hopEstimates = Arrays.copyOf(hopEstimates, 2 * hop * layout.degree());
    }
    hopDistances[hop] = distance;
    hopVersions[hop] = version;
    System.arraycopy(estimates, 0, hopEstimates, hop * estimates.length, estimates.length);
  }

  /// Offers the neighbours of a row to the beam.
  private void expand(int row, float distance, boolean trace) {
    MemorySegment segment = rows.segment(row);
    long offset = rows.offset(row);
    for (int block = 0; block < layout.blocks(); block++) {
      beam.reserve(RowLayout.LANES);
      int first = block * RowLayout.LANES;
      kernels.copyIds(segment, offset + layout.ids(block), ids, first);
      int better =
          kernels.scan(
              segment,
              offset + layout.codes(block),
              offset + (trace ? layout.factors(block) : layout.searched(block)),
              table,
              distance,
              beam.bound(),
              estimates,
              first);
      for (; better != 0; better &= better - 1) {
        int lane = first + Integer.numberOfTrailingZeros(better);
        int node = ids[lane];
        // Rows shown after the walk began are not for it; a cleared lane has no row.
        if (Integer.compareUnsigned(node >> 6, expanded.length) < 0) {
          beam.add(estimates[lane], node, (int) (~expanded[node >> 6] >>> node & 1));
        }
      }
    }
  }

  @Override
  public void close() {
    region.close();
  }
}
