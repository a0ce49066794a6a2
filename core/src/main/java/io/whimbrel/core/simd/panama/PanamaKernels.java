package io.whimbrel.core.simd.panama;

import static jdk.incubator.vector.VectorOperators.ADD;

import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The float32 kernels in vector registers of one width.
///
/// Four rows at a time, each a slice of its own: a register of the query is loaded once for four
/// rows, the four sums do not wait for each other, and C2 drops the checks of loads only in such
/// plain loops against such plain bounds. With rows in the cache this takes 4.5, 7, 13 and 24 ns a
/// row of 128, 384, 768 and 1,536 values (2, 6, 12 and 23 in C); one row at a time in steps of
/// eight registers took 5, 14, 22 and 44. A row left over is summed in the same order, though that
/// is slower: equal rows should have equal scores wherever they lie. (They do once everything is
/// compiled; before, `reduceLanes` adds up lanes in another order.) More than this in one loop
/// exceeds what C2 inlines, and then every vector becomes an object. Rows are whole 64-byte lines,
/// so there is no tail within a register.
public final class PanamaKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES = VectorSpecies.of(float.class, Width.SHAPE);
  private static final int REGISTER = SPECIES.vectorByteSize();

  private final CodeKernels codes = new PanamaCodeKernels();

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
    MemorySegment values = query.asSlice(0, bytes);
    int r = 0;
    for (; r <= count - 4; r += 4) {
      long at = offset + (long) r * strideBytes;
      dot(
          values,
          rows.asSlice(at, bytes),
          rows.asSlice(at + strideBytes, bytes),
          rows.asSlice(at + 2L * strideBytes, bytes),
          rows.asSlice(at + 3L * strideBytes, bytes),
          bytes,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      out[outAt + r] = dot(values, rows.asSlice(offset + (long) r * strideBytes, bytes), bytes);
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
      dot(
          values,
          rows.asSlice(offsets[r], bytes),
          rows.asSlice(offsets[r + 1], bytes),
          rows.asSlice(offsets[r + 2], bytes),
          rows.asSlice(offsets[r + 3], bytes),
          bytes,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      out[outAt + r] = dot(values, rows.asSlice(offsets[r], bytes), bytes);
    }
  }

  private static void dot(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      float[] out,
      int at) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int i = 0; i < bytes; i += REGISTER) {
      FloatVector q = load(query, i);
      s0 = q.fma(load(row0, i), s0);
      s1 = q.fma(load(row1, i), s1);
      s2 = q.fma(load(row2, i), s2);
      s3 = q.fma(load(row3, i), s3);
    }
    out[at] = s0.reduceLanes(ADD);
    out[at + 1] = s1.reduceLanes(ADD);
    out[at + 2] = s2.reduceLanes(ADD);
    out[at + 3] = s3.reduceLanes(ADD);
  }

  private static float dot(MemorySegment query, MemorySegment row, int bytes) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = 0; i < bytes; i += REGISTER) {
      sum = load(query, i).fma(load(row, i), sum);
    }
    return sum.reduceLanes(ADD);
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
    int r = 0;
    for (; r <= count - 4; r += 4) {
      long at = offset + (long) r * strideBytes;
      squaredL2(
          values,
          rows.asSlice(at, bytes),
          rows.asSlice(at + strideBytes, bytes),
          rows.asSlice(at + 2L * strideBytes, bytes),
          rows.asSlice(at + 3L * strideBytes, bytes),
          bytes,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
      out[outAt + r] = squaredL2(values, row, bytes);
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
    int r = 0;
    for (; r <= count - 4; r += 4) {
      squaredL2(
          values,
          rows.asSlice(offsets[r], bytes),
          rows.asSlice(offsets[r + 1], bytes),
          rows.asSlice(offsets[r + 2], bytes),
          rows.asSlice(offsets[r + 3], bytes),
          bytes,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      out[outAt + r] = squaredL2(values, rows.asSlice(offsets[r], bytes), bytes);
    }
  }

  private static void squaredL2(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      float[] out,
      int at) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int i = 0; i < bytes; i += REGISTER) {
      FloatVector q = load(query, i);
      s0 = square(q.sub(load(row0, i)), s0);
      s1 = square(q.sub(load(row1, i)), s1);
      s2 = square(q.sub(load(row2, i)), s2);
      s3 = square(q.sub(load(row3, i)), s3);
    }
    out[at] = s0.reduceLanes(ADD);
    out[at + 1] = s1.reduceLanes(ADD);
    out[at + 2] = s2.reduceLanes(ADD);
    out[at + 3] = s3.reduceLanes(ADD);
  }

  private static float squaredL2(MemorySegment query, MemorySegment row, int bytes) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = 0; i < bytes; i += REGISTER) {
      sum = square(load(query, i).sub(load(row, i)), sum);
    }
    return sum.reduceLanes(ADD);
  }

  private static FloatVector square(FloatVector difference, FloatVector sum) {
    return difference.fma(difference, sum);
  }

  @Override
  public CodeKernels codes() {
    return codes;
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
