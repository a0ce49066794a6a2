package io.whimbrel.core.hnsw;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
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
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int SPINS_MAX = 1 << 10;
  private static final float CODE_MAX = 127;

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

  /// Overwrites `bytes` at byte `at` of a row that nobody reads yet.
  void overwrite(int row, int at, MemorySegment from, long offset, int bytes) {
    MemorySegment.copy(from, offset, segment(row), offset(row) + at, bytes);
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

  /// One step of the row's vector.
  float scale(int row) {
    return segment(row).get(VALUE, offset(row) + RowLayout.SCALE);
  }

  /// Rounds a rotated vector to even steps, 127 of them to its largest value, and keeps what that
  /// takes away where rows have remainders.
  ///
  /// @param unit whether what is decoded is to have length 1, but for rounding of float32
  /// @param norm the squared norm, kept where rows have remainders; else it is that of the rounded
  void setVector(int row, float[] rotated, boolean unit, float norm) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    float most = 0;
    for (float value : rotated) {
      most = Math.max(most, Math.abs(value));
    }
    float inverse = most > 0 ? CODE_MAX / most : 0;
    // Longer than the longest that is taken would be infinite here.
    long squares = 0;
    for (int i = 0; i < rotated.length; i++) {
      int code = Math.round(rotated[i] * inverse);
      segment.set(JAVA_BYTE, offset + RowLayout.VECTOR + i, (byte) code);
      squares += (long) code * code;
    }
    float scale = unit && squares > 0 ? (float) (1 / Math.sqrt(squares)) : most / CODE_MAX;
    segment.set(VALUE, offset + RowLayout.SCALE, scale);
    if (layout.fine()) {
      setRemainders(segment, offset, rotated, scale);
      segment.set(VALUE, offset + RowLayout.NORM, norm);
    } else {
      segment.set(VALUE, offset + RowLayout.NORM, (float) ((double) scale * scale * squares));
    }
  }

  private void setRemainders(MemorySegment segment, long offset, float[] rotated, float scale) {
    double inverse = scale > 0 ? 1 / (double) scale : 0;
    long at = offset + layout.remainders();
    for (int i = 0; i < rotated.length; i++) {
      double steps = rotated[i] * inverse;
      int code = segment.get(JAVA_BYTE, offset + RowLayout.VECTOR + i);
      // Half a step, and a little more where the scale was set for unit length.
      long remainder = Math.round((steps - code) / GraphKernels.REMAINDER);
      short kept = (short) Math.clamp(remainder, Short.MIN_VALUE, Short.MAX_VALUE);
      segment.set(SHORT, at + (long) i * Short.BYTES, kept);
    }
  }

  void setLabel(int row, long label) {
    segment(row).set(JAVA_LONG, offset(row) + RowLayout.LABEL, label);
  }

  /// Writes the rotated vector as float32 to byte `at` of `out`.
  void decode(GraphKernels kernels, int row, MemorySegment out, long at) {
    kernels.decode(
        segment(row), offset(row) + RowLayout.VECTOR, scale(row), layout.dimension(), out, at);
  }

  /// Squared distance of a rotated query to a row.
  float distance(GraphKernels kernels, MemorySegment query, int row) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    return kernels.squaredL2(
        query,
        0,
        segment,
        offset + RowLayout.VECTOR,
        segment.get(VALUE, offset + RowLayout.SCALE),
        layout.dimension());
  }

  /// Asks memory for all that an expansion reads of a row; see [GraphKernels#touch].
  int touch(GraphKernels kernels, int row) {
    return kernels.touch(segment(row), offset(row), layout.lengths());
  }

  /// The same for the remainders.
  int touchRemainders(GraphKernels kernels, int row) {
    return kernels.touch(segment(row), offset(row) + layout.remainders(), layout.remainderBytes());
  }

  /// Squared distance of a rotated query to a row with its remainders, where it has them.
  float exactDistance(GraphKernels kernels, MemorySegment query, int row) {
    if (!layout.fine()) {
      return distance(kernels, query, row);
    }
    MemorySegment segment = segment(row);
    long offset = offset(row);
    return kernels.squaredL2(
        query,
        0,
        segment,
        offset + RowLayout.VECTOR,
        segment.get(VALUE, offset + RowLayout.SCALE),
        segment,
        offset + layout.remainders(),
        layout.dimension());
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

  /// Copies the neighbours of a row, and the squared distances to them, rounded and with the sign
  /// set for a soft edge.
  void copyLanes(int row, GraphKernels kernels, int[] ends, float[] signedLengths) {
    MemorySegment segment = segment(row);
    long offset = offset(row);
    for (int block = 0; block < layout.blocks(); block++) {
      kernels.copyIds(segment, offset + layout.ids(block), ends, block * RowLayout.LANES);
    }
    MemorySegment lengths =
        segment.asSlice(offset + layout.lengths(), (long) ends.length * Short.BYTES);
    for (int lane = 0; lane < ends.length; lane++) {
      int bits = lengths.get(SHORT, (long) lane * Short.BYTES);
      signedLengths[lane] = Float.intBitsToFloat(bits << 16);
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

  /// Squared distance to the neighbour in a lane, rounded.
  float length(int row, int lane) {
    return Math.abs(signedLength(row, lane));
  }

  boolean isSoft(int row, int lane) {
    return Float.floatToRawIntBits(signedLength(row, lane)) < 0;
  }

  private float signedLength(int row, int lane) {
    int bits = segment(row).get(SHORT, offset(row) + layout.length(lane));
    return Float.intBitsToFloat(bits << 16);
  }

  private static void setLength(MemorySegment segment, long at, float length) {
    segment.set(SHORT, at, (short) GraphKernels.rounded(length));
  }

  void soften(int row, int lane) {
    setLength(segment(row), offset(row) + layout.length(lane), -length(row, lane));
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
    int factors = GraphKernels.factors(Float.POSITIVE_INFINITY, 0);
    segment.set(JAVA_INT, row + layout.factors(block) + at, factors);
    segment.set(JAVA_INT, row + layout.searched(block) + at, factors);
    segment.set(JAVA_INT, row + layout.id(lane), -1);
    setLength(segment, row + layout.length(lane), 0);
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
    segment.set(JAVA_INT, offset + layout.factors(block) + at, GraphKernels.factors(f0, edge.f1));
    if (layout.dot()) {
      int searched = GraphKernels.factors(f0 - norm(id), edge.f1);
      segment.set(JAVA_INT, offset + layout.searched(block) + at, searched);
    }
    segment.set(JAVA_INT, offset + layout.id(lane), id);
    setLength(segment, offset + layout.length(lane), soft ? -edge.length : edge.length);
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
