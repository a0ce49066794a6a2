package io.whimbrel.client.migration;

import io.whimbrel.client.EmbeddingSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A migration as it stands.
 *
 * @param revision grows with every change
 * @param derived whether the server computes the new vectors itself
 * @param verified a clean comparison, or an operator, let it become READY
 * @param pausedBecause why it is paused; else empty
 * @param basisPoints share of the reads that the new version answers, in hundredths of a per cent
 * @param epoch number of the routing policy in force
 * @param rollbackReady the old version has every write: going back loses nothing
 * @param reverseBacklog points that the old version lacks or has in older form
 * @param legacyWrites writes of clients that know the old version only, since the start
 * @param legacyReads reads of such clients
 * @param soakUntil {@link Migrations#complete} is refused before
 * @param failure why the state is FAILED; else empty
 * @param history newest last, the last 100; empty in lists and watches
 */
public record Migration(
    String id,
    String collection,
    String field,
    int fromVersion,
    int toVersion,
    EmbeddingSpec from,
    EmbeddingSpec to,
    MigrationState state,
    long revision,
    boolean derived,
    boolean verified,
    boolean paused,
    String pausedBecause,
    boolean postponed,
    BackfillProgress progress,
    int basisPoints,
    long epoch,
    boolean rollbackReady,
    long reverseBacklog,
    Throttle throttle,
    LegacyWrite legacyWrite,
    StaleRead staleRead,
    long legacyWrites,
    long legacyReads,
    int mirrorPercent,
    Optional<MirrorReport> mirror,
    Optional<ScheduleStatus> schedule,
    Instant created,
    Optional<Instant> switched,
    Optional<Instant> soakUntil,
    String failure,
    List<Event> history,
    Optional<VDiff> vdiff) {
  public Migration {
    history = List.copyOf(history);
  }

  /**
   * A step of a migration.
   *
   * @param actor who asked: a client, or the server itself
   */
  public record Event(
      Instant time, MigrationState state, int basisPoints, String actor, String reason) {}

  /**
   * What mirrored reads showed.
   *
   * @param dropped not asked, because the server had better things to do
   * @param skipped without a vector in the new version's space
   * @param compared with two answers
   * @param meanOverlap share of the hits that both answers have in common
   */
  public record MirrorReport(
      long sampled,
      long dropped,
      long skipped,
      long failed,
      long compared,
      double meanOverlap,
      double fromP99Millis,
      double toP99Millis) {}

  /**
   * Where a schedule stands.
   *
   * @param state RUNNING, DONE, TRIPPED or STOPPED
   * @param step from 0; the number of steps when it is through
   * @param held how long the step was held while the server ran
   * @param heldBy why the next step does not come; else empty
   * @param lastWindow what the last closed window showed
   * @param ended why it was ended; else empty
   */
  public record ScheduleStatus(
      Schedule schedule,
      String state,
      int step,
      Duration held,
      String heldBy,
      String lastWindow,
      String ended) {}

  /** Time that progress suggests until the backlog is empty. */
  public Optional<Duration> eta() {
    return progress.eta();
  }
}
