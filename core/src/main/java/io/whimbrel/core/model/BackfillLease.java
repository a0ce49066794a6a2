package io.whimbrel.core.model;

import java.util.Map;

/// A point to embed.
///
/// @param seq sequence number of its last write
/// @param contentHash what its content was; given back with the vector
/// @param source the source fields of the payload; all of it when the version names none
/// @param attempts how often it failed before
public record BackfillLease(
    PointId id, long seq, long contentHash, Map<String, Value> source, int attempts) {
  public BackfillLease {
    source = Map.copyOf(source);
  }
}
