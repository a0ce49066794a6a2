package io.whimbrel.core.simd.panama;

import static jdk.incubator.vector.VectorOperators.ADD;

import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The kernels in vector registers of one width.
///
/// The width is a constant of the loaded class, because C2 turns vectors into registers only when
/// it knows their species. Tests load the class once more for each width they force.
///
/// Two sums at a time, eight registers a step: one sum is 45 % slower at 128 values, four gain
/// nothing below 768. The steps are written out and each row is a slice of its own, checked once,
/// because C2 drops the checks of single loads only against such plain bounds: together this scans
/// 1,000,000 rows of 128 values in 38 ns a row instead of 58 (35 in C). Rows are whole 64-byte
/// lines, so there is no tail within a register.
public final class PanamaKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES =
      species(System.getProperty(KernelProvider.PROPERTY, KernelProvider.AUTO));
  private static final int REGISTER = SPECIES.vectorByteSize();
  private static final int STEP = 8 * REGISTER;

  private static VectorSpecies<Float> species(String wanted) {
    return switch (wanted) {
      case KernelProvider.AUTO ->
          FloatVector.SPECIES_PREFERRED.vectorBitSize() > 512
              ? FloatVector.SPECIES_512
              : FloatVector.SPECIES_PREFERRED;
      case "512" -> FloatVector.SPECIES_512;
      case "256" -> FloatVector.SPECIES_256;
      case "128" -> FloatVector.SPECIES_128;
      default ->
          throw new IllegalArgumentException(
              KernelProvider.PROPERTY + ": " + wanted + " (expected: auto, scalar, 512, 256, 128)");
    };
  }

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
  public int vectorBits() {
    return SPECIES.vectorBitSize();
  }

  @Override
  public String describe() {
    return "panama " + vectorBits() + "-bit";
  }
}
