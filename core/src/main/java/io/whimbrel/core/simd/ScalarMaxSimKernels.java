package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/// The kernels of late interaction in plain Java: the meaning of the fast ones, and their stand-in.
public final class ScalarMaxSimKernels implements MaxSimKernels {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int BITS_TABLE = BITS_ROWS * PANEL;

  @Override
  public void maxFloat(
      MemorySegment panel,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int dim,
      float[] best) {
    float[] dots = new float[PANEL];
    for (int r = 0; r < count; r++) {
      dots(panel, rows, offset + (long) r * strideBytes, dim, dots);
      for (int t = 0; t < PANEL; t++) {
        best[t] = Math.max(best[t], dots[t]);
      }
    }
  }

  private static void dots(MemorySegment panel, MemorySegment rows, long at, int dim, float[] out) {
    Arrays.fill(out, 0);
    for (int i = 0; i < dim; i++) {
      float value = rows.get(FLOAT, at + 4L * i);
      for (int t = 0; t < PANEL; t++) {
        out[t] += value * panel.get(FLOAT, 4L * (i * PANEL + t));
      }
    }
  }

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
    int[] dots = new int[PANEL];
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      Arrays.fill(dots, 0);
      for (int i = 0; i < paddedDim; i++) {
        int code = rows.get(ValueLayout.JAVA_BYTE, row + i);
        for (int t = 0; t < PANEL; t++) {
          dots[t] += code * panel.get(SHORT, 2L * (i * PANEL + t));
        }
      }
      float scale = scales.get(FLOAT, scalesAt + 4L * r);
      for (int t = 0; t < PANEL; t++) {
        best[t] = Math.max(best[t], dots[t] * scale);
      }
    }
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
    int[] sums = new int[PANEL];
    for (int r = 0; r < count; r++) {
      long row = offset + (long) r * strideBytes;
      Arrays.fill(sums, 0);
      for (int i = 0; i < signs / Byte.SIZE; i++) {
        int two = rows.get(ValueLayout.JAVA_BYTE, row + i);
        long low = (long) (2 * i) * BITS_TABLE + (two & 15) * PANEL;
        long high = (long) (2 * i + 1) * BITS_TABLE + (two >> 4 & 15) * PANEL;
        for (int t = 0; t < PANEL; t++) {
          sums[t] +=
              tables.get(ValueLayout.JAVA_BYTE, low + t)
                  + tables.get(ValueLayout.JAVA_BYTE, high + t);
        }
      }
      for (int t = 0; t < PANEL; t++) {
        int slot = t / 2 + t % 2 * (PANEL / 2);
        best[slot] = (short) Math.max(best[slot], sums[t]);
      }
    }
  }

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
    byte[] best = new byte[PANEL];
    for (int d = 0; d < count; d++) {
      int score = 0;
      for (int p = 0; p < panels; p++) {
        Arrays.fill(best, Byte.MIN_VALUE);
        for (int i = starts[first + d]; i < starts[first + d + 1]; i++) {
          int id = ids.get(SHORT, offset + 2L * (i - starts[first])) & 0xffff;
          long row = ((long) p * tableRows + id) * PANEL;
          for (int t = 0; t < PANEL; t++) {
            best[t] = (byte) Math.max(best[t], tables.get(ValueLayout.JAVA_BYTE, row + t));
          }
        }
        for (byte value : best) {
          score += value;
        }
      }
      out[outAt + d] = score;
    }
  }

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
    float[] dots = new float[PANEL];
    for (int r = 0; r < count; r++) {
      dots(panel, rows, (long) r * strideBytes, dim, dots);
      for (int t = 0; t < PANEL; t++) {
        if (dots[t] > best[t]) {
          best[t] = dots[t];
          rowOf[t] = firstRow + r;
        }
      }
    }
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
    float[] dots = new float[PANEL];
    for (int r = 0; r < count; r++) {
      dots(panel, rows, (long) r * strideBytes, dim, dots);
      for (int t = 0; t < PANEL; t++) {
        byte entry = (byte) Math.rint(dots[t] * scale);
        out.set(ValueLayout.JAVA_BYTE, outAt + (long) r * PANEL + t, entry);
      }
    }
  }
}
