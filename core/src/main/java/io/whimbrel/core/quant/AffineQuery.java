package io.whimbrel.core.quant;

import static io.whimbrel.core.quant.Codes.FLOAT;
import static io.whimbrel.core.quant.Codes.INT;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.CodeKernels;
import java.lang.foreign.MemorySegment;

/// One query for rows of an [AffineCodec].
///
/// The query is coded in 8 bits just as a row is, so that a vector is at distance 0 from its own
/// row of 8 bits. With row `x = low + step * c + r` and query `y = low' + step' * d + r'`, where
/// `r` and `r'` are zero but for the outliers:
///
/// `x * y = low * sum(y) + step * (low' * sum(c) + step' * (c * d) + c * r') + r * y`
///
/// The kernel gives `c * d`, the row's factors hold `sum(c)`, the rest is a few values. For L2
/// comes `|x|^2 + |y|^2 - 2 x * y`. Under COSINE the product is divided by both norms, which coding
/// moves off 1 by some 3e-4, so that a vector and its own row of 8 bits score 1 and none scores
/// more.
///
/// Owns its packed copy of the query, in memory of the thread that made it. One thread; scores into
/// its own scratch, no allocation.
public final class AffineQuery implements AutoCloseable {
  /// Rows of one call of the kernel: their sums stay in the cache.
  private static final int ROWS_MAX = 256;

  private final AffineCodec codec;
  private final Metric metric;
  private final CodeKernels kernels;
  private final Region packed;
  private final int[] sums = new int[ROWS_MAX];

  /// What the query is after coding, `y`.
  private final float[] values;

  private final double low;
  private final double step;
  private final double sum;
  private final double squaredNorm;
  private final int[] outliers;
  private final double[] residues;

  // Of the row that is being scored.
  private final int outlierCount;
  private final int codeMax;

  /// Every value of `query` must be finite. Under COSINE query and rows must be of unit length.
  @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
  public AffineQuery(AffineCodec codec, float[] query, Metric metric, CodeKernels kernels) {
    this.codec = codec;
    this.metric = metric;
    this.kernels = kernels;
    this.outlierCount = codec.outlierCount();
    this.codeMax = codec.codeMax();
    AffineRange range = codec.queryRange(query);
    this.low = range.low;
    this.step = AffineRange.step(range.low, range.high, 255);
    this.outliers = range.outliers;
    this.residues = new double[outliers.length];
    this.values = new float[query.length];
    int[] codes = new int[codec.paddedDimension()];
    for (int i = 0; i < query.length; i++) {
      int code = range.code(query[i]);
      codes[i] = code - shift();
      values[i] = range.decode(code);
    }
    this.packed = pack(codes);
    for (int o = 0; o < outliers.length; o++) {
      int i = outliers[o];
      residues[o] = (double) query[i] - values[i];
      values[i] = query[i];
    }
    double total = 0;
    double squares = 0;
    for (float value : values) {
      total += value;
      squares += (double) value * value;
    }
    this.sum = total;
    this.squaredNorm = squares;
  }

  /// What the kernel wants to be taken off the codes of the query.
  private int shift() {
    return codec.isInt8() ? 128 : 0;
  }

  @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
  private Region pack(int[] codes) {
    if (codec.isInt8()) {
      Region region = Region.confined(CodeKernels.int8QueryBytes(codes.length));
      CodeKernels.packInt8(codes, region.segment());
      return region;
    }
    Region region = Region.confined(CodeKernels.int4QueryBytes(codes.length));
    CodeKernels.packInt4(codes, region.segment());
    return region;
  }

  /// Scores `count` rows that follow each other, bigger for the better, to `out[0]` and after:
  /// cosines, inner products, or squared distances below zero. Not finite where float32 ends.
  public void score(
      MemorySegment codes,
      long codesAt,
      MemorySegment factors,
      long factorsAt,
      int count,
      float[] out) {
    int codeBytes = codec.codeBytes();
    int factorBytes = codec.factorBytes();
    for (int from = 0; from < count; from += ROWS_MAX) {
      int rows = Math.min(ROWS_MAX, count - from);
      long firstCodes = codesAt + (long) from * codeBytes;
      dot(codes, firstCodes, rows);
      for (int r = 0; r < rows; r++) {
        long row = firstCodes + (long) r * codeBytes;
        long at = factorsAt + (long) (from + r) * factorBytes;
        double dot = dot(sums[r], codes, row, factors, at);
        out[from + r] =
            switch (metric) {
              case L2 -> -(float) Math.max(0, squaredNorm + squaredNorm(factors, at) - 2 * dot);
              case COSINE -> (float) (dot / Math.sqrt(squaredNorm * squaredNorm(factors, at)));
              case DOT -> (float) dot;
            };
      }
    }
  }

  private void dot(MemorySegment codes, long codesAt, int rows) {
    int stride = codec.codeBytes();
    int padded = codec.paddedDimension();
    if (codec.isInt8()) {
      kernels.dotInt8(packed.segment(), codes, codesAt, rows, stride, padded, sums, 0);
    } else {
      kernels.dotInt4(packed.segment(), codes, codesAt, rows, stride, padded, sums, 0);
    }
  }

  private double dot(int codeDot, MemorySegment codes, long row, MemorySegment factors, long at) {
    float rowLow = factors.get(FLOAT, at + AffineCodec.LOW);
    float rowHigh = factors.get(FLOAT, at + AffineCodec.HIGH);
    int codeSum = factors.get(INT, at + AffineCodec.CODE_SUM);
    double byCodes = low * codeSum + step * (codeDot + (long) shift() * codeSum);
    double byOutliers = 0;
    for (int o = 0; o < outlierCount; o++) {
      byCodes += residues[o] * codec.code(codes, row, outliers[o]);
      long outlier = at + AffineCodec.OUTLIERS + (long) o * AffineCodec.OUTLIER_BYTES;
      float value = factors.get(FLOAT, outlier + Integer.BYTES);
      // An outlier has the code of the end that it lies beyond.
      double residue =
          value > rowHigh ? (double) value - rowHigh : Math.min(0, value - (double) rowLow);
      byOutliers += residue * values[factors.get(INT, outlier)];
    }
    return rowLow * sum + AffineRange.step(rowLow, rowHigh, codeMax) * byCodes + byOutliers;
  }

  private static double squaredNorm(MemorySegment factors, long at) {
    return factors.get(FLOAT, at + AffineCodec.SQUARED_NORM);
  }

  @Override
  public void close() {
    packed.close();
  }
}
