package io.whimbrel.core.model;

/// Number type of the searchable copy of the vectors.
public enum Storage {
  /// Four bytes a dimension, exact.
  FLOAT32,
  /// One byte a dimension, on a scale of its own for each vector.
  INT8
}
