package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.LookupTable;

/// Where things lie in a row; all offsets are bytes from its start.
///
/// ```
/// 0        header: lock, version, in-degree, flags, birth, death, label, norm, scale   64 bytes
/// 64       the vector, rotated, in steps of the scale: int8[dimension]
/// ...      for each block of 32 lanes
///            codes: 4 * codeDimension bytes (see GraphKernels)
///            int factors[32]           f0 and f1; an empty lane has f0 = +infinity
///            int searched[32]          the same, f0 less the neighbour's squared norm; under DOT
///            int ids[32]               the neighbours; -1 in an empty lane
/// ...      short length[32 * blocks]   bfloat16: squared distance to the neighbour; negative for a
///                                      soft edge
/// ...      short remainder[dimension]  float32 storage only: what rounding took from the vector
/// ```
///
/// A walk reads a row from its start up to the lengths; vector and remainder together are the
/// vector to 24 bits. Every part starts on a 64-byte line.
///
/// @param dimension of rotated vectors
/// @param codeDimension how many of them the codes cover, from the first
/// @param fine whether rows have remainders
record RowLayout(int dimension, int codeDimension, int blocks, boolean dot, boolean fine) {
  static final int LANES = GraphKernels.LANES;
  static final int LANE_ARRAY_BYTES = LANES * Integer.BYTES;

  /// Shorter vectors are padded to this, since the error of an estimate falls with the bits of the
  /// code.
  private static final int DIMENSION_MIN = 64;

  /// Vectors from this dimension on have bits enough to spare: codes that leave a quarter of them
  /// out cost no more steps than they save bytes.
  private static final int LONG_DIMENSION = 512;

  static final int LOCK = 0;
  static final int VERSION = 4;
  static final int IN_DEGREE = 8;
  static final int FLAGS = 12;
  static final int BIRTH = 16;
  static final int DEATH = 24;
  static final int LABEL = 32;
  static final int NORM = 40;
  static final int SCALE = 44;
  static final int VECTOR = 64;

  /// @param dimension of the vectors as users know them; padded here
  /// @param degree links a row, rounded up to whole blocks
  static RowLayout of(int dimension, int degree, Storage storage, boolean dot) {
    int padded = Math.max(DIMENSION_MIN, wholeLines(dimension));
    int coded =
        switch (storage) {
          case FLOAT32 -> padded < LONG_DIMENSION ? padded : wholeLines(padded * 3 / 4);
          // Three quarters of the bits cost a few steps more and save a fifth of the row.
          case INT8 -> Math.max(DIMENSION_MIN, wholeLines(padded * 3 / 4));
        };
    boolean fine = storage == Storage.FLOAT32;
    return new RowLayout(padded, coded, Math.ceilDiv(degree, LANES), dot, fine);
  }

  private static int wholeLines(int dimension) {
    int line = GraphKernels.LINE_DIMENSIONS;
    return Math.ceilDiv(dimension, line) * line;
  }

  private static int aligned(int bytes) {
    return Math.ceilDiv(bytes, Region.ALIGNMENT) * Region.ALIGNMENT;
  }

  int degree() {
    return blocks * LANES;
  }

  /// Bytes of a rotated vector in float32, as searchers hold it.
  int queryBytes() {
    return dimension * Float.BYTES;
  }

  private int codeBytes() {
    return codeDimension * LookupTable.BYTES_PER_DIMENSION;
  }

  private int blockBytes() {
    return codeBytes() + (dot ? 3 : 2) * LANE_ARRAY_BYTES;
  }

  int codes(int block) {
    return VECTOR + aligned(dimension) + block * blockBytes();
  }

  int factors(int block) {
    return codes(block) + codeBytes();
  }

  /// The factors that searches add: `factors`, or their counterpart under DOT.
  int searched(int block) {
    return factors(block) + (dot ? LANE_ARRAY_BYTES : 0);
  }

  int ids(int block) {
    return searched(block) + LANE_ARRAY_BYTES;
  }

  int id(int lane) {
    return ids(lane / LANES) + lane % LANES * Integer.BYTES;
  }

  int lengths() {
    return codes(blocks);
  }

  int length(int lane) {
    return lengths() + lane * Short.BYTES;
  }

  int remainders() {
    return aligned(lengths() + degree() * Short.BYTES);
  }

  /// 0 where rows have none.
  int remainderBytes() {
    return fine ? dimension * Short.BYTES : 0;
  }

  int rowBytes() {
    return aligned(remainders() + remainderBytes());
  }
}
