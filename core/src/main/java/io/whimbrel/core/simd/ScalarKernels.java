package io.whimbrel.core.simd;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;

import java.lang.foreign.MemorySegment;

/// The kernels in plain Java: the meaning of the fast ones, and their stand-in.
///
/// Four sums at a time, since one sum would wait for each addition before it starts the next.
public final class ScalarKernels implements Kernels {
  private static final int STEP = 4 * Float.BYTES;

  private final CodeKernels codes = new ScalarCodeKernels();
  private final GraphKernels graph = new ScalarGraphKernels();
  private final MaxSimKernels maxSim = new ScalarMaxSimKernels();

  @Override
  public void dot(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      float[] out,
      int outAt) {
    for (int r = 0; r < count; r++) {
      out[outAt + r] = dot(query, rows, offset + (long) r * strideBytes, paddedDim);
    }
  }

  @Override
  public void dotAt(
      MemorySegment query,
      MemorySegment rows,
      long[] offsets,
      int count,
      int paddedDim,
      float[] out,
      int outAt) {
    for (int r = 0; r < count; r++) {
      out[outAt + r] = dot(query, rows, offsets[r], paddedDim);
    }
  }

  @Override
  public void squaredL2(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      float[] out,
      int outAt) {
    for (int r = 0; r < count; r++) {
      out[outAt + r] = squaredL2(query, rows, offset + (long) r * strideBytes, paddedDim);
    }
  }

  @Override
  public void squaredL2At(
      MemorySegment query,
      MemorySegment rows,
      long[] offsets,
      int count,
      int paddedDim,
      float[] out,
      int outAt) {
    for (int r = 0; r < count; r++) {
      out[outAt + r] = squaredL2(query, rows, offsets[r], paddedDim);
    }
  }

  private static float dot(MemorySegment query, MemorySegment rows, long row, int paddedDim) {
    int bytes = paddedDim * Float.BYTES;
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    for (int i = 0; i < bytes; i += STEP) {
      s0 += query.get(VALUE, i) * rows.get(VALUE, row + i);
      s1 += query.get(VALUE, i + 4) * rows.get(VALUE, row + i + 4);
      s2 += query.get(VALUE, i + 8) * rows.get(VALUE, row + i + 8);
      s3 += query.get(VALUE, i + 12) * rows.get(VALUE, row + i + 12);
    }
    return (s0 + s1) + (s2 + s3);
  }

  private static float squaredL2(MemorySegment query, MemorySegment rows, long row, int paddedDim) {
    int bytes = paddedDim * Float.BYTES;
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    for (int i = 0; i < bytes; i += STEP) {
      float d0 = query.get(VALUE, i) - rows.get(VALUE, row + i);
      float d1 = query.get(VALUE, i + 4) - rows.get(VALUE, row + i + 4);
      float d2 = query.get(VALUE, i + 8) - rows.get(VALUE, row + i + 8);
      float d3 = query.get(VALUE, i + 12) - rows.get(VALUE, row + i + 12);
      s0 += d0 * d0;
      s1 += d1 * d1;
      s2 += d2 * d2;
      s3 += d3 * d3;
    }
    return (s0 + s1) + (s2 + s3);
  }

  @Override
  public CodeKernels codes() {
    return codes;
  }

  @Override
  public GraphKernels graph() {
    return graph;
  }

  @Override
  public MaxSimKernels maxSim() {
    return maxSim;
  }

  @Override
  public int vectorBits() {
    return 0;
  }

  @Override
  public String describe() {
    return "scalar";
  }
}
