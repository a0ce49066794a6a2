package io.whimbrel.core.quant;

import static io.whimbrel.core.quant.Codes.BYTE;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import java.lang.foreign.MemorySegment;

/// The tables of one query for blocks of [LookupCodes].
///
/// An entry is the sum of the query over the ones of its six bits, less the least sum of its group,
/// in steps of 1/127 of the widest group. So a sum over the ones of a row is off by at most half a
/// step for each group of six values.
///
/// Owns its tables, in memory of the thread that made it. One thread. Making the tables costs 11
/// additions a value.
public final class LookupQuery implements AutoCloseable {
  private final LookupCodes codec;
  private final CodeKernels kernels;
  private final Region tables;
  private final short[] sums = new short[CodeKernels.LOOKUP_ROWS];
  private final double base;
  private final double step;

  /// Every value of `query` must be finite.
  @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
  public LookupQuery(LookupCodes codec, float[] query, CodeKernels kernels) {
    Codes.checkLength("query", query, codec.dimension());
    this.codec = codec;
    this.kernels = kernels;
    double least = 0;
    double widest = 0;
    for (int g = 0; g < codec.groups(); g++) {
      double low = 0;
      double high = 0;
      for (int i = 0; i < LookupCodes.GROUP_VALUES; i++) {
        double value = value(query, g, i);
        low += Math.min(0, value);
        high += Math.max(0, value);
      }
      least += low;
      widest = Math.max(widest, high - low);
    }
    this.base = least;
    this.step = widest / CodeKernels.LOOKUP_ENTRY_MAX;
    this.tables = Region.confined((long) codec.groups() * CodeKernels.LOOKUP_ENTRIES);
    fill(query);
  }

  private static double value(float[] query, int group, int i) {
    int at = group * LookupCodes.GROUP_VALUES + i;
    return at < query.length ? query[at] : 0;
  }

  private void fill(float[] query) {
    double[] entries = new double[CodeKernels.LOOKUP_ENTRIES];
    for (int g = 0; g < codec.groups(); g++) {
      // The least sum has the ones of the negative values: start there, so that none is below zero.
      entries[0] = 0;
      for (int i = 0; i < LookupCodes.GROUP_VALUES; i++) {
        entries[0] -= Math.min(0, value(query, g, i));
      }
      for (int bits = 1; bits < entries.length; bits++) {
        int lowest = Integer.numberOfTrailingZeros(bits);
        entries[bits] = entries[bits & bits - 1] + value(query, g, lowest);
      }
      for (int bits = 0; bits < entries.length; bits++) {
        double steps = step == 0 ? 0 : Math.rint(entries[bits] / step);
        // Rounding may leave a least sum a hair below zero or a largest above the end.
        long entry = (long) Math.clamp(steps, 0, CodeKernels.LOOKUP_ENTRY_MAX);
        tables.segment().set(BYTE, (long) g * entries.length + bits, (byte) entry);
      }
    }
  }

  /// The sums of the query over the ones of the 64 rows of the block at byte `blockAt`, to `out[0]`
  /// and after.
  public void sumOfOnes(MemorySegment block, long blockAt, float[] out) {
    kernels.lookup64(tables.segment(), block, blockAt, codec.groups(), sums, 0);
    for (int r = 0; r < sums.length; r++) {
      out[r] = (float) (base + step * Short.toUnsignedInt(sums[r]));
    }
  }

  /// How far a sum may be from the true one.
  public double errorMax() {
    return step / 2 * Math.ceilDiv(codec.dimension(), LookupCodes.GROUP_VALUES);
  }

  @Override
  public void close() {
    tables.close();
  }
}
