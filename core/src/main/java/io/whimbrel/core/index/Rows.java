package io.whimbrel.core.index;

import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.Kernels;

/// The rows of an index in one number type: how they are kept, and how they are scored.
///
/// One thread appends; any number of threads read rows that were published to them. A wrong length
/// or a value that is not finite has been refused before.
interface Rows extends AutoCloseable {
  static Rows of(Storage storage, int dimension, Metric metric, Kernels kernels) {
    return switch (storage) {
      case FLOAT32 -> new FloatRows(dimension, metric, kernels);
      case INT8 -> new Int8Rows(dimension, metric, kernels);
    };
  }

  /// Rows appended so far. Writer only.
  int count();

  /// Memory held, in bytes. Writer only.
  long bytes();

  /// Bytes that a scan reads of each row.
  int rowBytes();

  /// Appends a row and returns its index. Writer only.
  int append(float[] row);

  /// Copies a row as it is kept to the first `dimension` elements of `out`. Appending that again
  /// gives the same row.
  void copyRow(int row, float[] out);

  /// Prepares a query, scaled as the rows are.
  Query query(float[] query);

  /// Whether [#prefixQuery] works.
  default boolean hasPrefixes() {
    return false;
  }

  /// Prepares a query that compares the first `dims` values of each row with those of `query`;
  /// under COSINE each side as if scaled to unit length, a row without direction there scoring 0.
  /// `query` has unit length there itself.
  default Query prefixQuery(float[] query, int dims) {
    throw new UnsupportedOperationException("rows without prefixes");
  }

  /// Called when no reader is left.
  @Override
  void close();

  /// One query, in one thread.
  interface Query extends AutoCloseable {
    /// Scores the rows from `row` on, bigger for the better, to `out[0]` and after. Returns how
    /// many: at least one, at most `countMax`. A score is not finite where its sum leaves float32.
    int score(int row, int countMax, float[] out);

    @Override
    void close();
  }
}
