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
import jdk.incubator.vector.VectorSpecies;

/// The kernels over quantised rows in vector registers of one width.
///
/// The Vector API does not reach the byte dot product of AVX-512 VNNI. Instead each code meets its
/// query value in a 16-bit lane, and the sums are widened as late as they must be.
///
/// The loop over blocks is the innermost, with one register of each block at a time where a block
/// needs several: around a loop of one turn C2 keeps the checks of every load, and a row of 128
/// values takes 12 ns instead of 7. Several rows of int8 at once are slower than one after the
/// other, and so are two steps written out.
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

  /// Rows up to this are scored one by one.
  private static final int SHORT_BYTES = 48;

  private static final LongVector PLANE_WEIGHT = LongVector.zero(PLANES_AT_ONCE).addIndex(1);

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int HALF_BLOCK = CodeKernels.INT8_BLOCK;
  private static final int INT4_BYTES = CodeKernels.INT4_BLOCK / 2;

  /// Products of 15 * 255 that fit 16 bits, and the bytes of a row that add so many to a lane.
  private static final int INT4_PRODUCTS_MAX = 17;

  private static final int INT4_RUN = INT4_PRODUCTS_MAX / (64 / REGISTER) * INT4_BYTES;

  private static final boolean TABLE_FITS = Width.SHAPE == VectorShape.S_512_BIT;
  private static final int LOOKUP_STEP = 3 * LOOKUP_ROWS;

  private final CodeKernels scalar = new ScalarCodeKernels();

  private static ShortVector codes(MemorySegment segment, long offset) {
    return bytes(segment, offset).reinterpretAsShorts();
  }

  private static ShortVector shorts(MemorySegment segment, long offset) {
    return ShortVector.fromMemorySegment(SHORTS, segment, offset, ByteOrder.LITTLE_ENDIAN);
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
    MemorySegment values = query.asSlice(0, 2L * paddedDim);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, paddedDim);
      out[outAt + r] = dotInt8(values, row, paddedDim);
    }
  }

  /// A product of two bytes fills 16 bits, so two of them make one int whose halves are to be
  /// added. `all` adds whole ints and wraps around, `high` their upper halves: the lower ones are
  /// what is left of `all`. That is one operation less than to part the halves each time.
  private static int dotInt8(MemorySegment query, MemorySegment row, int paddedDim) {
    if (REGISTER < INT8_BLOCK) {
      return dotInt8InParts(query, row, paddedDim);
    }
    IntVector all = IntVector.zero(INTS);
    IntVector high = all;
    for (int i = 0; i < paddedDim; i += INT8_BLOCK) {
      ShortVector codes = codes(row, i);
      IntVector even = even(codes, shorts(query, 2 * i));
      IntVector odd = odd(codes, shorts(query, 2 * i + HALF_BLOCK));
      all = all.add(even).add(odd);
      high = high.add(even.lanewise(LSHR, 16)).add(odd.lanewise(LSHR, 16));
    }
    return sum(all, high);
  }

  /// The same with a block in several registers.
  private static int dotInt8InParts(MemorySegment query, MemorySegment row, int paddedDim) {
    IntVector all = IntVector.zero(INTS);
    IntVector high = all;
    for (int j = 0; j < INT8_BLOCK; j += REGISTER) {
      for (int i = 0; i < paddedDim; i += INT8_BLOCK) {
        ShortVector codes = codes(row, i + j);
        IntVector even = even(codes, shorts(query, 2 * i + j));
        IntVector odd = odd(codes, shorts(query, 2 * i + HALF_BLOCK + j));
        all = all.add(even).add(odd);
        high = high.add(even.lanewise(LSHR, 16)).add(odd.lanewise(LSHR, 16));
      }
    }
    return sum(all, high);
  }

  private static IntVector even(ShortVector codes, ShortVector query) {
    return codes.and((short) 255).mul(query).reinterpretAsInts();
  }

  private static IntVector odd(ShortVector codes, ShortVector query) {
    return codes.lanewise(LSHR, 8).mul(query).reinterpretAsInts();
  }

  private static int sum(IntVector all, IntVector high) {
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
    MemorySegment values = query.asSlice(0, 2L * paddedDim);
    for (int r = 0; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
      int sum = 0;
      for (int from = 0; from < bytes; from += INT4_RUN) {
        sum += dotInt4(values, row, from, Math.min(bytes, from + INT4_RUN));
      }
      out[outAt + r] = sum;
    }
  }

  /// The sum over so many bytes that no lane leaves its 16 bits.
  private static int dotInt4(MemorySegment query, MemorySegment row, int from, int to) {
    ShortVector s0 = ShortVector.zero(SHORTS);
    ShortVector s1 = s0;
    ShortVector s2 = s0;
    ShortVector s3 = s0;
    for (int j = 0; j < INT4_BYTES; j += REGISTER) {
      for (int i = from; i < to; i += INT4_BYTES) {
        int at = 4 * i + j;
        ShortVector codes = codes(row, i + j);
        s0 = s0.add(codes.and((short) 15).mul(shorts(query, at)));
        s1 = s1.add(codes.lanewise(LSHR, 4).and((short) 15).mul(shorts(query, at + INT4_BYTES)));
        s2 =
            s2.add(codes.lanewise(LSHR, 8).and((short) 15).mul(shorts(query, at + 2 * INT4_BYTES)));
        s3 = s3.add(codes.lanewise(LSHR, 12).mul(shorts(query, at + 3 * INT4_BYTES)));
      }
    }
    return widened(s0).add(widened(s1)).add(widened(s2).add(widened(s3))).reduceLanes(ADD);
  }

  private static IntVector widened(ShortVector unsigned) {
    IntVector pairs = unsigned.reinterpretAsInts();
    return pairs.and(0xffff).add(pairs.lanewise(LSHR, 16));
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
    int r = 0;
    for (; ALL_PLANES && bytes > SHORT_BYTES && r <= count - 4; r += 4) {
      dotBits(query, rows, offset + (long) r * strideBytes, strideBytes, bytes, out, outAt + r);
    }
    MemorySegment planes = query.asSlice(0, (long) PLANES * bytes);
    for (; r < count; r++) {
      out[outAt + r] = dotBits(planes, rows.asSlice(offset + (long) r * strideBytes, bytes), bytes);
    }
  }

  /// Four rows, which share the loads of the query. Slices of their own would be four objects here.
  private static void dotBits(
      MemorySegment planes,
      MemorySegment rows,
      long row0,
      int strideBytes,
      int bytes,
      int[] out,
      int at) {
    long row1 = row0 + strideBytes;
    long row2 = row1 + strideBytes;
    long row3 = row2 + strideBytes;
    LongVector s0 = LongVector.zero(PLANES_AT_ONCE);
    LongVector s1 = s0;
    LongVector s2 = s0;
    LongVector s3 = s0;
    for (int i = 0; i < bytes; i += Long.BYTES) {
      LongVector q = longs(planes, PLANES * i);
      s0 = s0.add(q.and(rows.get(LONG, row0 + i)).lanewise(BIT_COUNT));
      s1 = s1.add(q.and(rows.get(LONG, row1 + i)).lanewise(BIT_COUNT));
      s2 = s2.add(q.and(rows.get(LONG, row2 + i)).lanewise(BIT_COUNT));
      s3 = s3.add(q.and(rows.get(LONG, row3 + i)).lanewise(BIT_COUNT));
    }
    out[at] = weighted(s0);
    out[at + 1] = weighted(s1);
    out[at + 2] = weighted(s2);
    out[at + 3] = weighted(s3);
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
