package io.whimbrel.core.model;

/// The answer to a write.
///
/// @param seq sequence number of the write
/// @param affected points written or deleted
/// @param durableWithinMillis 0 under SYNC; under ASYNC the longest time until the write is on
///   stable storage
/// @param repeated whether the request id was seen before and this is its first answer
public record WriteResult(
    long seq, long affected, Durability durability, int durableWithinMillis, boolean repeated) {}
