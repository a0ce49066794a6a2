package io.whimbrel.core.model;

import java.util.List;

/// What a migration would cost.
///
/// @param points live points that have a vector of the field
/// @param pointsToEmbed those that a worker has to embed; 0 for a derived version
/// @param vectorBytes of the new version's vectors on disk
/// @param memoryBytes of the new version's index, estimated
/// @param diskPeakBytes highest use of the disk on the way, everything included, estimated
/// @param diskFreeBytes free bytes of the file system of the data directory
/// @param sourceBytes bytes of text in the source fields, estimated from a sample; a token is about
///   four
/// @param warnings what the operator should know before
public record MigrationPlan(
    long points,
    long pointsToEmbed,
    long vectorBytes,
    long memoryBytes,
    long diskPeakBytes,
    long diskFreeBytes,
    long sourceBytes,
    String fromSpaceId,
    String toSpaceId,
    List<String> warnings) {
  public MigrationPlan {
    warnings = List.copyOf(warnings);
  }
}
