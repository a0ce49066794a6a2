package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.LookupTable;

/// Where things lie in a row; all offsets are bytes from its start.
///
/// ```
/// 0        header: lock, version, in-degree, flags, birth, death, label, norm   64 bytes
/// 64       the vector, rotated: float[dimension]
/// ...      for each block of 32 lanes
///            codes: 4 * codeDimension bytes (see GraphKernels)
///            float f0[32], f1[32]      an empty lane has f0 = +infinity
///            float dot[32]             f0 less the neighbour's squared norm; under DOT only
///            int   ids[32]             the neighbours; -1 in an empty lane
/// ...      float length[32 * blocks]   squared distance to the neighbour; negative for a soft edge
/// ```
///
/// A search reads a row from its start to its end, but for the lengths. Every part starts on a
/// 64-byte line.
record RowLayout(int dimension, int codeDimension, int blocks, boolean dot) {
  static final int LANES = GraphKernels.LANES;
  static final int LANE_ARRAY_BYTES = LANES * Float.BYTES;

  /// Shorter vectors are padded to this, since the error of an estimate falls with the bits of the
  /// code.
  private static final int DIMENSION_MIN = 64;

  static final int LOCK = 0;
  static final int VERSION = 4;
  static final int IN_DEGREE = 8;
  static final int FLAGS = 12;
  static final int BIRTH = 16;
  static final int DEATH = 24;
  static final int LABEL = 32;
  static final int NORM = 40;
  static final int VECTOR = 64;

  /// @param dimension of the vectors as users know them; padded here
  /// @param degree links a row, rounded up to whole blocks
  static RowLayout of(int dimension, int degree, boolean dot) {
    int line = GraphKernels.LINE_DIMENSIONS;
    int padded = Math.max(DIMENSION_MIN, Math.ceilDiv(dimension, line) * line);
    return new RowLayout(padded, padded, Math.ceilDiv(degree, LANES), dot);
  }

  int degree() {
    return blocks * LANES;
  }

  int vectorBytes() {
    return dimension * Float.BYTES;
  }

  private int codeBytes() {
    return codeDimension * LookupTable.BYTES_PER_DIMENSION;
  }

  private int blockBytes() {
    return codeBytes() + (dot ? 4 : 3) * LANE_ARRAY_BYTES;
  }

  int codes(int block) {
    return VECTOR + vectorBytes() + block * blockBytes();
  }

  int f0(int block) {
    return codes(block) + codeBytes();
  }

  int f1(int block) {
    return f0(block) + LANE_ARRAY_BYTES;
  }

  /// The first term that searches add: `f0`, or its counterpart under DOT.
  int searched(int block) {
    return dot ? f1(block) + LANE_ARRAY_BYTES : f0(block);
  }

  int ids(int block) {
    return f1(block) + (dot ? 2 : 1) * LANE_ARRAY_BYTES;
  }

  int id(int lane) {
    return ids(lane / LANES) + lane % LANES * Integer.BYTES;
  }

  int lengths() {
    return codes(blocks);
  }

  int length(int lane) {
    return lengths() + lane * Float.BYTES;
  }

  int rowBytes() {
    int bytes = lengths() + blocks * LANE_ARRAY_BYTES;
    return Math.ceilDiv(bytes, Region.ALIGNMENT) * Region.ALIGNMENT;
  }
}
