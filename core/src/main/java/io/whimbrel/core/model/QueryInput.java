package io.whimbrel.core.model;

import java.util.List;

/// What a stage compares points with.
public sealed interface QueryInput {
  /// A vector; several are the same query in several spaces, each with its `spaceId`, of which the
  /// version that answers takes its own.
  record Given(List<Vector> vectors) implements QueryInput {
    public Given {
      vectors = List.copyOf(vectors);
      Limits.checkRange("vectors", vectors.size(), 1, Limits.QUERY_SPACES_MAX);
    }

    public static Given of(Vector vector) {
      return new Given(List.of(vector));
    }
  }

  /// The vector that this point has in the version that answers; the point itself is left out.
  record Stored(PointId id) implements QueryInput {}
}
