package io.whimbrel.core.index;

import io.whimbrel.core.memory.RowChunks;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.quant.AffineCodec;
import io.whimbrel.core.quant.AffineQuery;
import io.whimbrel.core.simd.Kernels;

/// Rows of one byte a value. Codes and factors lie apart, so that the codes of every row are whole
/// 64-byte lines and nothing else.
final class Int8Rows implements Rows {
  private final AffineCodec codec;
  private final RowChunks codes;
  private final RowChunks factors;
  private final Metric metric;
  private final Kernels kernels;

  Int8Rows(int dimension, Metric metric, Kernels kernels) {
    this.codec = AffineCodec.int8(dimension);
    this.codes = new RowChunks(codec.codeBytes());
    this.factors = new RowChunks(codec.factorBytes());
    this.metric = metric;
    this.kernels = kernels;
  }

  @Override
  public int count() {
    return codes.rows();
  }

  @Override
  public long bytes() {
    return codes.bytes() + factors.bytes();
  }

  @Override
  public int rowBytes() {
    return codec.codeBytes() + codec.factorBytes();
  }

  @Override
  public int append(float[] row) {
    int index = codes.reserve();
    factors.reserve();
    codec.encode(
        row,
        codes.segment(index),
        codes.offset(index),
        factors.segment(index),
        factors.offset(index));
    codes.commit();
    factors.commit();
    return index;
  }

  @Override
  public void copyRow(int row, float[] out) {
    codec.decode(
        codes.segment(row), codes.offset(row), factors.segment(row), factors.offset(row), out);
  }

  @Override
  public Query query(float[] query) {
    return new Int8Query(query);
  }

  @Override
  public void close() {
    codes.close();
    factors.close();
  }

  private final class Int8Query implements Query {
    private final AffineQuery query;

    Int8Query(float[] query) {
      this.query = new AffineQuery(codec, query, metric, kernels.codes());
    }

    @Override
    public int score(int row, int countMax, float[] out) {
      int count = Math.min(countMax, Math.min(codes.contiguous(row), factors.contiguous(row)));
      query.score(
          codes.segment(row),
          codes.offset(row),
          factors.segment(row),
          factors.offset(row),
          count,
          out);
      return count;
    }

    @Override
    public void close() {
      query.close();
    }
  }
}
