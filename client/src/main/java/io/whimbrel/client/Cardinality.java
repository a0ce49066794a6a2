package io.whimbrel.client;

/** How many vectors a point has in a field. */
public enum Cardinality {
  /** One vector a point. */
  SINGLE,
  /** One vector a token, scored by MaxSim. */
  MULTI
}
