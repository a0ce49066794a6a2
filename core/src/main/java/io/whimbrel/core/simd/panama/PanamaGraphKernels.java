package io.whimbrel.core.simd.panama;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;
import static jdk.incubator.vector.VectorOperators.NEG;
import static jdk.incubator.vector.VectorOperators.S2F;

import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.LookupTable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The kernels of the graph in 512-bit registers.
///
/// A line of codes and its 64 table bytes fill one register each; a byte of code becomes an index
/// into its own 16 entries by the offset of its 16-byte part, so one shuffle looks up 64
/// neighbours' entries. Sums stay in 16 bits for up to [#FOLD_DIMENSIONS] dimensions. Whole 16-bit
/// lanes are added with both their bytes, and the upper bytes once more alone: the lower bytes' sum
/// is the difference, exact modulo 2^16.
public final class PanamaGraphKernels implements GraphKernels {
  /// Whether the machine, or the width that was asked for, has registers for the 64-byte tables.
  static final boolean FITS = Width.SHAPE == VectorShape.S_512_BIT;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_512;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final int LINE = 64;

  /// The four parts of a register, each a sum of up to 64 bytes of 255, are added in 16 bits.
  private static final int FOLD_DIMENSIONS = 1024;

  private static final ByteVector PART_OFFSET = partOffset();

  private static ByteVector partOffset() {
    byte[] offsets = new byte[LINE];
    for (int i = 0; i < LINE; i++) {
      offsets[i] = (byte) (i & 0x30);
    }
    return ByteVector.fromArray(BYTES, offsets, 0);
  }

  private static FloatVector floats(MemorySegment segment, long at) {
    return FloatVector.fromMemorySegment(FLOATS, segment, at, LITTLE_ENDIAN);
  }

  // ---------------------------------------------------------------------------------- rotation

  private static final VectorShuffle<Float> SWAP1 = swap(1);
  private static final VectorShuffle<Float> SWAP2 = swap(2);
  private static final VectorShuffle<Float> SWAP4 = swap(4);
  private static final VectorShuffle<Float> SWAP8 = swap(8);
  private static final FloatVector SIGN1 = plusMinus(1);
  private static final FloatVector SIGN2 = plusMinus(2);
  private static final FloatVector SIGN4 = plusMinus(4);
  private static final FloatVector SIGN8 = plusMinus(8);

  private static VectorShuffle<Float> swap(int bit) {
    return VectorShuffle.fromOp(FLOATS, i -> i ^ bit);
  }

  /// Plus one in the lanes whose number lacks `bit`, minus one in the others.
  private static FloatVector plusMinus(int bit) {
    float[] values = new float[16];
    for (int i = 0; i < 16; i++) {
      values[i] = (i & bit) == 0 ? 1 : -1;
    }
    return FloatVector.fromArray(FLOATS, values, 0);
  }

  @Override
  public void rotate(float[] x, float[][] signs) {
    int span = Integer.highestOneBit(x.length);
    for (int round = 0; round < signs.length; round++) {
      flip(x, signs[round]);
      hadamard(x, round % 2 == 0 ? 0 : x.length - span, span);
    }
  }

  @Override
  public void rotateBack(float[] x, float[][] signs) {
    int span = Integer.highestOneBit(x.length);
    for (int round = signs.length - 1; round >= 0; round--) {
      hadamard(x, round % 2 == 0 ? 0 : x.length - span, span);
      flip(x, signs[round]);
    }
  }

  private static void flip(float[] x, float[] signs) {
    for (int i = 0; i < x.length; i += 16) {
      FloatVector.fromArray(FLOATS, x, i)
          .mul(FloatVector.fromArray(FLOATS, signs, i))
          .intoArray(x, i);
    }
  }

  private static void hadamard(float[] x, int from, int span) {
    float scale = (float) (1 / Math.sqrt(span));
    // The four smallest butterflies lie within one register.
    for (int i = from; i < from + span; i += 16) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, i).mul(scale);
      v = v.fma(SIGN1, v.rearrange(SWAP1));
      v = v.fma(SIGN2, v.rearrange(SWAP2));
      v = v.fma(SIGN4, v.rearrange(SWAP4));
      v = v.fma(SIGN8, v.rearrange(SWAP8));
      v.intoArray(x, i);
    }
    for (int half = 16; half < span; half <<= 1) {
      for (int i = from; i < from + span; i += 2 * half) {
        for (int j = i; j < i + half; j += 16) {
          FloatVector a = FloatVector.fromArray(FLOATS, x, j);
          FloatVector b = FloatVector.fromArray(FLOATS, x, j + half);
          a.add(b).intoArray(x, j);
          a.sub(b).intoArray(x, j + half);
        }
      }
    }
  }

  // ------------------------------------------------------------------------------------- table

  /// Sums of four neighbouring lanes, in each of the four.
  private static FloatVector fours(FloatVector v) {
    FloatVector pairs = v.add(v.rearrange(SWAP1));
    return pairs.add(pairs.rearrange(SWAP2));
  }

  @Override
  public void prepare(MemorySegment query, long offset, LookupTable table) {
    int bytes = Float.BYTES * table.dimension();
    MemorySegment values = query.asSlice(offset, bytes);
    FloatVector most = FloatVector.zero(FLOATS);
    FloatVector total = most;
    for (int i = 0; i < bytes; i += LINE) {
      FloatVector sizes = floats(values, i).lanewise(ABS);
      total = total.add(sizes);
      most = most.max(fours(sizes));
    }
    float largest = most.reduceLanes(MAX);
    float step = largest > 0 ? 2 * largest / 255 : 1;
    table.scale(step, total.reduceLanes(ADD));
    entries(values, table.bytes(), bytes, 1 / step);
  }

  /// A float32 of this size has no fraction, so adding it rounds, and the low byte is the number.
  /// Cheaper than a conversion, which looks for NaN.
  private static final float ROUNDING = 1 << 23;

  private static void entries(MemorySegment values, MemorySegment table, int bytes, float inverse) {
    for (int i = 0; i < bytes; i += 16) {
      float a = values.get(VALUE, i) * inverse;
      float b = values.get(VALUE, i + 4) * inverse;
      float c = values.get(VALUE, i + 8) * inverse;
      float d = values.get(VALUE, i + 12) * inverse;
      float size = Math.abs(a) + Math.abs(b) + Math.abs(c) + Math.abs(d);
      FloatVector sums =
          FloatVector.broadcast(FLOATS, size)
              .sub(SIGN1.mul(a))
              .sub(SIGN2.mul(b))
              .sub(SIGN4.mul(c))
              .sub(SIGN8.mul(d))
              .add(ROUNDING);
      IntVector rounded = sums.reinterpretAsInts();
      ((ByteVector) rounded.convertShape(I2B, ByteVector.SPECIES_128, 0))
          .intoMemorySegment(table, i, LITTLE_ENDIAN);
    }
  }

  // -------------------------------------------------------------------------------------- scan

  @Override
  public int scan(
      MemorySegment rows,
      long codes,
      long factors,
      LookupTable table,
      float base,
      float bound,
      float[] out,
      int outAt) {
    int dimension = table.dimension();
    MemorySegment lines = rows.asSlice(codes, 4L * dimension);
    if (dimension > FOLD_DIMENSIONS) {
      return scanWide(rows, lines, factors, table, base, bound, out, outAt);
    }
    IntVector sums = sum(lines, table.bytes(), 0, 4 * dimension).reinterpretAsInts();
    return estimate(rows, factors, table, base, bound, toFloats(sums.and(0xffff)), out, outAt)
        | estimate(
                rows,
                factors + LINE,
                table,
                base,
                bound,
                toFloats(sums.lanewise(LSHR, 16)),
                out,
                outAt + 16)
            << 16;
  }

  private static FloatVector toFloats(IntVector sums) {
    return (FloatVector) sums.convert(I2F, 0);
  }

  /// Adds the table bytes of each lane over the bytes `[from, to)` of the lines. Lane `k` of the 32
  /// is the lower half of int `k`, or the upper half of int `k - 16`.
  private static ShortVector sum(MemorySegment codes, MemorySegment table, int from, int to) {
    ShortVector lowAll = ShortVector.zero(SHORTS);
    ShortVector lowUpper = lowAll;
    ShortVector highAll = lowAll;
    ShortVector highUpper = lowAll;
    for (int i = from; i < to; i += LINE) {
      ByteVector code = ByteVector.fromMemorySegment(BYTES, codes, i, LITTLE_ENDIAN);
      ByteVector entries = ByteVector.fromMemorySegment(BYTES, table, i, LITTLE_ENDIAN);
      ShortVector low =
          code.and((byte) 15).or(PART_OFFSET).selectFrom(entries).reinterpretAsShorts();
      ShortVector high =
          code.reinterpretAsShorts()
              .lanewise(LSHR, 4)
              .reinterpretAsBytes()
              .and((byte) 15)
              .or(PART_OFFSET)
              .selectFrom(entries)
              .reinterpretAsShorts();
      lowAll = lowAll.add(low);
      lowUpper = lowUpper.add(low.lanewise(LSHR, 8));
      highAll = highAll.add(high);
      highUpper = highUpper.add(high.lanewise(LSHR, 8));
    }
    return fold(
        lowAll.sub(lowUpper.lanewise(LSHL, 8)),
        highAll.sub(highUpper.lanewise(LSHL, 8)),
        lowUpper,
        highUpper);
  }

  private static final VectorShuffle<Short> SWAP_HALVES = VectorShuffle.fromOp(SHORTS, i -> i ^ 16);
  private static final VectorShuffle<Short> SWAP_QUARTERS =
      VectorShuffle.fromOp(SHORTS, i -> i ^ 8);
  private static final VectorMask<Short> UPPER_HALF = VectorMask.fromLong(SHORTS, 0xffff0000L);
  private static final VectorMask<Short> ODD_QUARTERS = VectorMask.fromLong(SHORTS, 0xff00ff00L);

  /// The sums of the four quarters of `a`, `b`, `c` and `d`, as the quarters of one register.
  private static ShortVector fold(ShortVector a, ShortVector b, ShortVector c, ShortVector d) {
    ShortVector ac = a.blend(c, UPPER_HALF).add(c.blend(a, UPPER_HALF).rearrange(SWAP_HALVES));
    ShortVector bd = b.blend(d, UPPER_HALF).add(d.blend(b, UPPER_HALF).rearrange(SWAP_HALVES));
    return ac.blend(bd, ODD_QUARTERS).add(bd.blend(ac, ODD_QUARTERS).rearrange(SWAP_QUARTERS));
  }

  private static int estimate(
      MemorySegment rows,
      long factors,
      LookupTable table,
      float base,
      float bound,
      FloatVector sums,
      float[] out,
      int outAt) {
    FloatVector products = sums.mul(table.step()).sub(table.bias());
    IntVector both = IntVector.fromMemorySegment(INTS, rows, factors, LITTLE_ENDIAN);
    FloatVector f0 = both.and(0xffff0000).reinterpretAsFloats();
    FloatVector f1 = both.lanewise(LSHL, 16).reinterpretAsFloats();
    FloatVector estimates = products.fma(f1, f0.add(base));
    estimates.intoArray(out, outAt);
    return (int) estimates.compare(LT, bound).toLong();
  }

  /// More dimensions than fit 16-bit sums: added piece by piece.
  private static int scanWide(
      MemorySegment rows,
      MemorySegment lines,
      long factors,
      LookupTable table,
      float base,
      float bound,
      float[] out,
      int outAt) {
    int bytes = 4 * table.dimension();
    IntVector lower = IntVector.zero(INTS);
    IntVector upper = lower;
    for (int from = 0; from < bytes; from += 4 * FOLD_DIMENSIONS) {
      int to = Math.min(bytes, from + 4 * FOLD_DIMENSIONS);
      IntVector sums = sum(lines, table.bytes(), from, to).reinterpretAsInts();
      lower = lower.add(sums.and(0xffff));
      upper = upper.add(sums.lanewise(LSHR, 16));
    }
    return estimate(rows, factors, table, base, bound, toFloats(lower), out, outAt)
        | estimate(rows, factors + LINE, table, base, bound, toFloats(upper), out, outAt + 16)
            << 16;
  }

  @Override
  public void copyIds(MemorySegment rows, long ids, int[] out, int outAt) {
    IntVector.fromMemorySegment(INTS, rows, ids, LITTLE_ENDIAN).intoArray(out, outAt);
    IntVector.fromMemorySegment(INTS, rows, ids + LINE, LITTLE_ENDIAN).intoArray(out, outAt + 16);
  }

  @Override
  public int touch(MemorySegment rows, long at, int bytes) {
    MemorySegment lines = rows.asSlice(at, bytes);
    int words = 0;
    for (int i = 0; i < bytes; i += LINE) {
      words ^= lines.get(ValueLayout.JAVA_INT, i);
    }
    return words;
  }

  // -------------------------------------------------------------------------------------- beam

  private static final IntVector LAST = IntVector.broadcast(INTS, Integer.MAX_VALUE);

  @Override
  public int least(int[] keys, int count) {
    LAST.intoArray(keys, count);
    IntVector least = IntVector.fromArray(INTS, keys, 0);
    for (int i = 16; i < count; i += 16) {
      least = least.min(IntVector.fromArray(INTS, keys, i));
    }
    int key = least.reduceLanes(MIN);
    for (int i = 0; ; i += 16) {
      long equal = IntVector.fromArray(INTS, keys, i).compare(EQ, key).toLong();
      if (equal != 0) {
        return i + Long.numberOfTrailingZeros(equal);
      }
    }
  }

  @Override
  public int countBelow(int[] keys, int count, int bound) {
    LAST.intoArray(keys, count);
    int below = 0;
    for (int i = 0; i < count; i += 16) {
      below += IntVector.fromArray(INTS, keys, i).compare(LT, bound).trueCount();
    }
    return below;
  }

  // ---------------------------------------------------------------------------------- distance

  /// Sixteen values of a row, in steps of its scale.
  private static FloatVector steps(MemorySegment row, long at) {
    return (FloatVector)
        ByteVector.fromMemorySegment(ByteVector.SPECIES_128, row, at, LITTLE_ENDIAN)
            .convertShape(B2F, FLOATS, 0);
  }

  @Override
  public float squaredL2(
      MemorySegment query,
      long queryAt,
      MemorySegment row,
      long rowAt,
      float scale,
      int dimension) {
    MemorySegment left = query.asSlice(queryAt, 4L * dimension);
    MemorySegment right = row.asSlice(rowAt, dimension);
    FloatVector minus = FloatVector.broadcast(FLOATS, -scale);
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    int i = 0;
    for (; i <= dimension - 32; i += 32) {
      FloatVector d = steps(right, i).fma(minus, floats(left, 4L * i));
      s0 = d.fma(d, s0);
      d = steps(right, i + 16).fma(minus, floats(left, 4L * i + LINE));
      s1 = d.fma(d, s1);
    }
    if (i < dimension) {
      FloatVector d = steps(right, i).fma(minus, floats(left, 4L * i));
      s0 = d.fma(d, s0);
    }
    return s0.add(s1).reduceLanes(ADD);
  }

  /// Sixteen remainders, in steps of the row's scale.
  private static FloatVector remainders(MemorySegment remainders, long at) {
    return ((FloatVector)
            ShortVector.fromMemorySegment(ShortVector.SPECIES_256, remainders, at, LITTLE_ENDIAN)
                .convertShape(S2F, FLOATS, 0))
        .mul(REMAINDER);
  }

  @Override
  public float squaredL2(
      MemorySegment query,
      long queryAt,
      MemorySegment row,
      long rowAt,
      float scale,
      MemorySegment remainders,
      long remaindersAt,
      int dimension) {
    MemorySegment left = query.asSlice(queryAt, 4L * dimension);
    MemorySegment right = row.asSlice(rowAt, dimension);
    MemorySegment fine = remainders.asSlice(remaindersAt, 2L * dimension);
    FloatVector minus = FloatVector.broadcast(FLOATS, -scale);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < dimension; i += 16) {
      FloatVector x = steps(right, i).add(remainders(fine, 2L * i));
      FloatVector d = x.fma(minus, floats(left, 4L * i));
      sum = d.fma(d, sum);
    }
    return sum.reduceLanes(ADD);
  }

  /// Two rows a turn: they share the reads of `x`, and their sums do not wait for each other.
  @Override
  public int firstWithin(
      MemorySegment x,
      long xAt,
      MemorySegment rows,
      int count,
      int dimension,
      float squaredDistance,
      float[] distance) {
    int bytes = Float.BYTES * dimension;
    MemorySegment left = x.asSlice(xAt, bytes);
    for (int row = 0; row < count; row += 2) {
      // An odd last row is its own partner.
      long second = row + 1 < count ? bytes : 0;
      MemorySegment pair = rows.asSlice((long) row * bytes, bytes + second);
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = s0;
      for (int i = 0; i < bytes; i += LINE) {
        FloatVector value = floats(left, i);
        FloatVector d0 = value.sub(floats(pair, i));
        FloatVector d1 = value.sub(floats(pair, i + second));
        s0 = d0.fma(d0, s0);
        s1 = d1.fma(d1, s1);
      }
      float least = s0.reduceLanes(ADD);
      if (least <= squaredDistance) {
        distance[0] = least;
        return row;
      }
      least = s1.reduceLanes(ADD);
      if (least <= squaredDistance) {
        distance[0] = least;
        return row + 1;
      }
    }
    return -1;
  }

  @Override
  public void decode(
      MemorySegment row, long rowAt, float scale, int dimension, MemorySegment out, long outAt) {
    MemorySegment from = row.asSlice(rowAt, dimension);
    MemorySegment to = out.asSlice(outAt, 4L * dimension);
    for (int i = 0; i < dimension; i += 16) {
      steps(from, i).mul(scale).intoMemorySegment(to, 4L * i, LITTLE_ENDIAN);
    }
  }

  @Override
  public void residual(
      MemorySegment c,
      long cAt,
      MemorySegment x,
      long xAt,
      float xScale,
      int dimension,
      short[] signs,
      float[] sums) {
    MemorySegment centre = c.asSlice(cAt, 4L * dimension);
    MemorySegment neighbour = x.asSlice(xAt, dimension);
    FloatVector scale = FloatVector.broadcast(FLOATS, xScale);
    FloatVector sizes = FloatVector.zero(FLOATS);
    FloatVector signed = sizes;
    for (int i = 0; i < dimension; i += 16) {
      FloatVector from = floats(centre, 4L * i);
      FloatVector e = steps(neighbour, i).fma(scale, from.neg());
      sizes = sizes.add(e.lanewise(ABS));
      VectorMask<Float> plus = e.compare(GT, 0f);
      signed = signed.add(from.lanewise(NEG, plus.not()));
      signs[i / 16] = (short) plus.toLong();
    }
    sums[0] = sizes.reduceLanes(ADD);
    sums[1] = signed.reduceLanes(ADD);
  }
}
