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
/// Rows anywhere go four at once: the query is loaded once, which pays for rows in the cache. The
/// loop over them takes its step from a field, see [PanamaCodeKernels], and its method stays below
/// the 325 bytes up to which C2 inlines; not inlined, each slice of a row is an object. Rows one
/// after the other do not: four near streams are slower than one.
public final class PanamaKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES = VectorSpecies.of(float.class, Width.SHAPE);
  private static final int REGISTER = SPECIES.vectorByteSize();
  private static final int STEP = 8 * REGISTER;

  private final CodeKernels codes = new PanamaCodeKernels();
  private final GraphKernels graph =
      PanamaGraphKernels.FITS ? new PanamaGraphKernels() : new NarrowGraphKernels();
  private final MaxSimKernels maxSim = new PanamaMaxSimKernels();

  /// Step of the loops of four rows; set in the constructor for C2 not to know it.
  private final int stepBytes;

  public PanamaKernels() {
    stepBytes = REGISTER;
  }

  private static FloatVector load(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(SPECIES, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector product(MemorySegment a, MemorySegment b, int at, FloatVector sum) {
    return load(a, at).fma(load(b, at), sum);
  }

  private static FloatVector square(MemorySegment a, MemorySegment b, int at, FloatVector sum) {
    return square(load(a, at), b, at, sum);
  }

  private static FloatVector product(FloatVector a, MemorySegment b, int at, FloatVector sum) {
    return a.fma(load(b, at), sum);
  }

  private static FloatVector square(FloatVector a, MemorySegment b, int at, FloatVector sum) {
    FloatVector difference = a.sub(load(b, at));
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
    int r = 0;
    for (; r <= count - 4; r += 4) {
      MemorySegment row0 = rows.asSlice(offsets[r], bytes);
      MemorySegment row1 = rows.asSlice(offsets[r + 1], bytes);
      MemorySegment row2 = rows.asSlice(offsets[r + 2], bytes);
      MemorySegment row3 = rows.asSlice(offsets[r + 3], bytes);
      dotFour(values, row0, row1, row2, row3, bytes, stepBytes, out, outAt + r);
    }
    for (; r < count; r++) {
      dot(query, rows, offsets[r], 1, bytes, paddedDim, out, outAt + r);
    }
  }

  private static void dotFour(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      int step,
      float[] out,
      int at) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int i = 0; i < bytes; i += step) {
      FloatVector values = load(query, i);
      s0 = product(values, row0, i, s0);
      s1 = product(values, row1, i, s1);
      s2 = product(values, row2, i, s2);
      s3 = product(values, row3, i, s3);
    }
    out[at] = s0.reduceLanes(ADD);
    out[at + 1] = s1.reduceLanes(ADD);
    out[at + 2] = s2.reduceLanes(ADD);
    out[at + 3] = s3.reduceLanes(ADD);
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
    int r = 0;
    for (; r <= count - 4; r += 4) {
      MemorySegment row0 = rows.asSlice(offsets[r], bytes);
      MemorySegment row1 = rows.asSlice(offsets[r + 1], bytes);
      MemorySegment row2 = rows.asSlice(offsets[r + 2], bytes);
      MemorySegment row3 = rows.asSlice(offsets[r + 3], bytes);
      squaredL2Four(values, row0, row1, row2, row3, bytes, stepBytes, out, outAt + r);
    }
    for (; r < count; r++) {
      squaredL2(query, rows, offsets[r], 1, bytes, paddedDim, out, outAt + r);
    }
  }

  private static void squaredL2Four(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      int step,
      float[] out,
      int at) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int i = 0; i < bytes; i += step) {
      FloatVector values = load(query, i);
      s0 = square(values, row0, i, s0);
      s1 = square(values, row1, i, s1);
      s2 = square(values, row2, i, s2);
      s3 = square(values, row3, i, s3);
    }
    out[at] = s0.reduceLanes(ADD);
    out[at + 1] = s1.reduceLanes(ADD);
    out[at + 2] = s2.reduceLanes(ADD);
    out[at + 3] = s3.reduceLanes(ADD);
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
