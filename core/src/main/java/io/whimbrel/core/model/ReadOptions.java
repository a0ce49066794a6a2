package io.whimbrel.core.model;

/// @param minSeq wait until the write with this sequence number is visible; 0 asks for nothing,
///   since a finished write of any client is always visible
public record ReadOptions(Selector payload, Selector vectors, long minSeq) {
  public static final ReadOptions DEFAULT = new ReadOptions(Selector.ALL, Selector.NONE, 0);
}
