package io.whimbrel.client;

import java.util.List;

/** What a stage compares points with. */
public sealed interface QueryInput {
  static QueryInput of(Vector vector) {
    return new Given(List.of(vector));
  }

  static QueryInput of(PointId id) {
    return new Stored(id);
  }

  /**
   * A vector; several are the same query in several spaces, each with its space, of which the
   * version that answers takes its own.
   */
  record Given(List<Vector> vectors) implements QueryInput {
    public Given {
      vectors = List.copyOf(vectors);
      Checks.atLeast("vectors", vectors.size(), 1);
    }
  }

  /** The stored vector of a point, which is left out of the hits. */
  record Stored(PointId id) implements QueryInput {}
}
