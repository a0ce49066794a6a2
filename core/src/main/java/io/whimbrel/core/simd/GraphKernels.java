package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;

/// Arithmetic of a graph whose rows hold the one-bit codes of their neighbours.
///
/// A code is the signs of `x - c` under a random rotation, `x` the neighbour and `c` the row's own
/// vector; two factors turn the inner product of the signs with a rotated query into an unbiased
/// estimate of the squared distance. Source: RaBitQ, Gao and Long 2024; the layout beside the row
/// is SymphonyQG's, Gou et al. 2025; the scan is FastScan, André et al. 2015.
///
/// A block of [#LANES] neighbours takes `4 * dimension` bytes of codes. Every 64 bytes hold 16
/// dimensions: the sub-table `s` of four dimensions in bytes `16 * s` and after, in which the
/// nibble of a lane stands at [#codeByte] and [#codeShift]. The two factors `f0` and `f1` of a lane
/// are one int, each rounded to the 16 bits of a bfloat16: `f0` the upper, `f1` the lower half.
/// What that loses is a tenth and less of what a code of one bit loses.
///
/// Queries are little-endian float32. Rows are int8 with a scale each: value `i` is `scale *
/// code[i]`. `dimension` is a multiple of 16. Segments are lent. Any thread, with scratch of its
/// own. Nothing allocates.
public interface GraphKernels {
  /// Neighbours in a block.
  int LANES = 32;

  /// Dimensions that one line of codes covers; vectors are padded to whole lines.
  int LINE_DIMENSIONS = 16;

  /// Rotates `x` in place by `signs.length` rounds of sign flips, each followed by a fast Hadamard
  /// transform of the first or, in odd rounds, the last `2^i` values, the largest power of two that
  /// fits. Lengths and angles stay.
  void rotate(float[] x, float[][] signs);

  /// Undoes [#rotate].
  void rotateBack(float[] x, float[][] signs);

  /// Fills `table` for the rotated query at byte `offset` of `query`.
  void prepare(MemorySegment query, long offset, LookupTable table);

  /// Estimates the squared distances of a query to the 32 neighbours of a row: `base + f0 + f1 *
  /// (signs . query)`, to `out[outAt]` and after.
  ///
  /// @param rows holds the codes at byte `codes` and 32 factors at byte `factors`
  /// @param base exact squared distance of the query to the row's own vector
  /// @return bit `k` set where estimate `k` is below `bound`
  int scan(
      MemorySegment rows,
      long codes,
      long factors,
      LookupTable table,
      float base,
      float bound,
      float[] out,
      int outAt);

  /// The factors of a lane as one int.
  static int factors(float f0, float f1) {
    return rounded(f0) << 16 | rounded(f1);
  }

  /// The nearest bfloat16, as its 16 bits. Infinite stays infinite.
  static int rounded(float value) {
    return (Float.floatToRawIntBits(value) + 0x8000) >>> 16;
  }

  /// Byte of a lane's nibble within the 16 of a sub-table: such that the 16-bit sums of a scan,
  /// four registers folded into one, come out as lane `k` in the lower half of int `k % 16` for `k
  /// < 16` and in the upper half else.
  static int codeByte(int lane) {
    int place = 2 * (lane % 16) + lane / 16;
    return 2 * (place % 8) + place / 16;
  }

  /// 0 or 4: which nibble of the byte is the lane's.
  static int codeShift(int lane) {
    int place = 2 * (lane % 16) + lane / 16;
    return place / 8 % 2 * 4;
  }

  /// Copies 32 ints at byte `ids` of a row to `out[outAt]` and after: asked for together with the
  /// codes, they come from memory at the same time, and not after the estimates have been looked
  /// at.
  void copyIds(MemorySegment rows, long ids, int[] out, int outAt);

  /// Reads one word of each line of `[at, at + bytes)`, so that all lines are on their way from
  /// memory at once: what follows waits for one of them, not for one after the other. The result
  /// means nothing, but must be used.
  int touch(MemorySegment rows, long at, int bytes);

  /// Elements after the keys that [#least] and [#countBelow] may overwrite.
  int KEY_MARGIN = 16;

  /// Index of the first of the least of the first `count` keys, one at least.
  int least(int[] keys, int count);

  /// How many of the first `count` keys are below `bound`.
  int countBelow(int[] keys, int count, int bound);

  /// Squared Euclidean distance of a query to a row.
  float squaredL2(
      MemorySegment query, long queryAt, MemorySegment row, long rowAt, float scale, int dimension);

  /// What a remainder, a little-endian int16, is of one step of its row.
  float REMAINDER = 1f / Short.MAX_VALUE;

  /// Squared Euclidean distance of a query to a row with the remainders of its rounding: value `i`
  /// is `scale * (code[i] + REMAINDER * remainder[i])`.
  float squaredL2(
      MemorySegment query,
      long queryAt,
      MemorySegment row,
      long rowAt,
      float scale,
      MemorySegment remainders,
      long remaindersAt,
      int dimension);

  /// The first of `count` float32 rows that is within a squared distance of `x`, or -1; `x` and the
  /// rows lie in segments of their own, the rows one after the other.
  ///
  /// @param distance its first element gets the squared distance of the row that was found
  int firstWithin(
      MemorySegment x,
      long xAt,
      MemorySegment rows,
      int count,
      int dimension,
      float squaredDistance,
      float[] distance);

  /// Writes a row as float32.
  void decode(
      MemorySegment row, long rowAt, float scale, int dimension, MemorySegment out, long outAt);

  /// Takes the signs of `x - c` over the first `dimension` values, and what the factors are made
  /// of.
  ///
  /// @param c float32
  /// @param x a row
  /// @param signs gets bit `i % 16` of element `i / 16` set where `x[i] > c[i]`
  /// @param sums gets the sum of `|x - c|` and the sum of `c` with the sign of `x - c`
  void residual(
      MemorySegment c,
      long cAt,
      MemorySegment x,
      long xAt,
      float xScale,
      int dimension,
      short[] signs,
      float[] sums);
}
