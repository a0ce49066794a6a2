package io.whimbrel.core.model;

import java.util.Map;
import java.util.OptionalLong;

/// A point as it is to be written: payload and vectors replace whatever was stored.
///
/// @param vectors vector field to vector; a field may be left out
/// @param ifSeq when present, the stored sequence number that the write demands; 0 demands that the
///   point does not exist
public record PointWrite(
    PointId id, Map<String, Value> payload, Map<String, Vector> vectors, OptionalLong ifSeq) {
  public PointWrite {
    payload = Map.copyOf(payload);
    vectors = Map.copyOf(vectors);
  }

  public static PointWrite of(PointId id, Map<String, Value> payload, Vector vector) {
    return new PointWrite(
        id, payload, Map.of(FieldSpec.DEFAULT_NAME, vector), OptionalLong.empty());
  }
}
