package io.whimbrel.core.model;

import java.time.Duration;

/// A migration to be made.
///
/// @param field the vector field that gets a new version
/// @param to what the new version holds. With origin DERIVED the server computes its vectors, and
///   those of queries, from the old version's: a prefix of the dimensions, another storage, index
///   or metric
/// @param allowNewOnly take writes that have a vector for the new version only, before the switch
/// @param soak how long the old version stays after the switch before it may be dropped
public record MigrationSpec(
    String collection,
    String field,
    EmbeddingSpec to,
    LegacyWrite legacyWrite,
    StaleRead staleRead,
    boolean allowNewOnly,
    Duration soak,
    BackfillThrottle throttle) {
  private static final Duration SOAK_MAX = Duration.ofDays(3650);

  public MigrationSpec {
    if (soak.isNegative() || soak.compareTo(SOAK_MAX) > 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "soak", soak, "0 to " + SOAK_MAX.toDays() + " days");
    }
  }

  /// With the defaults: old clients' points wait in the backlog, stale vectors are left out, no
  /// soak time.
  public static MigrationSpec of(String collection, String field, EmbeddingSpec to) {
    return new MigrationSpec(
        collection,
        field,
        to,
        LegacyWrite.ENQUEUE,
        StaleRead.EXCLUDE,
        false,
        Duration.ZERO,
        BackfillThrottle.NONE);
  }
}
