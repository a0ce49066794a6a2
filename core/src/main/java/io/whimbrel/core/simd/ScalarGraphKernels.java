package io.whimbrel.core.simd;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The kernels of the graph in plain Java: the meaning of the fast ones, and their stand-in.
public final class ScalarGraphKernels implements GraphKernels {
  private static final ValueLayout.OfShort REMAINDERS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt ID =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

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
      // The transform is its own inverse.
      hadamard(x, round % 2 == 0 ? 0 : x.length - span, span);
      flip(x, signs[round]);
    }
  }

  private static void flip(float[] x, float[] signs) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= signs[i];
    }
  }

  private static void hadamard(float[] x, int from, int span) {
    float scale = (float) (1 / Math.sqrt(span));
    for (int i = from; i < from + span; i++) {
      x[i] *= scale;
    }
    for (int half = 1; half < span; half <<= 1) {
      for (int i = from; i < from + span; i += 2 * half) {
        for (int j = i; j < i + half; j++) {
          float a = x[j];
          float b = x[j + half];
          x[j] = a + b;
          x[j + half] = a - b;
        }
      }
    }
  }

  @Override
  public void prepare(MemorySegment query, long offset, LookupTable table) {
    float most = 0;
    float bias = 0;
    for (int i = 0; i < table.dimension; i += 4) {
      float size = size(query, offset, i);
      most = Math.max(most, size);
      bias += size;
    }
    // A zero query has sums of zero only; any step will do.
    float step = most > 0 ? 2 * most / LookupTable.LEVELS : 1;
    table.scale(step, bias);
    for (int i = 0; i < table.dimension; i += 4) {
      float size = size(query, offset, i);
      for (int e = 0; e < 16; e++) {
        float sum = size;
        for (int bit = 0; bit < 4; bit++) {
          float value = query.get(VALUE, offset + 4L * (i + bit));
          sum += (e >> bit & 1) == 1 ? value : -value;
        }
        table.bytes.set(JAVA_BYTE, 4L * i + e, (byte) (int) (sum / step + 0.5f));
      }
    }
  }

  private static float size(MemorySegment query, long offset, int i) {
    float size = 0;
    for (int bit = 0; bit < 4; bit++) {
      size += Math.abs(query.get(VALUE, offset + 4L * (i + bit)));
    }
    return size;
  }

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
    int below = 0;
    for (int lane = 0; lane < LANES; lane++) {
      int place = GraphKernels.codeByte(lane);
      int shift = GraphKernels.codeShift(lane);
      int sum = 0;
      for (int i = 0; i < table.dimension; i += 4) {
        int code = rows.get(JAVA_BYTE, codes + 4L * i + place) >> shift & 15;
        sum += table.bytes.get(JAVA_BYTE, 4L * i + code) & 0xff;
      }
      float product = sum * table.step - table.bias;
      int both = rows.get(ID, factors + 4L * lane);
      float term = Float.intBitsToFloat(both & 0xffff0000);
      float factor = Float.intBitsToFloat(both << 16);
      out[outAt + lane] = factor * product + term + base;
      if (out[outAt + lane] < bound) {
        below |= 1 << lane;
      }
    }
    return below;
  }

  @Override
  public void copyIds(MemorySegment rows, long ids, int[] out, int outAt) {
    MemorySegment.copy(rows, ID, ids, out, outAt, LANES);
  }

  @Override
  public int touch(MemorySegment rows, long at, int bytes) {
    int words = 0;
    for (int i = 0; i < bytes; i += 64) {
      words ^= rows.get(ValueLayout.JAVA_INT, at + i);
    }
    return words;
  }

  @Override
  public int least(int[] keys, int count) {
    int at = 0;
    for (int i = 1; i < count; i++) {
      if (keys[i] < keys[at]) {
        at = i;
      }
    }
    return at;
  }

  @Override
  public int countBelow(int[] keys, int count, int bound) {
    int below = 0;
    for (int i = 0; i < count; i++) {
      below += keys[i] < bound ? 1 : 0;
    }
    return below;
  }

  @Override
  public float squaredL2(
      MemorySegment query,
      long queryAt,
      MemorySegment row,
      long rowAt,
      float scale,
      int dimension) {
    float s0 = 0;
    float s1 = 0;
    for (int i = 0; i < dimension; i += 2) {
      float d0 = query.get(VALUE, queryAt + 4L * i) - scale * row.get(JAVA_BYTE, rowAt + i);
      float d1 = query.get(VALUE, queryAt + 4L * i + 4) - scale * row.get(JAVA_BYTE, rowAt + i + 1);
      s0 += d0 * d0;
      s1 += d1 * d1;
    }
    return s0 + s1;
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
    float s0 = 0;
    float s1 = 0;
    for (int i = 0; i < dimension; i += 2) {
      float x0 =
          REMAINDER * remainders.get(REMAINDERS, remaindersAt + 2L * i)
              + row.get(JAVA_BYTE, rowAt + i);
      float x1 =
          REMAINDER * remainders.get(REMAINDERS, remaindersAt + 2L * i + 2)
              + row.get(JAVA_BYTE, rowAt + i + 1);
      float d0 = query.get(VALUE, queryAt + 4L * i) - scale * x0;
      float d1 = query.get(VALUE, queryAt + 4L * i + 4) - scale * x1;
      s0 += d0 * d0;
      s1 += d1 * d1;
    }
    return s0 + s1;
  }

  @Override
  public int firstWithin(
      MemorySegment x,
      long xAt,
      MemorySegment rows,
      int count,
      int dimension,
      float squaredDistance,
      float[] distance) {
    for (int row = 0; row < count; row++) {
      long rowAt = 4L * dimension * row;
      float s0 = 0;
      float s1 = 0;
      for (long i = 0; i < 4L * dimension; i += 8) {
        float d0 = x.get(VALUE, xAt + i) - rows.get(VALUE, rowAt + i);
        float d1 = x.get(VALUE, xAt + i + 4) - rows.get(VALUE, rowAt + i + 4);
        s0 += d0 * d0;
        s1 += d1 * d1;
      }
      if (s0 + s1 <= squaredDistance) {
        distance[0] = s0 + s1;
        return row;
      }
    }
    return -1;
  }

  @Override
  public void decode(
      MemorySegment row, long rowAt, float scale, int dimension, MemorySegment out, long outAt) {
    for (int i = 0; i < dimension; i++) {
      out.set(VALUE, outAt + 4L * i, scale * row.get(JAVA_BYTE, rowAt + i));
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
    float sizes = 0;
    float signed = 0;
    for (int i = 0; i < dimension; i += LINE_DIMENSIONS) {
      int bits = 0;
      for (int j = 0; j < LINE_DIMENSIONS; j++) {
        float from = c.get(VALUE, cAt + 4L * (i + j));
        float e = xScale * x.get(JAVA_BYTE, xAt + i + j) - from;
        sizes += Math.abs(e);
        if (e > 0) {
          bits |= 1 << j;
          signed += from;
        } else {
          signed -= from;
        }
      }
      signs[i / LINE_DIMENSIONS] = (short) bits;
    }
    sums[0] = sizes;
    sums[1] = signed;
  }
}
