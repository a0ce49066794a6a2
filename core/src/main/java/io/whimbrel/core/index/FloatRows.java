package io.whimbrel.core.index;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Rows of float32, exact.
final class FloatRows implements Rows {
  private static final int LINE_VALUES = 16;

  /// Rows scored at once by a prefix.
  private static final int SQUARES = 256;

  private final VectorMatrix matrix;
  private final Metric metric;
  private final Kernels kernels;

  FloatRows(int dimension, Metric metric, Kernels kernels) {
    this.matrix = new VectorMatrix(dimension);
    this.metric = metric;
    this.kernels = kernels;
  }

  @Override
  public int count() {
    return matrix.rows();
  }

  @Override
  public long bytes() {
    return matrix.bytes();
  }

  @Override
  public int rowBytes() {
    return matrix.strideBytes();
  }

  @Override
  public int append(float[] row) {
    return matrix.append(row);
  }

  @Override
  public void copyRow(int row, float[] out) {
    matrix.copyRow(row, out);
  }

  @Override
  public Query query(float[] query) {
    return new FloatQuery(query);
  }

  @Override
  public boolean hasPrefixes() {
    return true;
  }

  @Override
  public Query prefixQuery(float[] query, int dims) {
    return new PrefixQuery(query, dims);
  }

  @Override
  public void close() {
    matrix.close();
  }

  private final class FloatQuery implements Query {
    private final Region padded;

    @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
    FloatQuery(float[] query) {
      padded = Region.confined(matrix.strideBytes());
      MemorySegment.copy(query, 0, padded.segment(), VectorMatrix.VALUE, 0, query.length);
    }

    @Override
    public int score(int row, int countMax, float[] out) {
      int count = Math.min(countMax, matrix.contiguous(row));
      MemorySegment values = padded.segment();
      MemorySegment rows = matrix.segment(row);
      long offset = matrix.offset(row);
      int stride = matrix.strideBytes();
      int padding = matrix.paddedDimension();
      switch (metric) {
        case COSINE, DOT -> kernels.dot(values, rows, offset, count, stride, padding, out, 0);
        case L2 -> {
          kernels.squaredL2(values, rows, offset, count, stride, padding, out, 0);
          for (int i = 0; i < count; i++) {
            out[i] = -out[i];
          }
        }
      }
      return count;
    }

    @Override
    public void close() {
      padded.close();
    }
  }

  /// Whole lines of 16 values by the kernels, the values behind them one by one: a kernel would
  /// read on into the rest of the row.
  private final class PrefixQuery implements Query {
    private final float[] query;
    private final int dims;
    private final int whole;
    private final Region padded;
    private final Region zero;
    private final float[] squares = new float[SQUARES];

    @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
    PrefixQuery(float[] query, int dims) {
      this.query = query;
      this.dims = dims;
      this.whole = dims - dims % LINE_VALUES;
      this.padded = Region.confined(matrix.strideBytes());
      this.zero = Region.confined(matrix.strideBytes());
      MemorySegment.copy(query, 0, padded.segment(), VectorMatrix.VALUE, 0, whole);
    }

    @Override
    public int score(int row, int countMax, float[] out) {
      int count = Math.min(Math.min(countMax, SQUARES), matrix.contiguous(row));
      MemorySegment rows = matrix.segment(row);
      long offset = matrix.offset(row);
      int stride = matrix.strideBytes();
      if (whole == 0) {
        Arrays.fill(out, 0, count, 0);
        Arrays.fill(squares, 0, count, 0);
      } else if (metric == Metric.L2) {
        kernels.squaredL2(padded.segment(), rows, offset, count, stride, whole, out, 0);
      } else {
        kernels.dot(padded.segment(), rows, offset, count, stride, whole, out, 0);
        if (metric == Metric.COSINE) {
          // The rows are in the cache by now.
          kernels.squaredL2(zero.segment(), rows, offset, count, stride, whole, squares, 0);
        }
      }
      for (int i = 0; i < count; i++) {
        out[i] = finished(rows, offset + (long) i * stride, out[i], squares[i]);
      }
      return count;
    }

    /// Adds the values behind the whole lines.
    private float finished(MemorySegment rows, long at, float sum, float square) {
      for (int i = whole; i < dims; i++) {
        float value = rows.get(VectorMatrix.VALUE, at + (long) i * Float.BYTES);
        float difference = query[i] - value;
        sum += metric == Metric.L2 ? difference * difference : query[i] * value;
        square += value * value;
      }
      return switch (metric) {
        case COSINE -> square == 0 ? 0 : (float) (sum / Math.sqrt(square));
        case DOT -> sum;
        case L2 -> -sum;
      };
    }

    @Override
    public void close() {
      padded.close();
      zero.close();
    }
  }
}
