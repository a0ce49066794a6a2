package io.whimbrel.core.quant;

import static io.whimbrel.core.quant.Codes.INT;
import static io.whimbrel.core.quant.Codes.LONG;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import java.lang.foreign.MemorySegment;

/// One query of 4 bits a value for rows of a [SignCodec].
///
/// A query value becomes the nearest of 16 even steps from the least to the largest, so an inner
/// product is off by at most `dimension * scale * (high - low) / 30` against the decoded row; the
/// errors of single values are independent, so the usual one is about `sqrt(dimension)` of that.
///
/// Owns its packed copy of the query, in memory of the thread that made it. One thread.
public final class SignQuery implements AutoCloseable {
  private static final int CODE_MAX = 15;
  private static final int ROWS_MAX = 256;

  private final SignCodec codec;
  private final CodeKernels kernels;
  private final Region planes;
  private final int[] sums = new int[ROWS_MAX];
  private final double low;
  private final double step;
  private final double sum;

  /// Every value of `query` must be finite.
  @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
  public SignQuery(SignCodec codec, float[] query, CodeKernels kernels) {
    Codes.checkLength("query", query, codec.dimension());
    this.codec = codec;
    this.kernels = kernels;
    AffineRange range = AffineRange.of(query, 0, CODE_MAX);
    this.low = range.low;
    this.step = AffineRange.step(range.low, range.high, CODE_MAX);
    this.planes = Region.confined((long) CodeKernels.PLANES * codec.codeBytes());
    double total = 0;
    for (int i = 0; i < query.length; i++) {
      int code = range.code(query[i]);
      total += low + step * code;
      for (int plane = 0; plane < CodeKernels.PLANES; plane++) {
        long at = ((long) (i / Long.SIZE) * CodeKernels.PLANES + plane) * Long.BYTES;
        long word = planes.segment().get(LONG, at);
        planes.segment().set(LONG, at, word | (code >> plane & 1L) << i);
      }
    }
    this.sum = total;
  }

  /// Inner products of `count` rows that follow each other, to `out[0]` and after.
  public void dot(
      MemorySegment codes,
      long codesAt,
      MemorySegment factors,
      long factorsAt,
      int count,
      float[] out) {
    int stride = codec.codeBytes();
    for (int from = 0; from < count; from += ROWS_MAX) {
      int rows = Math.min(ROWS_MAX, count - from);
      long first = codesAt + (long) from * stride;
      kernels.dotBits(
          planes.segment(), codes, first, rows, stride, codec.paddedDimension(), sums, 0);
      for (int r = 0; r < rows; r++) {
        long at = factorsAt + (long) (from + r) * SignCodec.FACTOR_BYTES;
        double ofOnes = low * factors.get(INT, at + SignCodec.ONES) + step * sums[r];
        out[from + r] = (float) SignCodec.dot(factors, at, ofOnes, sum);
      }
    }
  }

  @Override
  public void close() {
    planes.close();
  }
}
