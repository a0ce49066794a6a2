package io.whimbrel.core.index;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;

/// Rows of float32, exact.
final class FloatRows implements Rows {
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
}
