package io.whimbrel.client;

/** How a version keeps its searchable vectors. */
public enum Storage {
  /** As they are. */
  FLOAT32,
  /** A byte a value, with a scale. */
  INT8
}
