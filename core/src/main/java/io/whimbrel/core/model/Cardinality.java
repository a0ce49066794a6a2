package io.whimbrel.core.model;

/// How many vectors a point has in one version.
public enum Cardinality {
  /// One vector.
  SINGLE,
  /// One vector a token, scored by MaxSim.
  MULTI
}
