package io.whimbrel.core.hnsw;

import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;

/// Scratch: the code of one edge, from a row `c` to its neighbour `x`.
///
/// The opposite edge has the opposite signs, the same `f1` and `-f0`, so that an edge is encoded
/// once for both ends: with `t = length / sum|e|` and `e = x - c`, the estimate's constant term is
/// `length + 2 t (signs . c)`, and `signs . x = signs . c + sum|e|`.
final class Edge {
  final short[] signs;
  private final float[] sums = new float[2];
  float f0;
  float f1;
  float length;

  Edge(int codeDimension) {
    signs = new short[codeDimension / GraphKernels.LINE_DIMENSIONS];
  }

  /// Encodes the edge from a row, whose decoded vector is `c`, to row `x`.
  void encode(GraphKernels kernels, GraphRows rows, MemorySegment c, int x, float squaredLength) {
    kernels.residual(
        c,
        0,
        rows.segment(x),
        rows.offset(x) + RowLayout.VECTOR,
        rows.scale(x),
        rows.layout.codeDimension(),
        signs,
        sums);
    length = squaredLength;
    float t = sums[0] > 0 ? length / sums[0] : 0;
    f0 = length + 2 * t * sums[1];
    f1 = -2 * t;
  }
}
