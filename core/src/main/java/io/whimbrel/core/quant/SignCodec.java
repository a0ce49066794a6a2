package io.whimbrel.core.quant;

import static io.whimbrel.core.quant.Codes.FLOAT;
import static io.whimbrel.core.quant.Codes.INT;
import static io.whimbrel.core.quant.Codes.LONG;

import io.whimbrel.core.simd.CodeKernels;
import java.lang.foreign.MemorySegment;

/// A vector as its signs and one scale: one bit a value.
///
/// A value becomes `scale` when above zero, else `-scale`, where `scale` is the mean magnitude of
/// the vector. No other scale is nearer, and what is decoded differs from `x` by `|x|^2 - dimension
/// * scale^2`, squared and summed: for Gaussian values 36 % of `|x|^2`. Good for a first choice of
///   candidates, not for scores.
///
/// Codes of a row: [#codeBytes] bytes, see [CodeKernels#dotBits]. Factors: `scale` (float32) and
/// the number of ones (int32). Any thread; no state.
public final class SignCodec {
  /// Bytes of the factors of a row.
  public static final int FACTOR_BYTES = 8;

  static final int SCALE = 0;
  static final int ONES = 4;

  private final int dimension;

  public SignCodec(int dimension) {
    if (dimension < 1) {
      throw new IllegalArgumentException("dimension: " + dimension + " (expected: at least 1)");
    }
    this.dimension = dimension;
  }

  public int dimension() {
    return dimension;
  }

  /// Bytes of the codes of a row, a multiple of 8.
  public int codeBytes() {
    return paddedDimension() / Byte.SIZE;
  }

  int paddedDimension() {
    return Codes.roundUp(dimension, CodeKernels.BITS_BLOCK);
  }

  /// Writes the codes of `row` at byte `codesAt` of `codes` and its factors at byte `factorsAt` of
  /// `factors`. Every value must be finite.
  public void encode(
      float[] row, MemorySegment codes, long codesAt, MemorySegment factors, long factorsAt) {
    Codes.checkLength("row", row, dimension);
    double magnitude = 0;
    int ones = 0;
    for (int from = 0; from < dimension; from += Long.SIZE) {
      long word = 0;
      for (int i = from; i < Math.min(dimension, from + Long.SIZE); i++) {
        magnitude += Math.abs(row[i]);
        word |= row[i] > 0 ? 1L << i : 0;
      }
      ones += Long.bitCount(word);
      codes.set(LONG, codesAt + from / Byte.SIZE, word);
    }
    factors.set(FLOAT, factorsAt + SCALE, (float) (magnitude / dimension));
    factors.set(INT, factorsAt + ONES, ones);
  }

  /// Copies what a row stands for to the first `dimension` elements of `out`.
  public void decode(
      MemorySegment codes, long codesAt, MemorySegment factors, long factorsAt, float[] out) {
    float scale = factors.get(FLOAT, factorsAt + SCALE);
    for (int i = 0; i < dimension; i++) {
      out[i] = bit(codes, codesAt, i) == 1 ? scale : -scale;
    }
  }

  /// Bit `i` of a row.
  static int bit(MemorySegment codes, long codesAt, int i) {
    return (int) (codes.get(LONG, codesAt + (long) (i / Long.SIZE) * Long.BYTES) >>> i) & 1;
  }

  /// The inner product of a row with a query, from the sum of the query over the row's ones.
  static double dot(MemorySegment factors, long at, double sumOfOnes, double sumOfAll) {
    return factors.get(FLOAT, at + SCALE) * (2 * sumOfOnes - sumOfAll);
  }
}
