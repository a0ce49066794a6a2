package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The kernels over quantised rows in plain Java: the meaning of the fast ones, and their stand-in.
public final class ScalarCodeKernels implements CodeKernels {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// Bytes of the codes of four groups of a look-up: three planes.
  private static final int LOOKUP_STEP = 3 * LOOKUP_ROWS;

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
    int rest = query.get(INT, 3L * paddedDim);
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      int sum = rest;
      for (int block = 0; block < paddedDim; block += INT8_BLOCK) {
        for (int i = 0; i < INT8_BLOCK; i += 2) {
          long at = 3L * block + i;
          int pair = rows.get(SHORT, row + block + i) & 0xffff;
          int lane =
              pair * query.get(SHORT, at)
                  + (pair >> 8) * query.get(SHORT, at + INT8_BLOCK)
                  + query.get(SHORT, at + 2 * INT8_BLOCK);
          sum += lane & 0xffff;
        }
      }
      out[outAt + r] = sum;
    }
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
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      int sum = 0;
      for (int block = 0; block < bytes; block += INT4_BLOCK / 2) {
        for (int i = 0; i < INT4_BLOCK / 2; i += 4) {
          int codes = rows.get(INT, row + block + i);
          long at = 4L * block + i;
          int lane =
              codes * query.get(INT, at)
                  + (codes >>> 4 & 0x0fff_0fff) * query.get(INT, at + 64)
                  + (codes >>> 8 & 0x00ff_00ff) * query.get(INT, at + 128)
                  + (codes >>> 12 & 0x000f_000f) * query.get(INT, at + 192);
          sum += lane >>> 16;
        }
      }
      out[outAt + r] = sum;
    }
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
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      int s0 = 0;
      int s1 = 0;
      int s2 = 0;
      int s3 = 0;
      for (int i = 0; i < bytes; i += Long.BYTES) {
        long codes = rows.get(LONG, row + i);
        long at = (long) PLANES * i;
        s0 += Long.bitCount(codes & query.get(LONG, at));
        s1 += Long.bitCount(codes & query.get(LONG, at + 8));
        s2 += Long.bitCount(codes & query.get(LONG, at + 16));
        s3 += Long.bitCount(codes & query.get(LONG, at + 24));
      }
      out[outAt + r] = s0 + 2 * s1 + 4 * s2 + 8 * s3;
    }
  }

  @Override
  public void lookup64(
      MemorySegment tables, MemorySegment codes, long offset, int groups, short[] out, int outAt) {
    for (int p = 0; p < LOOKUP_ROWS; p++) {
      int sum = 0;
      long code = offset + p;
      for (int table = 0; table < groups * LOOKUP_ENTRIES; table += 4 * LOOKUP_ENTRIES) {
        int a = codes.get(ValueLayout.JAVA_BYTE, code) & 255;
        int b = codes.get(ValueLayout.JAVA_BYTE, code + LOOKUP_ROWS) & 255;
        int c = codes.get(ValueLayout.JAVA_BYTE, code + 2 * LOOKUP_ROWS) & 255;
        int d = a >> 6 | b >> 6 << 2 | c >> 6 << 4;
        sum += tables.get(ValueLayout.JAVA_BYTE, table + (a & 63));
        sum += tables.get(ValueLayout.JAVA_BYTE, table + LOOKUP_ENTRIES + (b & 63));
        sum += tables.get(ValueLayout.JAVA_BYTE, table + 2 * LOOKUP_ENTRIES + (c & 63));
        sum += tables.get(ValueLayout.JAVA_BYTE, table + 3 * LOOKUP_ENTRIES + d);
        code += LOOKUP_STEP;
      }
      out[outAt + p / 2 + 32 * (p % 2)] = (short) sum;
    }
  }
}
