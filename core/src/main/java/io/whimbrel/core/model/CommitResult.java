package io.whimbrel.core.model;

/// What became of one point of a commit or release.
///
/// @param reason for DEAD_LETTER; else empty
public record CommitResult(PointId id, Outcome outcome, String reason) {
  /// The outcomes of a commit and of a release.
  public enum Outcome {
    /// The vector is stored, now or before.
    STORED,
    /// The point has changed since it was leased; it stays in the backlog.
    STALE,
    /// The point is deleted.
    GONE,
    /// The point was given back and will be leased again.
    REQUEUED,
    /// The point is given up, until an operator retries or waives it.
    DEAD_LETTER
  }
}
