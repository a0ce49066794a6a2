package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;

/**
 * What became of a vector or of a point given back.
 *
 * @param reason for DEAD_LETTER
 */
public record CommitResult(PointId id, Outcome outcome, String reason) {
  /** The answers to a commit. */
  public enum Outcome {
    /** Stored, now or before. */
    STORED,
    /** The point has changed since; it stays in the backlog. */
    STALE,
    /** The point is deleted. */
    GONE,
    /** The vector is unusable; the point was given up until somebody retries it. */
    DEAD_LETTER,
    /** Given back. */
    REQUEUED
  }
}
