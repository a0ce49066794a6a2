package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;

/// Compares one float32 query with float32 rows.
///
/// `query` is `[paddedDim]`; so is each row, little-endian and padded with zeros to a multiple of
/// 16 values. Rows lie either one after the other, row `r` at byte `offset + r * strideBytes` of
/// `rows`, or anywhere, row `r` at byte `offsets[r]`. The results of `count` rows go to
/// `out[outAt]` and after. All segments are lent. Fast on 64-byte lines, right on any alignment.
/// Cost: `count * paddedDim` multiply-adds, no allocation. Any thread.
///
/// Sums are float32 in an order of the kernel's own: two kernels may differ by about `1e-7 *
/// paddedDim` times the sum of the absolute products. Where a partial sum leaves the range of
/// float32 the result is infinite or NaN.
public interface Kernels {
  /// Inner products.
  void dot(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      float[] out,
      int outAt);

  /// Squared Euclidean distances: smaller is nearer, never negative.
  void squaredL2(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      float[] out,
      int outAt);

  /// Inner products with rows anywhere.
  void dotAt(
      MemorySegment query,
      MemorySegment rows,
      long[] offsets,
      int count,
      int paddedDim,
      float[] out,
      int outAt);

  /// Squared Euclidean distances to rows anywhere.
  void squaredL2At(
      MemorySegment query,
      MemorySegment rows,
      long[] offsets,
      int count,
      int paddedDim,
      float[] out,
      int outAt);

  /// The kernels over quantised rows, of the same kind.
  CodeKernels codes();

  /// The kernels of the graph, of the same kind.
  GraphKernels graph();

  /// The kernels of late interaction, of the same kind.
  MaxSimKernels maxSim();

  /// Width of the registers used, 0 for plain Java.
  int vectorBits();

  /// The kind of code that runs, for example `panama 512-bit` or `scalar`.
  String describe();
}
