package io.whimbrel.core.simd.panama;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
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

/// The kernels of the graph in registers of 256 or 128 bits.
///
/// Tables are looked up in 128 bits at either width: one sub-table of 16 entries is one register,
/// and its shuffle one instruction everywhere, where 32 bytes take several on an x86 without
/// AVX-512. Sums are kept as in [PanamaGraphKernels].
public final class NarrowGraphKernels implements GraphKernels {
  private static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, narrow(Width.SHAPE));
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, narrow(Width.SHAPE));
  private static final int LENGTH = FLOATS.length();
  private static final int REGISTER = FLOATS.vectorByteSize();
  private static final int LINE = 64;

  /// Rows are read eight values at a time, the fewest bytes of a vector.
  private static final VectorSpecies<Byte> EIGHT_BYTES = ByteVector.SPECIES_64;

  private static final int EIGHT = 8;
  private static final int PARTS = EIGHT / LENGTH;

  private static final VectorSpecies<Float> FOUR_FLOATS = FloatVector.SPECIES_128;
  private static final VectorSpecies<Integer> FOUR_INTS = IntVector.SPECIES_128;
  private static final int SUB_TABLE = 16;

  /// The sums of so many dimensions, a byte for every four, fit 16 bits.
  private static final int FOLD_DIMENSIONS = 1024;

  private static VectorShape narrow(VectorShape shape) {
    return shape.vectorBitSize() > 256 ? VectorShape.S_256_BIT : shape;
  }

  private static FloatVector floats(MemorySegment segment, long at) {
    return FloatVector.fromMemorySegment(FLOATS, segment, at, LITTLE_ENDIAN);
  }

  // ---------------------------------------------------------------------------------- rotation

  private static final VectorShuffle<Float> SWAP1 = swap(1);
  private static final VectorShuffle<Float> SWAP2 = swap(2);
  private static final VectorShuffle<Float> SWAP4 = swap(4 % LENGTH);
  private static final FloatVector SIGN1 = plusMinus(1);
  private static final FloatVector SIGN2 = plusMinus(2);
  private static final FloatVector SIGN4 = plusMinus(4);

  private static VectorShuffle<Float> swap(int bit) {
    return VectorShuffle.fromOp(FLOATS, i -> i ^ bit);
  }

  /// Plus one in the lanes whose number lacks `bit`, minus one in the others.
  private static FloatVector plusMinus(int bit) {
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
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
    for (int i = 0; i < x.length; i += LENGTH) {
      FloatVector.fromArray(FLOATS, x, i)
          .mul(FloatVector.fromArray(FLOATS, signs, i))
          .intoArray(x, i);
    }
  }

  private static void hadamard(float[] x, int from, int span) {
    float scale = (float) (1 / Math.sqrt(span));
    // The smallest butterflies lie within one register.
    for (int i = from; i < from + span; i += LENGTH) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, i).mul(scale);
      v = v.fma(SIGN1, v.rearrange(SWAP1));
      v = v.fma(SIGN2, v.rearrange(SWAP2));
      if (LENGTH > 4) {
        v = v.fma(SIGN4, v.rearrange(SWAP4));
      }
      v.intoArray(x, i);
    }
    for (int half = LENGTH; half < span; half <<= 1) {
      for (int i = from; i < from + span; i += 2 * half) {
        for (int j = i; j < i + half; j += LENGTH) {
          FloatVector a = FloatVector.fromArray(FLOATS, x, j);
          FloatVector b = FloatVector.fromArray(FLOATS, x, j + half);
          a.add(b).intoArray(x, j);
          a.sub(b).intoArray(x, j + half);
        }
      }
    }
  }

  // ------------------------------------------------------------------------------------- table

  @Override
  public void prepare(MemorySegment query, long offset, LookupTable table) {
    int bytes = Float.BYTES * table.dimension();
    MemorySegment values = query.asSlice(offset, bytes);
    FloatVector most = FloatVector.zero(FLOATS);
    FloatVector total = most;
    for (int i = 0; i < bytes; i += REGISTER) {
      FloatVector sizes = floats(values, i).lanewise(ABS);
      total = total.add(sizes);
      FloatVector pairs = sizes.add(sizes.rearrange(SWAP1));
      most = most.max(pairs.add(pairs.rearrange(SWAP2)));
    }
    float largest = most.reduceLanes(MAX);
    float step = largest > 0 ? 2 * largest / 255 : 1;
    table.scale(step, total.reduceLanes(ADD));
    entries(values, table.bytes(), bytes, 1 / step);
  }

  /// A float32 of this size has no fraction, so adding it rounds, and the low byte is the number.
  private static final float ROUNDING = 1 << 23;

  private static final FloatVector THIRD =
      FloatVector.fromArray(FOUR_FLOATS, new float[] {-1, 1, -1, 1}, 0);
  private static final FloatVector FOURTH =
      FloatVector.fromArray(FOUR_FLOATS, new float[] {-1, -1, 1, 1}, 0);

  /// Entry `4 j + k` is byte `k` of int `j`: the upper two values choose the lane, the lower two
  /// the byte.
  private static void entries(MemorySegment values, MemorySegment table, int bytes, float inverse) {
    for (int i = 0; i < bytes; i += SUB_TABLE) {
      float a = values.get(VALUE, i) * inverse;
      float b = values.get(VALUE, i + 4) * inverse;
      float c = values.get(VALUE, i + 8) * inverse;
      float d = values.get(VALUE, i + 12) * inverse;
      float size = Math.abs(a) + Math.abs(b) + Math.abs(c) + Math.abs(d);
      FloatVector upper = THIRD.mul(c).add(FOURTH.mul(d)).add(size);
      rounded(upper, -a - b)
          .or(rounded(upper, a - b).lanewise(LSHL, 8))
          .or(rounded(upper, b - a).lanewise(LSHL, 16))
          .or(rounded(upper, a + b).lanewise(LSHL, 24))
          .intoMemorySegment(table, i, LITTLE_ENDIAN);
    }
  }

  private static IntVector rounded(FloatVector upper, float lower) {
    return upper.add(lower).add(ROUNDING).reinterpretAsInts().and(0xff);
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
    int bytes = LookupTable.BYTES_PER_DIMENSION * table.dimension();
    MemorySegment lines = rows.asSlice(codes, bytes);
    MemorySegment terms = rows.asSlice(factors, (long) LANES * Integer.BYTES);
    if (table.dimension() > FOLD_DIMENSIONS) {
      return scanWide(lines, terms, table, base, bound, out, outAt);
    }
    ShortVector lowAll = ShortVector.zero(ShortVector.SPECIES_128);
    ShortVector lowUpper = lowAll;
    ShortVector highAll = lowAll;
    ShortVector highUpper = lowAll;
    for (int i = 0; i < bytes; i += SUB_TABLE) {
      ByteVector code = sixteen(lines, i);
      ByteVector entries = sixteen(table.bytes(), i);
      ShortVector low = low(code, entries);
      ShortVector high = high(code, entries);
      lowAll = lowAll.add(low);
      lowUpper = lowUpper.add(low.lanewise(LSHR, 8));
      highAll = highAll.add(high);
      highUpper = highUpper.add(high.lanewise(LSHR, 8));
    }
    return estimate(terms, table, base, bound, lowBytes(lowAll, lowUpper), out, outAt, 0)
        | estimate(terms, table, base, bound, lowBytes(highAll, highUpper), out, outAt, 4)
        | estimate(terms, table, base, bound, lowUpper.reinterpretAsInts(), out, outAt, 8)
        | estimate(terms, table, base, bound, highUpper.reinterpretAsInts(), out, outAt, 12);
  }

  private static ByteVector sixteen(MemorySegment segment, long at) {
    return ByteVector.fromMemorySegment(ByteVector.SPECIES_128, segment, at, LITTLE_ENDIAN);
  }

  private static ShortVector low(ByteVector code, ByteVector entries) {
    return code.and((byte) 15).selectFrom(entries).reinterpretAsShorts();
  }

  private static ShortVector high(ByteVector code, ByteVector entries) {
    return low(code.reinterpretAsShorts().lanewise(LSHR, 4).reinterpretAsBytes(), entries);
  }

  private static IntVector lowBytes(ShortVector all, ShortVector upper) {
    return all.sub(upper.lanewise(LSHL, 8)).reinterpretAsInts();
  }

  /// Estimates of the lanes `first` to `first + 3`, whose sums are the lower halves of `sums`, and
  /// of those 16 after them, whose sums are the upper halves.
  private static int estimate(
      MemorySegment terms,
      LookupTable table,
      float base,
      float bound,
      IntVector sums,
      float[] out,
      int outAt,
      int first) {
    return estimate(terms, table, base, bound, toFloats(sums.and(0xffff)), out, outAt, first)
        | estimate(
            terms, table, base, bound, toFloats(sums.lanewise(LSHR, 16)), out, outAt, first + 16);
  }

  private static FloatVector toFloats(IntVector sums) {
    return (FloatVector) sums.convert(I2F, 0);
  }

  private static int estimate(
      MemorySegment terms,
      LookupTable table,
      float base,
      float bound,
      FloatVector sums,
      float[] out,
      int outAt,
      int lane) {
    FloatVector products = sums.mul(table.step()).sub(table.bias());
    IntVector both = IntVector.fromMemorySegment(FOUR_INTS, terms, 4L * lane, LITTLE_ENDIAN);
    FloatVector f0 = both.and(0xffff0000).reinterpretAsFloats();
    FloatVector f1 = both.lanewise(LSHL, 16).reinterpretAsFloats();
    FloatVector estimates = products.fma(f1, f0.add(base));
    estimates.intoArray(out, outAt + lane);
    return (int) estimates.compare(LT, bound).toLong() << lane;
  }

  /// More dimensions than fit 16-bit sums: each half of each quarter in ints of its own.
  private static int scanWide(
      MemorySegment lines,
      MemorySegment terms,
      LookupTable table,
      float base,
      float bound,
      float[] out,
      int outAt) {
    int below = 0;
    int bytes = LookupTable.BYTES_PER_DIMENSION * table.dimension();
    for (int quarter = 0; quarter < 4; quarter++) {
      IntVector lower = IntVector.zero(FOUR_INTS);
      IntVector upper = lower;
      for (int i = 0; i < bytes; i += SUB_TABLE) {
        ByteVector code = sixteen(lines, i);
        ByteVector entries = sixteen(table.bytes(), i);
        // Quarters in order: even bytes of the low halves, of the high ones, then odd bytes.
        ShortVector looked = quarter % 2 == 0 ? low(code, entries) : high(code, entries);
        IntVector sums =
            (quarter < 2 ? looked.and((short) 0xff) : looked.lanewise(LSHR, 8)).reinterpretAsInts();
        lower = lower.add(sums.and(0xffff));
        upper = upper.add(sums.lanewise(LSHR, 16));
      }
      int first = 4 * quarter;
      below |=
          estimate(terms, table, base, bound, toFloats(lower), out, outAt, first)
              | estimate(terms, table, base, bound, toFloats(upper), out, outAt, first + 16);
    }
    return below;
  }

  @Override
  public void copyIds(MemorySegment rows, long ids, int[] out, int outAt) {
    MemorySegment from = rows.asSlice(ids, (long) LANES * Integer.BYTES);
    for (int i = 0; i < LANES; i += LENGTH) {
      IntVector.fromMemorySegment(INTS, from, 4L * i, LITTLE_ENDIAN).intoArray(out, outAt + i);
    }
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
    for (int i = LENGTH; i < count; i += LENGTH) {
      least = least.min(IntVector.fromArray(INTS, keys, i));
    }
    int key = least.reduceLanes(MIN);
    for (int i = 0; ; i += LENGTH) {
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
    for (int i = 0; i < count; i += LENGTH) {
      below += IntVector.fromArray(INTS, keys, i).compare(LT, bound).trueCount();
    }
    return below;
  }

  // ---------------------------------------------------------------------------------- distance

  private static ByteVector eight(MemorySegment row, long at) {
    return ByteVector.fromMemorySegment(EIGHT_BYTES, row, at, LITTLE_ENDIAN);
  }

  /// One part of eight values of a row, in steps of its scale.
  private static FloatVector steps(ByteVector eight, int part) {
    return (FloatVector) eight.convertShape(B2F, FLOATS, part);
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
    for (int i = 0; i < dimension; i += LINE_DIMENSIONS) {
      ByteVector first = eight(right, i);
      ByteVector second = eight(right, i + EIGHT);
      for (int part = 0; part < PARTS; part++) {
        long at = 4L * i + (long) part * REGISTER;
        FloatVector d = steps(first, part).fma(minus, floats(left, at));
        s0 = d.fma(d, s0);
        d = steps(second, part).fma(minus, floats(left, at + 4 * EIGHT));
        s1 = d.fma(d, s1);
      }
    }
    return s0.add(s1).reduceLanes(ADD);
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
    for (int i = 0; i < dimension; i += EIGHT) {
      ByteVector eight = eight(right, i);
      ShortVector rest =
          ShortVector.fromMemorySegment(ShortVector.SPECIES_128, fine, 2L * i, LITTLE_ENDIAN);
      for (int part = 0; part < PARTS; part++) {
        FloatVector remainder = (FloatVector) rest.convertShape(S2F, FLOATS, part);
        FloatVector x = steps(eight, part).add(remainder.mul(REMAINDER));
        FloatVector d = x.fma(minus, floats(left, 4L * i + (long) part * REGISTER));
        sum = d.fma(d, sum);
      }
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
      for (int i = 0; i < bytes; i += REGISTER) {
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
    for (int i = 0; i < dimension; i += EIGHT) {
      ByteVector eight = eight(from, i);
      for (int part = 0; part < PARTS; part++) {
        steps(eight, part)
            .mul(scale)
            .intoMemorySegment(to, 4L * i + (long) part * REGISTER, LITTLE_ENDIAN);
      }
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
    long bits = 0;
    for (int i = 0; i < dimension; i += EIGHT) {
      ByteVector eight = eight(neighbour, i);
      for (int part = 0; part < PARTS; part++) {
        FloatVector from = floats(centre, 4L * i + (long) part * REGISTER);
        FloatVector e = steps(eight, part).fma(scale, from.neg());
        sizes = sizes.add(e.lanewise(ABS));
        VectorMask<Float> plus = e.compare(GT, 0f);
        signed = signed.add(from.lanewise(NEG, plus.not()));
        bits |= plus.toLong() << i % LINE_DIMENSIONS + part * LENGTH;
      }
      if (i % LINE_DIMENSIONS != 0) {
        signs[i / LINE_DIMENSIONS] = (short) bits;
        bits = 0;
      }
    }
    sums[0] = sizes.reduceLanes(ADD);
    sums[1] = signed.reduceLanes(ADD);
  }
}
