package io.whimbrel.core.model;

import java.time.Duration;
import java.util.OptionalDouble;

/// A migration as it stands.
///
/// @param id names it for ever, for example `m-1207`; also the salt of its routing
/// @param from what the old version holds
/// @param derived whether the server computes the new vectors itself
/// @param revision grows with every durable change of the migration, see `Migrations.await`
/// @param basisPoints share of the reads that the new version answers, in hundredths of a per cent
/// @param epoch number of the routing policy in force
/// @param paused whether an operator, or a critical load, stopped the handing out of work
/// @param pausedBecause why; empty when not paused
/// @param postponed whether an operator holds a traffic schedule where it is
/// @param rollbackReady whether the old version has every write, so that going back loses nothing
/// @param legacyWrites writes with a vector for the old version only, since the database was opened
/// @param legacyReads reads of clients that know the old version only, since the database was
///   opened
/// @param switchedAtMillis when the new version began to answer all reads; 0 when it does not
/// @param verified whether a clean comparison, or an operator, let it become READY
/// @param failure why the state is FAILED; else empty
/// @param createdAtMillis since the epoch of the system clock
public record Migration(
    String id,
    MigrationSpec spec,
    int fromVersion,
    int toVersion,
    EmbeddingSpec from,
    boolean derived,
    MigrationState state,
    long revision,
    int basisPoints,
    long epoch,
    boolean paused,
    String pausedBecause,
    boolean postponed,
    Progress progress,
    boolean rollbackReady,
    long reverseBacklog,
    long legacyWrites,
    long legacyReads,
    long switchedAtMillis,
    boolean verified,
    String failure,
    long createdAtMillis) {
  /// @param live points that have a vector in one of the two versions
  /// @param done live points whose vector in the new version is there and current
  /// @param backlog points that wait for their new vector, leased ones included; while the state is
  ///   DUAL_WRITE, those listed so far
  /// @param leased points handed out and not yet committed
  /// @param deadLetters points given up and not waived
  /// @param waived points given up that an operator accepted
  /// @param rate points committed in a second, a moving average; 0 while there is none
  /// @param etaSeconds until the backlog is empty; absent below 1 % or without a rate
  /// @param waitReason why no work is handed out just now; else empty
  /// @param coverage share of the new version's vectors that its index covers
  /// @param searchP99 what limits of the search p99 are held against; zero while there are too few
  ///   searches to tell
  public record Progress(
      long live,
      long done,
      long backlog,
      long leased,
      long deadLetters,
      long waived,
      double rate,
      OptionalDouble etaSeconds,
      String waitReason,
      double coverage,
      Duration searchP99) {}
}
