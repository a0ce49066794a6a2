package io.whimbrel.core.simd.panama;

import static jdk.incubator.vector.VectorOperators.ADD;

import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The float32 kernels in vector registers of one width.
///
/// Two sums at a time, eight registers a step: one sum is 45 % slower at 128 values, four gain
/// nothing below 768. The steps are written out and each row is a slice of its own, checked once,
/// because C2 drops the checks of single loads only against such plain bounds: together this scans
/// 1,000,000 rows of 128 values in 31 to 45 ns a row instead of 55 to 58 (35 in C). Rows are whole
/// 64-byte lines, so there is no tail within a register.
///
/// Four rows at once halve the time on rows in the cache, but with them one loop is at the edge of
/// what C2 inlines; beyond it every vector is an object, a hundred times slower, in some runs and
/// not in others.
public final class PanamaKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES = VectorSpecies.of(float.class, Width.SHAPE);
  private static final int REGISTER = SPECIES.vectorByteSize();
  private static final int STEP = 8 * REGISTER;

  private final CodeKernels codes = new PanamaCodeKernels();
  private final GraphKernels graph =
      PanamaGraphKernels.FITS ? new PanamaGraphKernels() : new NarrowGraphKernels();
  private final MaxSimKernels maxSim = new PanamaMaxSimKernels();

  private static FloatVector load(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(SPECIES, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector product(MemorySegment a, MemorySegment b, int at, FloatVector sum) {
    return load(a, at).fma(load(b, at), sum);
  }

  private static FloatVector square(MemorySegment a, MemorySegment b, int at, FloatVector sum) {
    FloatVector difference = load(a, at).sub(load(b, at));
    return difference.fma(difference, sum);
  }

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
    int bytes = paddedDim * Float.BYTES;
    MemorySegment values = query.asSlice(0, bytes);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= bytes - STEP; i += STEP) {
        s0 = product(values, row, i, s0);
        s1 = product(values, row, i + REGISTER, s1);
        s0 = product(values, row, i + 2 * REGISTER, s0);
        s1 = product(values, row, i + 3 * REGISTER, s1);
        s0 = product(values, row, i + 4 * REGISTER, s0);
        s1 = product(values, row, i + 5 * REGISTER, s1);
        s0 = product(values, row, i + 6 * REGISTER, s0);
        s1 = product(values, row, i + 7 * REGISTER, s1);
      }
      for (; i < bytes; i += REGISTER) {
        s0 = product(values, row, i, s0);
      }
      out[outAt + r] = s0.add(s1).reduceLanes(ADD);
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
    int bytes = paddedDim * Float.BYTES;
    MemorySegment values = query.asSlice(0, bytes);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= bytes - STEP; i += STEP) {
        s0 = square(values, row, i, s0);
        s1 = square(values, row, i + REGISTER, s1);
        s0 = square(values, row, i + 2 * REGISTER, s0);
        s1 = square(values, row, i + 3 * REGISTER, s1);
        s0 = square(values, row, i + 4 * REGISTER, s0);
        s1 = square(values, row, i + 5 * REGISTER, s1);
        s0 = square(values, row, i + 6 * REGISTER, s0);
        s1 = square(values, row, i + 7 * REGISTER, s1);
      }
      for (; i < bytes; i += REGISTER) {
        s0 = square(values, row, i, s0);
      }
      out[outAt + r] = s0.add(s1).reduceLanes(ADD);
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
    int bytes = paddedDim * Float.BYTES;
    MemorySegment values = query.asSlice(0, bytes);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offsets[r], bytes);
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= bytes - STEP; i += STEP) {
        s0 = product(values, row, i, s0);
        s1 = product(values, row, i + REGISTER, s1);
        s0 = product(values, row, i + 2 * REGISTER, s0);
        s1 = product(values, row, i + 3 * REGISTER, s1);
        s0 = product(values, row, i + 4 * REGISTER, s0);
        s1 = product(values, row, i + 5 * REGISTER, s1);
        s0 = product(values, row, i + 6 * REGISTER, s0);
        s1 = product(values, row, i + 7 * REGISTER, s1);
      }
      for (; i < bytes; i += REGISTER) {
        s0 = product(values, row, i, s0);
      }
      out[outAt + r] = s0.add(s1).reduceLanes(ADD);
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
    int bytes = paddedDim * Float.BYTES;
    MemorySegment values = query.asSlice(0, bytes);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offsets[r], bytes);
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= bytes - STEP; i += STEP) {
        s0 = square(values, row, i, s0);
        s1 = square(values, row, i + REGISTER, s1);
        s0 = square(values, row, i + 2 * REGISTER, s0);
        s1 = square(values, row, i + 3 * REGISTER, s1);
        s0 = square(values, row, i + 4 * REGISTER, s0);
        s1 = square(values, row, i + 5 * REGISTER, s1);
        s0 = square(values, row, i + 6 * REGISTER, s0);
        s1 = square(values, row, i + 7 * REGISTER, s1);
      }
      for (; i < bytes; i += REGISTER) {
        s0 = square(values, row, i, s0);
      }
      out[outAt + r] = s0.add(s1).reduceLanes(ADD);
    }
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
    return SPECIES.vectorBitSize();
  }

  @Override
  public String describe() {
    return "panama " + vectorBits() + "-bit";
  }
}
