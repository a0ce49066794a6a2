package io.whimbrel.core.simd.panama;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.BIT_COUNT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.ScalarCodeKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The kernels over quantised rows in vector registers of one width.
///
/// Per 64 codes of a byte the loop takes two multiplications, two shifts and four additions, per
/// 128 codes of half a byte four of each: at 512 bits, where Zen 4 begins two operations a cycle
/// and one of each of the first two kinds, 4 and 6 cycles; 5 and 7 are measured, in C++ with the
/// same operations too. C++ with VNNI is held by its loads: 2 and 3 cycles.
///
/// A loop over blocks takes its step from a field: C2 then does not count its turns, and leaves the
/// loop as it is, with a check of each load. Counted, a loop of few turns is taken apart into one
/// before, one unrolled and one after, around which are more instructions than within, or not,
/// depending on the length of the rows seen first: 8 ns instead of 4 for 384 bits, 15 instead of 11
/// for 384 bytes. A block of the query is a slice of constant size, which is checked once for all
/// its loads. Several rows of bytes or half bytes at once, or two steps written out, are not
/// faster.
public final class PanamaCodeKernels implements CodeKernels {
  private static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, Width.SHAPE);
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, Width.SHAPE);
  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, Width.SHAPE);
  private static final int REGISTER = Width.SHAPE.vectorBitSize() / Byte.SIZE;

  /// Four planes of one word fill 256 bits.
  private static final VectorSpecies<Long> PLANES_AT_ONCE =
      Width.SHAPE.vectorBitSize() > 256
          ? LongVector.SPECIES_256
          : VectorSpecies.of(long.class, Width.SHAPE);

  private static final boolean ALL_PLANES = PLANES_AT_ONCE.length() == PLANES;

  private static final LongVector PLANE_WEIGHT = LongVector.zero(PLANES_AT_ONCE).addIndex(1);

  /// The planes of two words fill a register.
  private static final boolean TWO_WORDS_AT_ONCE = Width.SHAPE == VectorShape.S_512_BIT;

  private static final VectorSpecies<Long> PLANES_OF_FOUR =
      TWO_WORDS_AT_ONCE ? LongVector.SPECIES_512 : LongVector.SPECIES_256;
  private static final VectorShuffle<Long> EACH_FOUR_TIMES =
      VectorShuffle.fromOp(PLANES_OF_FOUR, i -> i / PLANES);

  // Four rows end in one register: bits 16 * r and after of its lanes are of row r.
  private static final LongVector WEIGHT0 =
      LongVector.zero(PLANES_OF_FOUR).addIndex(1).and(PLANES - 1);
  private static final LongVector WEIGHT1 = WEIGHT0.add(16);
  private static final LongVector WEIGHT2 = WEIGHT0.add(32);
  private static final LongVector WEIGHT3 = WEIGHT0.add(48);

  /// Longest rows whose sums, at most 15 for each value, fit 16 bits.
  private static final int FIELD_BYTES_MAX = 512;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int INT8_QUERY_BLOCK = 3 * CodeKernels.INT8_BLOCK;
  private static final int INT4_BYTES = CodeKernels.INT4_BLOCK / 2;
  private static final int INT4_QUERY_BLOCK = 2 * CodeKernels.INT4_BLOCK;

  private static final boolean TABLE_FITS = Width.SHAPE == VectorShape.S_512_BIT;
  private static final int LOOKUP_STEP = 3 * LOOKUP_ROWS;

  private final CodeKernels scalar = new ScalarCodeKernels();

  // Steps of the loops over blocks, in bytes of a row; set here for C2 not to know them.
  private final int blockBytes;
  private final int bitsBytes;

  public PanamaCodeKernels() {
    blockBytes = INT8_BLOCK;
    bitsBytes = (TWO_WORDS_AT_ONCE ? 2 : 1) * Long.BYTES;
  }

  private static ShortVector codes(MemorySegment segment, long offset) {
    return bytes(segment, offset).reinterpretAsShorts();
  }

  private static ShortVector shorts(MemorySegment segment, long offset) {
    return ShortVector.fromMemorySegment(SHORTS, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  private static IntVector ints(MemorySegment segment, long offset) {
    return IntVector.fromMemorySegment(INTS, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void dotInt8(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt) {
    MemorySegment values = query.asSlice(0, 3L * paddedDim);
    int rest = query.get(INT, 3L * paddedDim);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, paddedDim);
      out[outAt + r] = rest + sumOfPairs(values, row, paddedDim, blockBytes);
    }
  }

  /// Sums of two products fill 16 bits, so two of them make one int whose halves are to be added.
  /// `all` adds whole ints and wraps around, `high` their upper halves: the lower ones are what is
  /// left of `all`. That is one operation less than to part the halves each time.
  private static int sumOfPairs(MemorySegment query, MemorySegment row, int paddedDim, int step) {
    IntVector all = IntVector.zero(INTS);
    IntVector high = all;
    for (int j = 0; j < INT8_BLOCK; j += REGISTER) {
      for (int i = 0; i < paddedDim; i += step) {
        MemorySegment values = query.asSlice(3L * i, INT8_QUERY_BLOCK);
        ShortVector codes = codes(row, i + j);
        IntVector pairs =
            codes
                .mul(shorts(values, j))
                .add(codes.lanewise(LSHR, 8).mul(shorts(values, INT8_BLOCK + j)))
                .add(shorts(values, 2 * INT8_BLOCK + j))
                .reinterpretAsInts();
        all = all.add(pairs);
        high = high.add(pairs.lanewise(LSHR, 16));
      }
    }
    return all.sub(high.lanewise(LSHL, 16)).add(high).reduceLanes(ADD);
  }

  @Override
  public void dotInt4(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt) {
    int bytes = paddedDim / 2;
    MemorySegment values = query.asSlice(0, 4L * bytes);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
      out[outAt + r] = sumOfEights(values, row, bytes, blockBytes);
    }
  }

  private static int sumOfEights(MemorySegment query, MemorySegment row, int bytes, int step) {
    IntVector sum = IntVector.zero(INTS);
    for (int j = 0; j < INT4_BYTES; j += REGISTER) {
      for (int i = 0; i < bytes; i += step) {
        MemorySegment values = query.asSlice(4L * i, INT4_QUERY_BLOCK);
        ShortVector codes = codes(row, i + j);
        IntVector eights =
            codes
                .reinterpretAsInts()
                .mul(ints(values, j))
                .add(shifted(codes, 4).mul(ints(values, INT4_BYTES + j)))
                .add(
                    shifted(codes, 8)
                        .mul(ints(values, 2 * INT4_BYTES + j))
                        .add(shifted(codes, 12).mul(ints(values, 3 * INT4_BYTES + j))));
        sum = sum.add(eights.lanewise(LSHR, 16));
      }
    }
    return sum.reduceLanes(ADD);
  }

  private static IntVector shifted(ShortVector codes, int bits) {
    return codes.lanewise(LSHR, bits).reinterpretAsInts();
  }

  @Override
  public void dotBits(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt) {
    int bytes = paddedDim / Byte.SIZE;
    MemorySegment planes = query.asSlice(0, (long) PLANES * bytes);
    int r = ALL_PLANES && bytes <= FIELD_BYTES_MAX ? count & -4 : 0;
    dotFours(planes, rows, offset, r, strideBytes, bytes, bitsBytes, out, outAt);
    for (; r < count; r++) {
      out[outAt + r] = dotBits(planes, rows.asSlice(offset + (long) r * strideBytes, bytes), bytes);
    }
  }

  /// Four rows share the loads of the query and the addition of the lanes.
  private static void dotFours(
      MemorySegment planes,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int bytes,
      int step,
      int[] out,
      int outAt) {
    for (int r = 0; r < count; r += 4) {
      long row = offset + (long) r * strideBytes;
      MemorySegment row0 = rows.asSlice(row, bytes);
      MemorySegment row1 = rows.asSlice(row + strideBytes, bytes);
      MemorySegment row2 = rows.asSlice(row + 2L * strideBytes, bytes);
      MemorySegment row3 = rows.asSlice(row + 3L * strideBytes, bytes);
      put(dotFour(planes, row0, row1, row2, row3, bytes, step), out, outAt + r);
    }
  }

  /// Four sums of 16 bits each.
  private static void put(long sums, int[] out, int at) {
    out[at] = (int) sums & 0xffff;
    out[at + 1] = (int) sums >>> 16;
    out[at + 2] = (int) (sums >>> 32) & 0xffff;
    out[at + 3] = (int) (sums >>> 48);
  }

  /// Below the 325 bytes up to which C2 inlines: not inlined, every slice is an object.
  private static long dotFour(
      MemorySegment planes,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      int step) {
    LongVector s0 = LongVector.zero(PLANES_OF_FOUR);
    LongVector s1 = s0;
    LongVector s2 = s0;
    LongVector s3 = s0;
    int i = 0;
    for (; i <= bytes - step; i += step) {
      LongVector q = planes(planes, PLANES * i);
      s0 = s0.add(ones(words(row0, i), q));
      s1 = s1.add(ones(words(row1, i), q));
      s2 = s2.add(ones(words(row2, i), q));
      s3 = s3.add(ones(words(row3, i), q));
    }
    if (i < bytes) {
      // An odd word meets its planes in one half, zeros in the other.
      LongVector q = (LongVector) longs(planes, PLANES * i).reinterpretShape(PLANES_OF_FOUR, 0);
      s0 = s0.add(ones(word(row0, i), q));
      s1 = s1.add(ones(word(row1, i), q));
      s2 = s2.add(ones(word(row2, i), q));
      s3 = s3.add(ones(word(row3, i), q));
    }
    return s0.lanewise(LSHL, WEIGHT0)
        .add(s1.lanewise(LSHL, WEIGHT1))
        .add(s2.lanewise(LSHL, WEIGHT2).add(s3.lanewise(LSHL, WEIGHT3)))
        .reduceLanes(ADD);
  }

  private static LongVector ones(LongVector words, LongVector query) {
    return words.and(query).lanewise(BIT_COUNT);
  }

  private static LongVector word(MemorySegment row, long offset) {
    return LongVector.broadcast(PLANES_OF_FOUR, row.get(LONG, offset));
  }

  private static LongVector planes(MemorySegment segment, long offset) {
    return LongVector.fromMemorySegment(PLANES_OF_FOUR, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  /// The words of a row that meet one register of planes, each in four lanes.
  private static LongVector words(MemorySegment row, long offset) {
    if (!TWO_WORDS_AT_ONCE) {
      return word(row, offset);
    }
    LongVector two =
        LongVector.fromMemorySegment(LongVector.SPECIES_128, row, offset, ByteOrder.LITTLE_ENDIAN);
    return ((LongVector) two.reinterpretShape(PLANES_OF_FOUR, 0)).rearrange(EACH_FOUR_TIMES);
  }

  private static int dotBits(MemorySegment planes, MemorySegment row, int bytes) {
    return ALL_PLANES ? dotAllPlanes(planes, row, bytes) : dotHalfPlanes(planes, row, bytes);
  }

  /// Two words a step, since a sum waits for the one before.
  private static int dotAllPlanes(MemorySegment planes, MemorySegment row, int bytes) {
    LongVector s0 = LongVector.zero(PLANES_AT_ONCE);
    LongVector s1 = s0;
    int i = 0;
    for (; i <= bytes - 2 * Long.BYTES; i += 2 * Long.BYTES) {
      int at = PLANES * i;
      s0 = s0.add(longs(planes, at).and(row.get(LONG, i)).lanewise(BIT_COUNT));
      long next = row.get(LONG, i + Long.BYTES);
      s1 = s1.add(longs(planes, at + PLANES * Long.BYTES).and(next).lanewise(BIT_COUNT));
    }
    for (; i < bytes; i += Long.BYTES) {
      s0 = s0.add(longs(planes, PLANES * i).and(row.get(LONG, i)).lanewise(BIT_COUNT));
    }
    return weighted(s0.add(s1));
  }

  private static int dotHalfPlanes(MemorySegment planes, MemorySegment row, int bytes) {
    LongVector low = LongVector.zero(PLANES_AT_ONCE);
    LongVector high = low;
    for (int i = 0; i < bytes; i += Long.BYTES) {
      long codes = row.get(LONG, i);
      int at = PLANES * i;
      low = low.add(longs(planes, at).and(codes).lanewise(BIT_COUNT));
      high = high.add(longs(planes, at + REGISTER).and(codes).lanewise(BIT_COUNT));
    }
    return weighted(low) + (weighted(high) << 2);
  }

  private static LongVector longs(MemorySegment segment, long offset) {
    return LongVector.fromMemorySegment(PLANES_AT_ONCE, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  private static int weighted(LongVector counts) {
    return (int) counts.lanewise(LSHL, PLANE_WEIGHT).reduceLanes(ADD);
  }

  @Override
  public void lookup64(
      MemorySegment tables, MemorySegment codes, long offset, int groups, short[] out, int outAt) {
    if (!TABLE_FITS) {
      scalar.lookup64(tables, codes, offset, groups, out, outAt);
      return;
    }
    int steps = groups / 4;
    MemorySegment entries = tables.asSlice(0, (long) steps * 4 * LOOKUP_ENTRIES);
    MemorySegment planes = codes.asSlice(offset, (long) steps * LOOKUP_STEP);
    ShortVector all = ShortVector.zero(SHORTS);
    ShortVector odd = all;
    for (int step = 0; step < steps; step++) {
      int table = step * 4 * LOOKUP_ENTRIES;
      ByteVector a = bytes(planes, step * LOOKUP_STEP);
      ByteVector b = bytes(planes, step * LOOKUP_STEP + LOOKUP_ROWS);
      ByteVector c = bytes(planes, step * LOOKUP_STEP + 2 * LOOKUP_ROWS);
      // Two entries are added in their bytes, then the bytes of even and odd rows are parted.
      ShortVector ab =
          a.selectFrom(bytes(entries, table))
              .add(b.selectFrom(bytes(entries, table + LOOKUP_ENTRIES)))
              .reinterpretAsShorts();
      ShortVector cd =
          c.selectFrom(bytes(entries, table + 2 * LOOKUP_ENTRIES))
              .add(topBits(a, b, c).selectFrom(bytes(entries, table + 3 * LOOKUP_ENTRIES)))
              .reinterpretAsShorts();
      all = all.add(ab).add(cd);
      odd = odd.add(ab.lanewise(LSHR, 8)).add(cd.lanewise(LSHR, 8));
    }
    all.sub(odd.lanewise(LSHL, 8)).intoArray(out, outAt);
    odd.intoArray(out, outAt + LOOKUP_ROWS / 2);
  }

  private static ByteVector bytes(MemorySegment segment, long offset) {
    return ByteVector.fromMemorySegment(BYTES, segment, offset, ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteVector topBits(ByteVector a, ByteVector b, ByteVector c) {
    IntVector fromA = a.reinterpretAsInts().lanewise(LSHR, 6).and(0x03030303);
    IntVector fromB = b.reinterpretAsInts().lanewise(LSHR, 4).and(0x0c0c0c0c);
    IntVector fromC = c.reinterpretAsInts().lanewise(LSHR, 2).and(0x30303030);
    return fromA.or(fromB).or(fromC).reinterpretAsBytes();
  }
}
