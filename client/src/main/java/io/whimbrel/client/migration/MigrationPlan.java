package io.whimbrel.client.migration;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What a migration would cost.
 *
 * @param pointsToEmbed points that a worker has to embed; 0 for a derived version
 * @param diskBytes bytes of the new version's vectors on disk
 * @param memoryBytes bytes of the new version's vectors in memory
 * @param diskPeakBytes highest use of the disk on the way, everything included
 * @param tokens an estimate: a quarter of the bytes of the source fields
 * @param price of those tokens, 0 when no price was given
 * @param duration of the backfill, when a speed was given
 * @param warnings what the operator should know before
 */
public record MigrationPlan(
    long points,
    long pointsToEmbed,
    long diskBytes,
    long memoryBytes,
    long diskPeakBytes,
    long diskFreeBytes,
    long tokens,
    double price,
    Optional<Duration> duration,
    String fromSpaceId,
    String toSpaceId,
    List<String> warnings) {
  public MigrationPlan {
    warnings = List.copyOf(warnings);
  }
}
