package io.whimbrel.core.simd.panama;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2S;
import static jdk.incubator.vector.VectorOperators.F2I;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2F;

import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The kernels of late interaction in vector registers of one width.
///
/// Products of a panel with float32 rows take two registers of the panel and six rows at a time:
/// twelve sums, two loads and six broadcasts for twelve multiply-adds. That reaches 0.93 to 0.99 of
/// the multiply-adds that the machine can do, but only while the distance of rows is a constant:
/// six addresses more do not fit the registers beside it. So rows of 128 values, those of ColBERT,
/// have a loop of their own, and others go by four, at 0.88. The maximum is taken lane by lane:
/// nothing is ever added across a register.
public final class PanamaMaxSimKernels implements MaxSimKernels {
  private static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, Width.SHAPE);
  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, Width.SHAPE);
  private static final int LANES = FLOATS.length();
  private static final int REGISTER = FLOATS.vectorByteSize();

  /// Bytes from one value of a panel to the next.
  private static final int PANEL_BYTES = PANEL * Float.BYTES;

  /// Bytes of a row of 128 float32 values.
  private static final int STRIDE = 512;

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VectorSpecies<Short> WIDE = VectorSpecies.of(short.class, Width.SHAPE);
  private static final int SHORT_LANES = WIDE.length();

  /// One short for each lane of [#FLOATS].
  private static final VectorSpecies<Short> NARROW =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Width.SHAPE.vectorBitSize() / 2));

  /// One byte for each lane of [#WIDE].
  private static final VectorSpecies<Byte> HALVES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Width.SHAPE.vectorBitSize() / 2));

  /// A row of a table of bytes is 32 of them: one register of 256 bits, or two of 128.
  private static final VectorShape TABLE_SHAPE =
      Width.SHAPE.vectorBitSize() > 256 ? VectorShape.S_256_BIT : Width.SHAPE;

  private static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, TABLE_SHAPE);
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, TABLE_SHAPE);
  private static final int TABLE_REGISTER = TABLE_SHAPE.vectorBitSize() / Byte.SIZE;
  private static final int BITS_TABLE = BITS_ROWS * PANEL;

  /// From the part of the first row that a register takes to that of the last one of eight tables.
  private static final int EIGHT_TABLES = 8 * BITS_TABLE - PANEL + TABLE_REGISTER;

  private static final boolean NARROWS = LANES * Byte.SIZE >= 64;

  /// One byte for each lane of an int register.
  private static final VectorSpecies<Byte> ENTRIES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, LANES * Byte.SIZE)));

  private static FloatVector floats(MemorySegment segment, int at) {
    return FloatVector.fromMemorySegment(FLOATS, segment, at, LITTLE_ENDIAN);
  }

  private static FloatVector all(MemorySegment row, int at) {
    return FloatVector.broadcast(FLOATS, row.get(FLOAT, at));
  }

  // ----------------------------------------------------------------------------------- float32

  @Override
  public void maxFloat(
      MemorySegment panel,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int dim,
      float[] best) {
    int bytes = dim * Float.BYTES;
    for (int lane = 0; lane < PANEL; lane += 2 * LANES) {
      MemorySegment query =
          panel.asSlice(
              (long) lane * Float.BYTES, (long) dim * PANEL_BYTES - (long) lane * Float.BYTES);
      int r = 0;
      if (strideBytes == STRIDE && bytes == STRIDE) {
        for (; r <= count - 6; r += 6) {
          max6(query, rows.asSlice(offset + (long) r * STRIDE, 6 * STRIDE), best, lane);
        }
      }
      for (; r <= count - 4; r += 4) {
        long at = offset + (long) r * strideBytes;
        max4(
            query,
            rows.asSlice(at, bytes),
            rows.asSlice(at + strideBytes, bytes),
            rows.asSlice(at + 2L * strideBytes, bytes),
            rows.asSlice(at + 3L * strideBytes, bytes),
            bytes,
            best,
            lane);
      }
      for (; r < count; r += 2) {
        // A last row alone is taken twice: that costs less than sums that wait for each other.
        long at = offset + (long) r * strideBytes;
        long second = r + 1 < count ? at + strideBytes : at;
        max2(query, rows.asSlice(at, bytes), rows.asSlice(second, bytes), bytes, best, lane);
      }
    }
  }

  /// Six rows of 128 values, one after the other.
  private static void max6(MemorySegment query, MemorySegment rows, float[] best, int lane) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector a4 = a0;
    FloatVector a5 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    FloatVector b4 = a0;
    FloatVector b5 = a0;
    for (int i = 0; i < STRIDE; i += Float.BYTES) {
      FloatVector q0 = floats(query, i * PANEL);
      FloatVector q1 = floats(query, i * PANEL + REGISTER);
      FloatVector x = all(rows, i);
      a0 = q0.fma(x, a0);
      b0 = q1.fma(x, b0);
      x = all(rows, i + STRIDE);
      a1 = q0.fma(x, a1);
      b1 = q1.fma(x, b1);
      x = all(rows, i + 2 * STRIDE);
      a2 = q0.fma(x, a2);
      b2 = q1.fma(x, b2);
      x = all(rows, i + 3 * STRIDE);
      a3 = q0.fma(x, a3);
      b3 = q1.fma(x, b3);
      x = all(rows, i + 4 * STRIDE);
      a4 = q0.fma(x, a4);
      b4 = q1.fma(x, b4);
      x = all(rows, i + 5 * STRIDE);
      a5 = q0.fma(x, a5);
      b5 = q1.fma(x, b5);
    }
    FloatVector.fromArray(FLOATS, best, lane)
        .max(a0.max(a1).max(a2.max(a3)).max(a4.max(a5)))
        .intoArray(best, lane);
    FloatVector.fromArray(FLOATS, best, lane + LANES)
        .max(b0.max(b1).max(b2.max(b3)).max(b4.max(b5)))
        .intoArray(best, lane + LANES);
  }

  private static void max4(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      float[] best,
      int lane) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    for (int i = 0; i < bytes; i += Float.BYTES) {
      FloatVector q0 = floats(query, i * PANEL);
      FloatVector q1 = floats(query, i * PANEL + REGISTER);
      FloatVector x = all(row0, i);
      a0 = q0.fma(x, a0);
      b0 = q1.fma(x, b0);
      x = all(row1, i);
      a1 = q0.fma(x, a1);
      b1 = q1.fma(x, b1);
      x = all(row2, i);
      a2 = q0.fma(x, a2);
      b2 = q1.fma(x, b2);
      x = all(row3, i);
      a3 = q0.fma(x, a3);
      b3 = q1.fma(x, b3);
    }
    FloatVector.fromArray(FLOATS, best, lane).max(a0.max(a1).max(a2.max(a3))).intoArray(best, lane);
    FloatVector.fromArray(FLOATS, best, lane + LANES)
        .max(b0.max(b1).max(b2.max(b3)))
        .intoArray(best, lane + LANES);
  }

  private static void max2(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      int bytes,
      float[] best,
      int lane) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    for (int i = 0; i < bytes; i += Float.BYTES) {
      FloatVector q0 = floats(query, i * PANEL);
      FloatVector q1 = floats(query, i * PANEL + REGISTER);
      FloatVector x = all(row0, i);
      a0 = q0.fma(x, a0);
      b0 = q1.fma(x, b0);
      x = all(row1, i);
      a1 = q0.fma(x, a1);
      b1 = q1.fma(x, b1);
    }
    FloatVector.fromArray(FLOATS, best, lane).max(a0.max(a1)).intoArray(best, lane);
    FloatVector.fromArray(FLOATS, best, lane + LANES).max(b0.max(b1)).intoArray(best, lane + LANES);
  }

  // -------------------------------------------------------------------------------------- int8

  // A sum of products is at most the product of the norms, which fits 16 bits: what the partial
  // sums
  // carry out of them does not matter. So one register holds 32 sums, and two values cost one
  // multiplication and one addition of 16-bit lanes, without the widening that sums of bytes need.

  private static final int INT8_ROWS = 8;

  /// Values that are widened at a time. A constant distance of rows spares the registers that their
  /// addresses would take.
  private static final int CHUNK = 128;

  @Override
  public void maxInt8(
      MemorySegment panel,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      MemorySegment scales,
      long scalesAt,
      float[] best) {
    short[] wide = new short[INT8_ROWS * CHUNK];
    short[] sums = new short[INT8_ROWS * PANEL];
    for (int r = 0; r < count; r += INT8_ROWS) {
      // The last row is taken again where there are less than eight.
      int last = Math.min(INT8_ROWS, count - r) - 1;
      for (int from = 0; from < paddedDim; from += CHUNK) {
        int values = Math.min(CHUNK, paddedDim - from);
        for (int i = 0; i < INT8_ROWS; i++) {
          long at = offset + (long) (r + Math.min(i, last)) * strideBytes + from;
          widen(rows.asSlice(at, values), values, wide, i * CHUNK);
        }
        for (int lane = 0; lane < PANEL; lane += SHORT_LANES) {
          long at = (long) Short.BYTES * (from * PANEL + lane);
          long bytes = (long) Short.BYTES * (values * PANEL - lane);
          addProducts(panel.asSlice(at, bytes), wide, values, sums, lane, from > 0);
        }
      }
      for (int i = 0; i <= last; i++) {
        raise(sums, i * PANEL, scales.get(FLOAT, scalesAt + 4L * (r + i)), best);
      }
    }
  }

  private static void widen(MemorySegment row, int values, short[] out, int outAt) {
    for (int i = 0; i < values; i += SHORT_LANES) {
      ((ShortVector)
              ByteVector.fromMemorySegment(HALVES, row, i, LITTLE_ENDIAN)
                  .convertShape(B2S, WIDE, 0))
          .intoArray(out, outAt + i);
    }
  }

  private static void addProducts(
      MemorySegment query, short[] wide, int values, short[] sums, int lane, boolean more) {
    ShortVector a0 = ShortVector.zero(WIDE);
    ShortVector a1 = a0;
    ShortVector a2 = a0;
    ShortVector a3 = a0;
    ShortVector a4 = a0;
    ShortVector a5 = a0;
    ShortVector a6 = a0;
    ShortVector a7 = a0;
    for (int i = 0; i < values; i++) {
      ShortVector q =
          ShortVector.fromMemorySegment(WIDE, query, Short.BYTES * PANEL * i, LITTLE_ENDIAN);
      a0 = a0.add(q.mul(wide[i]));
      a1 = a1.add(q.mul(wide[CHUNK + i]));
      a2 = a2.add(q.mul(wide[2 * CHUNK + i]));
      a3 = a3.add(q.mul(wide[3 * CHUNK + i]));
      a4 = a4.add(q.mul(wide[4 * CHUNK + i]));
      a5 = a5.add(q.mul(wide[5 * CHUNK + i]));
      a6 = a6.add(q.mul(wide[6 * CHUNK + i]));
      a7 = a7.add(q.mul(wide[7 * CHUNK + i]));
    }
    put(a0, sums, lane, more);
    put(a1, sums, PANEL + lane, more);
    put(a2, sums, 2 * PANEL + lane, more);
    put(a3, sums, 3 * PANEL + lane, more);
    put(a4, sums, 4 * PANEL + lane, more);
    put(a5, sums, 5 * PANEL + lane, more);
    put(a6, sums, 6 * PANEL + lane, more);
    put(a7, sums, 7 * PANEL + lane, more);
  }

  private static void put(ShortVector sum, short[] sums, int at, boolean more) {
    ShortVector before = ShortVector.fromArray(WIDE, sums, at);
    (more ? before.add(sum) : sum).intoArray(sums, at);
  }

  private static void raise(short[] sums, int at, float scale, float[] best) {
    for (int t = 0; t < PANEL; t += LANES) {
      FloatVector dots =
          (FloatVector) ShortVector.fromArray(NARROW, sums, at + t).convertShape(S2F, FLOATS, 0);
      FloatVector.fromArray(FLOATS, best, t).max(dots.mul(scale)).intoArray(best, t);
    }
  }

  // -------------------------------------------------------------------------------------- bits

  private static ByteVector entries(MemorySegment tables, int at) {
    return ByteVector.fromMemorySegment(BYTES, tables, at, LITTLE_ENDIAN);
  }

  @Override
  public void maxBits(
      MemorySegment tables,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int signs,
      short[] best) {
    int bytes = signs / Byte.SIZE;
    for (int part = 0; part < PANEL; part += TABLE_REGISTER) {
      int even = part / 2;
      int odd = PANEL / 2 + part / 2;
      ShortVector bestEven = ShortVector.fromArray(SHORTS, best, even);
      ShortVector bestOdd = ShortVector.fromArray(SHORTS, best, odd);
      for (int r = 0; r < count; r++) {
        MemorySegment row = rows.asSlice(offset + (long) r * strideBytes, bytes);
        ShortVector whole = ShortVector.zero(SHORTS);
        ShortVector upper = whole;
        for (int i = 0; i < bytes; i += Long.BYTES) {
          long codes = row.get(LONG, i);
          // Slices of a constant length let C2 see that no index leaves them.
          long at = (long) i * 2 * BITS_TABLE + part;
          ShortVector low = eight(tables.asSlice(at, EIGHT_TABLES), (int) codes);
          ShortVector high =
              eight(tables.asSlice(at + 8 * BITS_TABLE, EIGHT_TABLES), (int) (codes >>> 32));
          // Whole lanes with both their bytes, and the upper bytes once more alone.
          whole = whole.add(low).add(high);
          upper = upper.add(low.lanewise(LSHR, 8)).add(high.lanewise(LSHR, 8));
        }
        bestEven = bestEven.max(whole.sub(upper.lanewise(LSHL, 8)));
        bestOdd = bestOdd.max(upper);
      }
      bestEven.intoArray(best, even);
      bestOdd.intoArray(best, odd);
    }
  }

  /// The sum of eight entries in each byte.
  private static ShortVector eight(MemorySegment table, int codes) {
    ByteVector s0 = entries(table, codes << 5 & 480);
    ByteVector s1 = entries(table, BITS_TABLE + (codes << 1 & 480));
    s0 = s0.add(entries(table, 2 * BITS_TABLE + (codes >>> 3 & 480)));
    s1 = s1.add(entries(table, 3 * BITS_TABLE + (codes >>> 7 & 480)));
    s0 = s0.add(entries(table, 4 * BITS_TABLE + (codes >>> 11 & 480)));
    s1 = s1.add(entries(table, 5 * BITS_TABLE + (codes >>> 15 & 480)));
    s0 = s0.add(entries(table, 6 * BITS_TABLE + (codes >>> 19 & 480)));
    s1 = s1.add(entries(table, 7 * BITS_TABLE + (codes >>> 23 & 480)));
    return s0.add(s1).reinterpretAsShorts();
  }

  // --------------------------------------------------------------------------------------- ids

  @Override
  public void scanIds(
      MemorySegment tables,
      int panels,
      int tableRows,
      MemorySegment ids,
      long offset,
      int[] starts,
      int first,
      int count,
      int[] out,
      int outAt) {
    int tableBytes = tableRows * PANEL;
    int origin = starts[first];
    MemorySegment all = ids.asSlice(offset, 2L * (starts[first + count] - origin));
    for (int p = 0; p < panels; p++) {
      MemorySegment table = tables.asSlice((long) p * tableBytes, tableBytes);
      for (int d = 0; d < count; d++) {
        int from = 2 * (starts[first + d] - origin);
        int to = 2 * (starts[first + d + 1] - origin);
        int score = 0;
        for (int part = 0; part < PANEL; part += TABLE_REGISTER) {
          score += best(table.asSlice(part, tableBytes - part), all, from, to);
        }
        out[outAt + d] = p == 0 ? score : out[outAt + d] + score;
      }
    }
  }

  /// The sum of the largest entry of each lane.
  private static int best(MemorySegment table, MemorySegment ids, int from, int to) {
    ByteVector best = ByteVector.broadcast(BYTES, Byte.MIN_VALUE);
    for (int i = from; i < to; i += Short.BYTES) {
      best = best.max(entries(table, (ids.get(SHORT, i) & 0xffff) * PANEL));
    }
    ShortVector both = best.reinterpretAsShorts();
    return both.lanewise(LSHL, 8).lanewise(ASHR, 8).add(both.lanewise(ASHR, 8)).reduceLanes(ADD);
  }

  // --------------------------------------------------------------------------------- centroids

  @Override
  public void nearest(
      MemorySegment panel,
      MemorySegment rows,
      int firstRow,
      int count,
      int strideBytes,
      int dim,
      float[] best,
      int[] rowOf) {
    int bytes = dim * Float.BYTES;
    for (int lane = 0; lane < PANEL; lane += 2 * LANES) {
      MemorySegment query =
          panel.asSlice(
              (long) lane * Float.BYTES, (long) dim * PANEL_BYTES - (long) lane * Float.BYTES);
      for (int r = 0; r < count; r += 4) {
        nearest4(
            query,
            row(rows, r, count, strideBytes, bytes),
            row(rows, r + 1, count, strideBytes, bytes),
            row(rows, r + 2, count, strideBytes, bytes),
            row(rows, r + 3, count, strideBytes, bytes),
            bytes,
            firstRow + r,
            best,
            rowOf,
            lane);
      }
    }
  }

  /// Row `r`, or the last one again.
  private static MemorySegment row(MemorySegment rows, int r, int count, int stride, int bytes) {
    return rows.asSlice((long) Math.min(r, count - 1) * stride, bytes);
  }

  private static void nearest4(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      MemorySegment row2,
      MemorySegment row3,
      int bytes,
      int number,
      float[] best,
      int[] rowOf,
      int lane) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    for (int i = 0; i < bytes; i += Float.BYTES) {
      FloatVector q0 = floats(query, i * PANEL);
      FloatVector q1 = floats(query, i * PANEL + REGISTER);
      FloatVector x = all(row0, i);
      a0 = q0.fma(x, a0);
      b0 = q1.fma(x, b0);
      x = all(row1, i);
      a1 = q0.fma(x, a1);
      b1 = q1.fma(x, b1);
      x = all(row2, i);
      a2 = q0.fma(x, a2);
      b2 = q1.fma(x, b2);
      x = all(row3, i);
      a3 = q0.fma(x, a3);
      b3 = q1.fma(x, b3);
    }
    // A last row that was repeated is not larger than itself, so its later numbers never appear.
    raise(a0, a1, a2, a3, number, best, rowOf, lane);
    raise(b0, b1, b2, b3, number, best, rowOf, lane + LANES);
  }

  private static void raise(
      FloatVector d0,
      FloatVector d1,
      FloatVector d2,
      FloatVector d3,
      int number,
      float[] best,
      int[] rowOf,
      int lane) {
    FloatVector top = FloatVector.fromArray(FLOATS, best, lane);
    IntVector of = IntVector.fromArray(INTS, rowOf, lane);
    VectorMask<Float> more = d0.compare(GT, top);
    top = top.blend(d0, more);
    of = of.blend(number, more.cast(INTS));
    more = d1.compare(GT, top);
    top = top.blend(d1, more);
    of = of.blend(number + 1, more.cast(INTS));
    more = d2.compare(GT, top);
    top = top.blend(d2, more);
    of = of.blend(number + 2, more.cast(INTS));
    more = d3.compare(GT, top);
    top = top.blend(d3, more);
    of = of.blend(number + 3, more.cast(INTS));
    top.intoArray(best, lane);
    of.intoArray(rowOf, lane);
  }

  @Override
  public void fillTable(
      MemorySegment panel,
      MemorySegment rows,
      int count,
      int strideBytes,
      int dim,
      float scale,
      MemorySegment out,
      long outAt) {
    int bytes = dim * Float.BYTES;
    MemorySegment table = out.asSlice(outAt, (long) count * PANEL);
    for (int lane = 0; lane < PANEL; lane += 2 * LANES) {
      MemorySegment query =
          panel.asSlice(
              (long) lane * Float.BYTES, (long) dim * PANEL_BYTES - (long) lane * Float.BYTES);
      for (int r = 0; r < count; r += 2) {
        // A last row alone is written twice.
        int second = Math.min(r + 1, count - 1);
        fill2(
            query,
            rows.asSlice((long) r * strideBytes, bytes),
            rows.asSlice((long) second * strideBytes, bytes),
            bytes,
            scale,
            table,
            r * PANEL + lane,
            second * PANEL + lane);
      }
    }
  }

  private static void fill2(
      MemorySegment query,
      MemorySegment row0,
      MemorySegment row1,
      int bytes,
      float scale,
      MemorySegment table,
      int at0,
      int at1) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    for (int i = 0; i < bytes; i += Float.BYTES) {
      FloatVector q0 = floats(query, i * PANEL);
      FloatVector q1 = floats(query, i * PANEL + REGISTER);
      FloatVector x = all(row0, i);
      a0 = q0.fma(x, a0);
      b0 = q1.fma(x, b0);
      x = all(row1, i);
      a1 = q0.fma(x, a1);
      b1 = q1.fma(x, b1);
    }
    put(a0, scale, table, at0);
    put(b0, scale, table, at0 + LANES);
    put(a1, scale, table, at1);
    put(b1, scale, table, at1 + LANES);
  }

  /// To the nearest whole number, ties to even: the sum with 1.5 * 2^23 has no fraction left.
  private static void put(FloatVector dots, float scale, MemorySegment table, int at) {
    float magic = 3 << 22;
    FloatVector rounded = dots.mul(scale).add(magic).sub(magic);
    IntVector whole = (IntVector) rounded.convert(F2I, 0);
    if (NARROWS) {
      ((ByteVector) whole.convertShape(I2B, ENTRIES, 0))
          .intoMemorySegment(table, at, LITTLE_ENDIAN);
      return;
    }
    for (int i = 0; i < LANES; i++) {
      table.set(ValueLayout.JAVA_BYTE, (long) at + i, (byte) whole.lane(i));
    }
  }
}
