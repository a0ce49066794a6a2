package io.whimbrel.core.model;

/// The vector of a leased point.
///
/// @param seq as leased
/// @param contentHash as leased
public record BackfillCommit(PointId id, long seq, long contentHash, Vector vector) {}
