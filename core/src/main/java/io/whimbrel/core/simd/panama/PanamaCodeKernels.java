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
/// query value in a 16-bit lane, and the sums are widened as late as they must be. Two rows of int8
/// or four of bits at a time share the loads of the query; four of int8 or two of 4 bits exceed
/// what C2 inlines, and then every vector becomes an object, ten times slower.
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
    int r = 0;
    for (; r <= count - 2; r += 2) {
      long at = offset + (long) r * strideBytes;
      dotInt8(
          values,
          rows.asSlice(at, paddedDim),
          rows.asSlice(at + strideBytes, paddedDim),
          paddedDim,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, paddedDim);
      out[outAt + r] = dotInt8(values, row, paddedDim);
    }
  }

  // A product of two bytes fills 16 bits, so two of them make one int whose halves are to be added.
  // `all` adds whole ints and wraps around, `high` their upper halves: the lower ones are what is
  // left of `all`. That is one operation less than to part the halves each time.

  private static void dotInt8(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      int paddedDim,
      int[] out,
      int at) {
    IntVector all0 = IntVector.zero(INTS);
    IntVector all1 = all0;
    IntVector high0 = all0;
    IntVector high1 = all0;
    for (int i = 0; i < paddedDim; i += INT8_BLOCK) {
      for (int j = 0; j < INT8_BLOCK; j += REGISTER) {
        ShortVector q0 = shorts(query, 2 * i + j);
        ShortVector q1 = shorts(query, 2 * i + HALF_BLOCK + j);
        ShortVector codes0 = codes(row0, i + j);
        ShortVector codes1 = codes(row1, i + j);
        IntVector even0 = even(codes0, q0);
        IntVector even1 = even(codes1, q0);
        IntVector odd0 = odd(codes0, q1);
        IntVector odd1 = odd(codes1, q1);
        all0 = all0.add(even0).add(odd0);
        all1 = all1.add(even1).add(odd1);
        high0 = high0.add(even0.lanewise(LSHR, 16)).add(odd0.lanewise(LSHR, 16));
        high1 = high1.add(even1.lanewise(LSHR, 16)).add(odd1.lanewise(LSHR, 16));
      }
    }
    out[at] = sum(all0, high0);
    out[at + 1] = sum(all1, high1);
  }

  private static int dotInt8(MemorySegment query, MemorySegment row, int paddedDim) {
    IntVector all = IntVector.zero(INTS);
    IntVector high = all;
    for (int i = 0; i < paddedDim; i += INT8_BLOCK) {
      for (int j = 0; j < INT8_BLOCK; j += REGISTER) {
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
    for (int i = from; i < to; i += INT4_BYTES) {
      for (int j = 0; j < INT4_BYTES; j += REGISTER) {
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
    MemorySegment planes = query.asSlice(0, (long) PLANES * bytes);
    int r = 0;
    for (; ALL_PLANES && r <= count - 4; r += 4) {
      long at = offset + (long) r * strideBytes;
      dotBits(
          planes,
          rows.asSlice(at, bytes),
          rows.asSlice(at + strideBytes, bytes),
          rows.asSlice(at + 2L * strideBytes, bytes),
          rows.asSlice(at + 3L * strideBytes, bytes),
          bytes,
          out,
          outAt + r);
    }
    for (; r < count; r++) {
      out[outAt + r] = dotBits(planes, rows.asSlice(offset + (long) r * strideBytes, bytes), bytes);
    }
  }

  private static void dotBits(
      MemorySegment planes,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      int[] out,
      int at) {
    LongVector s0 = LongVector.zero(PLANES_AT_ONCE);
    LongVector s1 = s0;
    LongVector s2 = s0;
    LongVector s3 = s0;
    for (int i = 0; i < bytes; i += Long.BYTES) {
      LongVector q = longs(planes, PLANES * i);
      s0 = s0.add(q.and(row0.get(LONG, i)).lanewise(BIT_COUNT));
      s1 = s1.add(q.and(row1.get(LONG, i)).lanewise(BIT_COUNT));
      s2 = s2.add(q.and(row2.get(LONG, i)).lanewise(BIT_COUNT));
      s3 = s3.add(q.and(row3.get(LONG, i)).lanewise(BIT_COUNT));
    }
    out[at] = weighted(s0);
    out[at + 1] = weighted(s1);
    out[at + 2] = weighted(s2);
    out[at + 3] = weighted(s3);
  }

  private static int dotBits(MemorySegment planes, MemorySegment row, int bytes) {
    LongVector low = LongVector.zero(PLANES_AT_ONCE);
    LongVector high = low;
    for (int i = 0; i < bytes; i += Long.BYTES) {
      long codes = row.get(LONG, i);
      int at = PLANES * i;
      low = low.add(longs(planes, at).and(codes).lanewise(BIT_COUNT));
      if (!ALL_PLANES) {
        high = high.add(longs(planes, at + REGISTER).and(codes).lanewise(BIT_COUNT));
      }
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
