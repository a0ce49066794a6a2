package io.whimbrel.core.hnsw;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.stream.IntStream;

/// The rows of a graph: their memory, headers and lanes.
///
/// Rows never move. Lanes and versions change under the row's lock; searches read them without.
/// What a search may see half-changed is one lane: its estimate is then wrong and leads a step
/// astray, while results are exact distances to vectors, and a vector changes only when no search
/// can reach its row. Birth and death order themselves (see [HnswIndex]).
final class GraphRows implements AutoCloseable {
  /// Birth of a row that is not published, death of one that lives.
  static final long NEVER = Long.MAX_VALUE;

  /// The row has its edges, and others may point to it.
  static final int FLAG_LINKED = 1;

  /// The row died before it was linked; nothing points to it.
  static final int FLAG_SKIPPED = 2;

  /// The row is dead, and most edges lead around it; its own count no more.
  static final int FLAG_BYPASSED = 8;

  /// The row is dead and a sweep will cut the last edges to it.
  static final int FLAG_CONDEMNED = 4;

  private static final VarHandle INT = JAVA_INT.varHandle();
  private static final VarHandle LONG = JAVA_LONG.varHandle();
  private static final int SPINS_MAX = 1 << 10;

  final RowLayout layout;
  private final VectorMatrix matrix;

  /// Rows that others may know of; walks meet no others.
  private volatile int shown;

  private final Region blank;

  GraphRows(RowLayout layout) {
    this.layout = layout;
    this.matrix = new VectorMatrix(layout.rowBytes() / Float.BYTES);
    this.blank = Region.shared(layout.rowBytes());
    clear(blank.segment(), 0);
  }

  private void clear(MemorySegment segment, long row) {
    segment.set(JAVA_LONG, row + RowLayout.BIRTH, NEVER);
    segment.set(JAVA_LONG, row + RowLayout.DEATH, NEVER);
    for (int lane = 0; lane < layout.degree(); lane++) {
      clearLane(segment, row, lane);
    }
  }

  /// Rows ever made. Writer only.
  int count() {
    return matrix.rows();
  }

  /// Lets others know of the rows made so far. Writer only.
  void show() {
    shown = matrix.rows();
  }

  /// Rows that any thread may touch.
  int shown() {
    return shown;
  }

  /// Writer only.
  long bytes() {
    return matrix.bytes() + blank.bytes();
  }

  /// Makes a row without content. Writer only.
  int append() {
    return matrix.append(blank.segment(), 0);
  }

  /// Appends the row at byte `offset` of `from`, which is lent. Writer only.
  int append(MemorySegment from, long offset) {
    return matrix.append(from, offset);
  }

  /// Overwrites the first `bytes` of a row that nobody reads yet.
  void overwrite(int row, MemorySegment from, long offset, int bytes) {
    MemorySegment.copy(from, offset, segment(row), offset(row), bytes);
  }

  /// Makes a freed row like new.
  void reset(int row) {
    // Unborn before anything else of it changes, for those who look whether a row is free.
    setBirth(row, NEVER);
    VarHandle.releaseFence();
    MemorySegment.copy(blank.segment(), 0, segment(row), offset(row), layout.rowBytes());
  }

  MemorySegment segment(int row) {
    return matrix.segment(row);
  }

  long offset(int row) {
    return matrix.offset(row);
  }

  // ------------------------------------------------------------------------------------- header

  void lock(int row) {
    MemorySegment segment = segment(row);
    long at = offset(row) + RowLayout.LOCK;
    for (int spins = 0; !INT.compareAndSet(segment, at, 0, 1); spins++) {
      if (spins < SPINS_MAX) {
        Thread.onSpinWait();
      } else {
        // The holder may have lost its processor.
        Thread.yield();
      }
    }
  }

  void unlock(int row) {
    INT.setRelease(segment(row), offset(row) + RowLayout.LOCK, 0);
  }

  /// Grows with every change of a lane.
  int version(int row) {
    return (int) INT.getAcquire(segment(row), offset(row) + RowLayout.VERSION);
  }

  private static void countChange(MemorySegment segment, long row) {
    int version = (int) INT.get(segment, row + RowLayout.VERSION);
    INT.setRelease(segment, row + RowLayout.VERSION, version + 1);
  }

  int inDegree(int row) {
    return (int) INT.getOpaque(segment(row), offset(row) + RowLayout.IN_DEGREE);
  }

  void addInDegree(int row, int change) {
    int _ = (int) INT.getAndAdd(segment(row), offset(row) + RowLayout.IN_DEGREE, change);
  }

  int flags(int row) {
    return (int) INT.getAcquire(segment(row), offset(row) + RowLayout.FLAGS);
  }

  void addFlag(int row, int flag) {
    int _ = (int) INT.getAndBitwiseOr(segment(row), offset(row) + RowLayout.FLAGS, flag);
  }

  void removeFlag(int row, int flag) {
    int _ = (int) INT.getAndBitwiseAnd(segment(row), offset(row) + RowLayout.FLAGS, ~flag);
  }

  boolean isLinked(int row) {
    return (flags(row) & FLAG_LINKED) != 0;
  }

  long birth(int row) {
    return (long) LONG.getAcquire(segment(row), offset(row) + RowLayout.BIRTH);
  }

  void setBirth(int row, long seq) {
    LONG.setRelease(segment(row), offset(row) + RowLayout.BIRTH, seq);
  }

  long death(int row) {
    return (long) LONG.getAcquire(segment(row), offset(row) + RowLayout.DEATH);
  }

  void setDeath(int row, long seq) {
    LONG.setRelease(segment(row), offset(row) + RowLayout.DEATH, seq);
  }

  boolean isDead(int row) {
    return death(row) != NEVER;
  }

  long label(int row) {
    return segment(row).get(JAVA_LONG, offset(row) + RowLayout.LABEL);
  }

  float norm(int row) {
    return segment(row).get(VALUE, offset(row) + RowLayout.NORM);
  }

  void setVector(int row, float[] rotated, float norm, long label) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    MemorySegment.copy(rotated, 0, segment, VALUE, offset + RowLayout.VECTOR, rotated.length);
    segment.set(VALUE, offset + RowLayout.NORM, norm);
    segment.set(JAVA_LONG, offset + RowLayout.LABEL, label);
  }

  void copyVector(int row, float[] out) {
    MemorySegment.copy(
        segment(row), VALUE, offset(row) + RowLayout.VECTOR, out, 0, layout.dimension());
  }

  // --------------------------------------------------------------------------------- lanes, locked

  int id(int row, int lane) {
    return segment(row).get(JAVA_INT, offset(row) + layout.id(lane));
  }

  /// Takes the edges of a dead row off the counts of their ends, which it returns. The edges
  /// themselves stay, for walks that stand on the row.
  int[] dropEdges(int row) {
    lock(row);
    try {
      addFlag(row, FLAG_BYPASSED);
      int[] ends =
          IntStream.range(0, layout.degree())
              .map(lane -> id(row, lane))
              .filter(end -> end >= 0)
              .toArray();
      for (int end : ends) {
        addInDegree(end, -1);
      }
      return ends;
    } finally {
      unlock(row);
    }
  }

  /// Whether a lane leads to the other row.
  boolean pointsTo(int row, int other) {
    for (int lane = 0; lane < layout.degree(); lane++) {
      if (id(row, lane) == other) {
        return true;
      }
    }
    return false;
  }

  boolean pointsNowhere(int row) {
    for (int lane = 0; lane < layout.degree(); lane++) {
      if (id(row, lane) >= 0) {
        return false;
      }
    }
    return true;
  }

  /// Squared distance between two rows.
  float distance(GraphKernels kernels, int a, int b) {
    return kernels.squaredL2(
        segment(a),
        offset(a) + RowLayout.VECTOR,
        segment(b),
        offset(b) + RowLayout.VECTOR,
        layout.dimension());
  }

  /// Squared distance to the neighbour in a lane.
  float length(int row, int lane) {
    return Math.abs(segment(row).get(VALUE, offset(row) + layout.length(lane)));
  }

  boolean isSoft(int row, int lane) {
    return Float.floatToRawIntBits(segment(row).get(VALUE, offset(row) + layout.length(lane))) < 0;
  }

  void soften(int row, int lane) {
    segment(row).set(VALUE, offset(row) + layout.length(lane), -length(row, lane));
  }

  void clearLane(int row, int lane) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    clearLane(segment, offset, lane);
    countChange(segment, offset);
  }

  private void clearLane(MemorySegment segment, long row, int lane) {
    int block = lane / RowLayout.LANES;
    int at = lane % RowLayout.LANES * Float.BYTES;
    segment.set(VALUE, row + layout.f0(block) + at, Float.POSITIVE_INFINITY);
    segment.set(VALUE, row + layout.searched(block) + at, Float.POSITIVE_INFINITY);
    segment.set(VALUE, row + layout.f1(block) + at, 0);
    segment.set(JAVA_INT, row + layout.id(lane), -1);
    segment.set(VALUE, row + layout.length(lane), 0);
  }

  /// Writes an edge to `id` into a lane.
  ///
  /// @param length squared distance, kept negative for a soft edge
  /// @param inverted whether `signs` are those of the opposite edge
  void setLane(int row, int lane, int id, Edge edge, boolean inverted, boolean soft) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    int block = lane / RowLayout.LANES;
    int slot = lane % RowLayout.LANES;
    long codes = offset + layout.codes(block) + GraphKernels.codeByte(slot);
    putCode(segment, codes, GraphKernels.codeShift(slot), edge.signs, inverted ? 0xffff : 0);
    long at = (long) slot * Float.BYTES;
    float f0 = inverted ? -edge.f0 : edge.f0;
    segment.set(VALUE, offset + layout.f0(block) + at, f0);
    segment.set(VALUE, offset + layout.f1(block) + at, edge.f1);
    if (layout.dot()) {
      segment.set(VALUE, offset + layout.searched(block) + at, f0 - norm(id));
    }
    segment.set(JAVA_INT, offset + layout.id(lane), id);
    segment.set(VALUE, offset + layout.length(lane), soft ? -edge.length : edge.length);
    countChange(segment, offset);
  }

  /// Writes the nibbles of one lane: four to a line of 64 bytes, 16 bytes apart.
  private static void putCode(
      MemorySegment segment, long at, int shift, short[] signs, int flipped) {
    int kept = 0xf0 >> shift;
    for (short element : signs) {
      int bits = element ^ flipped;
      for (int part = 0; part < 4; part++) {
        int old = segment.get(JAVA_BYTE, at) & kept;
        segment.set(JAVA_BYTE, at, (byte) (old | (bits & 15) << shift));
        bits >>= 4;
        at += 16;
      }
    }
  }

  @Override
  public void close() {
    matrix.close();
    blank.close();
  }
}
