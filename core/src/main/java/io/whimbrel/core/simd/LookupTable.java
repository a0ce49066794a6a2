package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;

/// One rotated query, prepared for [GraphKernels#scan]: for every four dimensions the 16 sums of
/// plus or minus the four values, as bytes.
///
/// Entry `e` of a group of four stands for the signs in the bits of `e`: bit `i` set means plus
/// value `i`. A byte is `round((sum + sum of the four |values|) / step)`, so the inner product of
/// the query with a sign vector is `step * (sum of its bytes) - bias`. Rounding moves each group by
/// at most `step / 2`.
///
/// Filled by [GraphKernels#prepare]; one thread at a time. The memory is lent by the maker.
public final class LookupTable {
  /// Bytes of the table for one dimension.
  public static final int BYTES_PER_DIMENSION = 4;

  /// Values of four dimensions make up to this many steps.
  static final int LEVELS = 255;

  final MemorySegment bytes;
  final int dimension;

  float step;
  float bias;

  /// @param bytes at least `4 * dimension` bytes, best on a 64-byte line
  /// @param dimension of the rotated query, a multiple of 16
  public LookupTable(MemorySegment bytes, int dimension) {
    this.bytes = bytes.asSlice(0, (long) BYTES_PER_DIMENSION * dimension);
    this.dimension = dimension;
  }

  public MemorySegment bytes() {
    return bytes;
  }

  public int dimension() {
    return dimension;
  }

  public float step() {
    return step;
  }

  public float bias() {
    return bias;
  }

  /// Sets what a kernel found in its first pass over the query.
  public void scale(float newStep, float newBias) {
    step = newStep;
    bias = newBias;
  }
}
