package io.whimbrel.core.model;

import java.util.List;

/// Who is answered by which version of a field. One policy is in force at a time; each request
/// reads one.
///
/// @param epoch its number; every change of the policy makes a larger one
/// @param migrationId the salt of the buckets; empty when there is no migration
/// @param basisPoints buckets below it, of 10,000, are answered by `toVersion`, the others by
///   `fromVersion`
/// @param toVersion the same as `fromVersion` when there is no migration
/// @param versions the versions that take writes or answer reads, by number
public record RoutingPolicy(
    String collection,
    String field,
    long epoch,
    String migrationId,
    int basisPoints,
    int fromVersion,
    int toVersion,
    List<PolicyVersion> versions) {
  /// Buckets, and the unit of a share of the traffic.
  public static final int BUCKETS = 10_000;

  public RoutingPolicy {
    Limits.checkRange("basis_points", basisPoints, 0, BUCKETS);
    versions = List.copyOf(versions);
  }

  /// @param spaceId of the vectors that clients send: of `inputDimension` values, and of the
  ///   version's own space unless it is derived
  public record PolicyVersion(
      int number, EmbeddingSpec spec, String spaceId, int inputDimension, boolean takesWrites) {}

  /// The version that answers a bucket.
  public int versionOf(int bucket) {
    return bucket < basisPoints ? toVersion : fromVersion;
  }
}
