package io.whimbrel.core.model;

import java.util.Map;

/// @param minSeq wait until the write with this sequence number is visible; 0 asks for nothing,
///   since a finished write of any client is always visible
/// @param versions vector field to the version whose vectors are read; for others it is the one
///   that answers reads without a routing key
public record ReadOptions(
    Selector payload, Selector vectors, long minSeq, Map<String, Integer> versions) {
  public static final ReadOptions DEFAULT = new ReadOptions(Selector.ALL, Selector.NONE, 0);

  public ReadOptions {
    versions = Map.copyOf(versions);
  }

  public ReadOptions(Selector payload, Selector vectors, long minSeq) {
    this(payload, vectors, minSeq, Map.of());
  }
}
