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
/// Two sums at a time: one is 45 % slower at 128 values, four gain nothing below 768 (Zen 4). Rows
/// are whole 64-byte lines, so there is no tail: at 512 bits one odd register may be left, at 256
/// and 128 bits none.
public final class PanamaKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES =
      species(System.getProperty(KernelProvider.PROPERTY, KernelProvider.AUTO));
  private static final int REGISTER = SPECIES.vectorByteSize();

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
    int pairs = bytes - 2 * REGISTER;
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= pairs; i += 2 * REGISTER) {
        s0 = load(rows, row + i).fma(load(query, i), s0);
        s1 = load(rows, row + i + REGISTER).fma(load(query, i + REGISTER), s1);
      }
      if (i < bytes) {
        s0 = load(rows, row + i).fma(load(query, i), s0);
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
    int pairs = bytes - 2 * REGISTER;
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = s0;
      int i = 0;
      for (; i <= pairs; i += 2 * REGISTER) {
        FloatVector d0 = load(rows, row + i).sub(load(query, i));
        FloatVector d1 = load(rows, row + i + REGISTER).sub(load(query, i + REGISTER));
        s0 = d0.fma(d0, s0);
        s1 = d1.fma(d1, s1);
      }
      if (i < bytes) {
        FloatVector d = load(rows, row + i).sub(load(query, i));
        s0 = d.fma(d, s0);
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
