package io.whimbrel.client;

/** Where the vectors of a version come from. */
public enum Origin {
  /** They come with the points. */
  CLIENT,
  /** The server asks an embedding provider. */
  PROVIDER,
  /** The server computes them from another version. */
  DERIVED
}
