package io.whimbrel.core.model;

import java.util.Map;

/// A point as it is stored, reduced to what the reader selected.
///
/// @param seq sequence number of its last write
public record Point(PointId id, Map<String, Value> payload, Map<String, Vector> vectors, long seq) {
  public Point {
    payload = Map.copyOf(payload);
    vectors = Map.copyOf(vectors);
  }
}
