package io.whimbrel.core.engine;

import io.whimbrel.core.collection.MigrationDesk;
import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.DeadLetterPage;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationPlan;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.VerificationReport;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/// Moves a vector field from one version to the next while reads and writes go on.
///
/// Every verb is one durable step, decided by the sequencer thread; it can be repeated, and a kill
/// between two steps changes nothing but time. A refusal is a `WhimbrelException` and has changed
/// nothing. Any number of threads. Unless said otherwise a verb waits for its step and returns the
/// migration after it.
public final class Migrations {
  private final Database database;
  private final MigrationDesk desk;

  Migrations(Database database, MigrationDesk desk) {
    this.database = database;
    this.desk = desk;
  }

  /// What a migration would cost, and what speaks against it. Changes nothing.
  public MigrationPlan plan(MigrationSpec spec) {
    return database.reading(() -> {
      database.refuseUnsupported("to", spec.to(), true);
      return desk.plan(spec);
    });
  }

  /// Makes the new version; with `start`, writes go to both versions from here on. Refuses with
  /// MIGRATION_EXISTS when the field has a migration that has not ended.
  public Migration create(MigrationSpec spec, boolean start, ChangeNote note) {
    database.refuseUnsupported("to", spec.to(), true);
    return database.await(desk.create(spec, start, note));
  }

  /// Begins dual writes and lists every live point in the backlog.
  public Migration start(String id, ChangeNote note) {
    return database.await(desk.start(id, note));
  }

  /// MIGRATION_NOT_FOUND when there is none of this id.
  public Migration get(String id) {
    database.refuseIfClosed();
    return desk.get(id);
  }

  /// The migrations of a collection, newest first; those of all collections when the name is empty.
  public List<Migration> list(String collection) {
    database.refuseIfClosed();
    return desk.list(collection);
  }

  /// Every durable change of a migration, oldest first.
  public List<MigrationEvent> history(String id) {
    return database.reading(() -> desk.history(id));
  }

  /// The migration as soon as its revision is above `revision`, or as it is after `wait`. Holds the
  /// thread.
  public Migration await(String id, long revision, Duration wait) {
    database.refuseIfClosed();
    return desk.await(id, revision, wait);
  }

  /// Stops handing out work; commits of work that is out are still taken.
  public Migration pause(String id, ChangeNote note) {
    return database.await(desk.pause(id, note));
  }

  /// Hands out work again; takes a FAILED migration back to BACKFILLING.
  public Migration resume(String id, ChangeNote note) {
    return database.await(desk.resume(id, note));
  }

  public Migration setThrottle(String id, BackfillThrottle throttle, ChangeNote note) {
    return database.await(desk.setThrottle(id, throttle, note));
  }

  /// Holds a traffic schedule where it is, or lets it go on. The schedule itself asks [#get].
  public Migration postpone(String id, boolean postponed, ChangeNote note) {
    return database.await(desk.postpone(id, postponed, note));
  }

  /// Up to `points` (1 to 1,000) points to embed, in the order they were first written, for `ttl`
  /// (1 s to 1 h). Never blocks: under a throttle or a pause the answer is empty and says when to
  /// ask again. Leases are in memory: after a restart the points are leased anew.
  public BackfillLeases lease(String id, BackfillSide side, int points, Duration ttl) {
    return database.reading(() -> desk.lease(id, side, points, ttl));
  }

  /// Stores vectors of leased points, 1 to 1,000, each decided by itself: it is STORED when the
  /// point still has the content that was leased, whether or not the lease has expired meanwhile. A
  /// vector of another space or dimension refuses the whole request, since the worker runs the
  /// wrong model; one that is not finite or has no direction makes its point a dead letter. The
  /// future completes after the vectors are durable and visible.
  public CompletableFuture<List<CommitResult>> commit(
      String id, BackfillSide side, List<BackfillCommit> commits) {
    database.refuseIfClosed();
    return desk.commit(id, side, commits);
  }

  /// Gives leased points back, 1 to 1,000. A point that failed too often becomes a dead letter.
  public CompletableFuture<List<CommitResult>> release(
      String id, BackfillSide side, List<BackfillFailure> failures) {
    return database.reading(() -> desk.release(id, side, failures));
  }

  /// Up to `limit` (1 to 1,000) points given up, from `cursor` (empty, or from the page before).
  public DeadLetterPage deadLetters(String id, byte[] cursor, int limit) {
    return database.reading(() -> desk.deadLetters(id, cursor, limit));
  }

  /// Puts every dead letter that is not waived back into the backlog.
  public Migration retryDeadLetters(String id, ChangeNote note) {
    return database.await(desk.moveDeadLetters(id, false, note));
  }

  /// Accepts that the dead letters of now have no new vector.
  public Migration waiveDeadLetters(String id, ChangeNote note) {
    return database.await(desk.moveDeadLetters(id, true, note));
  }

  /// Puts points into a backlog, for a verification that found their vectors wrong; 1 to 10,000.
  /// Ids without a point, or without a vector in the other version, are passed over. Returns how
  /// many were put in.
  public long requeue(String id, BackfillSide side, List<PointId> ids, ChangeNote note) {
    return database.await(desk.requeue(id, side, ids, note));
  }

  /// Tells the outcome of a comparison. Without faults, in state VERIFYING and with an empty
  /// backlog, the state becomes READY. With faults it stays.
  public Migration verified(String id, VerificationReport report, ChangeNote note) {
    return database.await(desk.verified(id, report, note));
  }

  /// READY without a comparison, on the operator's word. Needs state INDEXING or VERIFYING.
  public Migration skipVerification(String id, ChangeNote note) {
    return database.await(desk.skipVerification(id, note));
  }

  /// Lets the new version answer `basisPoints` of 10,000 buckets: SHIFTING, or SWITCHED at 10,000.
  /// Refuses with EPOCH_MISMATCH unless `expectedEpoch` is in force (0 is not looked at). `dryRun`
  /// refuses what would be refused, and returns the migration as it is.
  public Migration switchTraffic(
      String id, int basisPoints, long expectedEpoch, boolean dryRun, ChangeNote note) {
    return database.await(desk.switchTraffic(id, basisPoints, expectedEpoch, dryRun, note));
  }

  /// All reads to the old version in one step: ROLLED_BACK.
  public Migration reverseTraffic(String id, ChangeNote note) {
    return database.await(desk.reverseTraffic(id, note));
  }

  /// Stops a migration that went wrong, all reads to the old version: FAILED.
  public Migration fail(String id, ChangeNote note) {
    return database.await(desk.fail(id, note));
  }

  /// Ends the migration and gives the old version's space back in the background, see COMPLETING.
  /// There is no way back. `confirmCollection` must be the collection's name. Refuses with UNSAFE
  /// before the soak time is over, with points in the reverse backlog, with dead letters not
  /// waived, or with readers of the old version in the last minute, unless `force`. `keepData`
  /// leaves the old version readable by number, without further writes.
  public Migration complete(
      String id, String confirmCollection, boolean keepData, boolean force, ChangeNote note) {
    return database.await(desk.complete(id, confirmCollection, keepData, force, note));
  }

  /// Ends the migration and drops the new version; needs 0 basis points.
  public Migration cancel(String id, boolean keepData, ChangeNote note) {
    return database.await(desk.cancel(id, keepData, note));
  }

  /// The policy in force. Without a migration it names one version.
  public RoutingPolicy policy(String collection, String field) {
    database.refuseIfClosed();
    return desk.policy(collection, field);
  }

  /// The policy as soon as its epoch is above `epoch`, or as it is after `wait`. Holds the thread.
  public RoutingPolicy awaitPolicy(String collection, String field, long epoch, Duration wait) {
    database.refuseIfClosed();
    return desk.awaitPolicy(collection, field, epoch, wait);
  }

  /// Where the 99th percentile of recent searches comes from, for throttles. Unless told otherwise,
  /// from this database's own searches of the last seconds.
  public void searchP99(Supplier<Duration> p99) {
    desk.searchP99(p99);
  }
}
