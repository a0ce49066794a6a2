package io.whimbrel.core.quant;

import static io.whimbrel.core.quant.Codes.BYTE;

import io.whimbrel.core.simd.CodeKernels;
import java.lang.foreign.MemorySegment;

/// The signs of 64 vectors side by side, as [CodeKernels#lookup64] wants them: 6 values a look-up.
///
/// A block is [#blockBytes] bytes. One row of it can be replaced without touching the others. Any
/// thread; no state.
public final class LookupCodes {
  /// The most values whose sums fit 16 bits.
  public static final int DIMENSION_MAX = CodeKernels.LOOKUP_GROUPS_MAX * 6;

  static final int GROUP_VALUES = 6;

  private static final int GROUPS_A_STEP = 4;
  private static final int STEP_BYTES = 3 * CodeKernels.LOOKUP_ROWS;

  private final int dimension;
  private final int groups;

  public LookupCodes(int dimension) {
    if (dimension < 1 || dimension > DIMENSION_MAX) {
      throw new IllegalArgumentException(
          "dimension: " + dimension + " (expected: 1 to " + DIMENSION_MAX + ")");
    }
    this.dimension = dimension;
    this.groups = Codes.roundUp(Math.ceilDiv(dimension, GROUP_VALUES), GROUPS_A_STEP);
  }

  public int dimension() {
    return dimension;
  }

  public int blockBytes() {
    return groups / GROUPS_A_STEP * STEP_BYTES;
  }

  int groups() {
    return groups;
  }

  /// Copies the codes of one vector, as a [SignCodec] made them, to row `row` of the block at byte
  /// `blockAt`.
  public void put(MemorySegment block, long blockAt, int row, MemorySegment signs, long signsAt) {
    for (int step = 0; step < groups / GROUPS_A_STEP; step++) {
      int first = step * GROUPS_A_STEP;
      int top = group(signs, signsAt, first + 3);
      for (int plane = 0; plane < 3; plane++) {
        int code = group(signs, signsAt, first + plane) | (top >> 2 * plane & 3) << GROUP_VALUES;
        block.set(BYTE, at(blockAt, step, plane, row), (byte) code);
      }
    }
  }

  /// The six signs of one group, zero beyond the vector.
  private int group(MemorySegment signs, long signsAt, int group) {
    int code = 0;
    int from = group * GROUP_VALUES;
    for (int i = from; i < Math.min(dimension, from + GROUP_VALUES); i++) {
      code |= SignCodec.bit(signs, signsAt, i) << i - from;
    }
    return code;
  }

  /// Sign `i` of row `row` of the block at byte `blockAt`: 1 above zero, else 0.
  public int sign(MemorySegment block, long blockAt, int row, int i) {
    int step = i / GROUP_VALUES / GROUPS_A_STEP;
    int plane = i / GROUP_VALUES % GROUPS_A_STEP;
    int bit = i % GROUP_VALUES;
    if (plane == 3) {
      plane = bit / 2;
      bit = GROUP_VALUES + bit % 2;
    }
    return block.get(BYTE, at(blockAt, step, plane, row)) >> bit & 1;
  }

  private static long at(long blockAt, int step, int plane, int row) {
    int place = row < 32 ? 2 * row : 2 * (row - 32) + 1;
    return blockAt + (long) step * STEP_BYTES + plane * CodeKernels.LOOKUP_ROWS + place;
  }
}
