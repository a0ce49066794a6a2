package io.whimbrel.client;

/** How two vectors are compared; the score is bigger for the better match. */
public enum Metric {
  /** Score in [-1, 1]; a zero vector is refused. */
  COSINE,
  /** Score is the inner product. */
  DOT,
  /** Score is the negative squared Euclidean distance. */
  L2
}
