package io.whimbrel.core.model;

/// A point whose backfill was given up.
///
/// @param attempts how often it failed
/// @param waived whether an operator accepted that it has no new vector
public record DeadLetter(PointId id, String reason, int attempts, boolean waived) {}
