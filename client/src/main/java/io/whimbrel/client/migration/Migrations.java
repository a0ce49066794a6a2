package io.whimbrel.client.migration;

import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.internal.Calls;
import io.whimbrel.client.internal.CollectionWire;
import io.whimbrel.client.internal.MigrationWire;
import io.whimbrel.client.internal.PointWire;
import io.whimbrel.client.internal.ValueWire;
import io.whimbrel.proto.v1.BackfillVector;
import io.whimbrel.proto.v1.CancelMigrationRequest;
import io.whimbrel.proto.v1.CommitBackfillRequest;
import io.whimbrel.proto.v1.CompleteMigrationRequest;
import io.whimbrel.proto.v1.LeaseBackfillRequest;
import io.whimbrel.proto.v1.ListDeadLettersRequest;
import io.whimbrel.proto.v1.ListMigrationsRequest;
import io.whimbrel.proto.v1.MigrationRef;
import io.whimbrel.proto.v1.MigrationsGrpc;
import io.whimbrel.proto.v1.MirrorTrafficRequest;
import io.whimbrel.proto.v1.PlanMigrationRequest;
import io.whimbrel.proto.v1.RecordFeedbackRequest;
import io.whimbrel.proto.v1.ReleaseBackfillRequest;
import io.whimbrel.proto.v1.ReverseTrafficRequest;
import io.whimbrel.proto.v1.RoutingPolicyRef;
import io.whimbrel.proto.v1.SetThrottleRequest;
import io.whimbrel.proto.v1.StartVDiffRequest;
import io.whimbrel.proto.v1.SwitchTrafficRequest;
import io.whimbrel.proto.v1.WatchMigrationRequest;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;

/**
 * The verbs of a migration. Got from {@code WhimbrelClient.migrations()} and closed with it.
 *
 * <p>Safe for any number of threads; methods block as those of the client do and fail with a {@link
 * WhimbrelException}. Every verb is one durable step that can be repeated: what has been done is
 * answered, not done twice, so a call whose answer was lost may simply be made again. A refusal
 * changes nothing.
 */
public final class Migrations {
  private final Calls calls;

  /** For the client. */
  public Migrations(Calls calls) {
    this.calls = calls;
  }

  /**
   * What a migration would cost; changes nothing.
   *
   * @param pricePerMillionTokens for the estimate; 0 when not known
   * @param pointsPerSecond how fast workers embed, for the estimate; 0 when not known
   */
  public MigrationPlan plan(
      MigrationSpec spec, double pricePerMillionTokens, double pointsPerSecond) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getPlanMethod(),
            PlanMigrationRequest.newBuilder()
                .setCollection(spec.collection())
                .setField(spec.field())
                .setTo(CollectionWire.encode(spec.to()))
                .setPricePerMillionTokens(pricePerMillionTokens)
                .setPointsPerSecond(pointsPerSecond)
                .build(),
            true,
            MigrationWire::decode));
  }

  /** Makes the new version. A field has one migration at a time. */
  public Migration create(MigrationSpec spec) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getCreateMethod(),
            MigrationWire.encode(spec),
            false,
            MigrationWire::decode));
  }

  /** Sends writes to both versions from here on and lists the backlog. */
  public Migration start(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getStartMethod(), ref(id), true, MigrationWire::decode));
  }

  public Migration get(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getGetMethod(), ref(id), true, MigrationWire::decode));
  }

  /** All migrations of a collection, or of all when empty; those that have ended too. */
  public List<Migration> list(String collection) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getListMethod(),
            ListMigrationsRequest.newBuilder().setCollection(collection).build(),
            true,
            answer -> answer.getMigrationsList().stream().map(MigrationWire::decode).toList()));
  }

  /**
   * Hands the migration to {@code more} now and whenever it has changed, until that says no or the
   * migration has ended. Connects again after a broken connection as the retry policy says.
   */
  public void watch(String id, Duration interval, Predicate<Migration> more) {
    calls.watch(
        MigrationsGrpc.getWatchMethod(),
        WatchMigrationRequest.newBuilder()
            .setId(id)
            .setInterval(MigrationWire.encode(interval))
            .build(),
        message -> {
          Migration migration = MigrationWire.decode(message);
          return more.test(migration) && !migration.state().ended();
        });
  }

  /** Hands out no more work; commits of work that is out are still taken. */
  public Migration pause(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getPauseMethod(), ref(id), true, MigrationWire::decode));
  }

  public Migration resume(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getResumeMethod(), ref(id), true, MigrationWire::decode));
  }

  public Migration setThrottle(String id, Throttle throttle) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getSetThrottleMethod(),
            SetThrottleRequest.newBuilder()
                .setId(id)
                .setThrottle(MigrationWire.encode(throttle))
                .build(),
            true,
            MigrationWire::decode));
  }

  /**
   * Leases points to embed. A lease that is lost on the way runs out and goes to another worker.
   *
   * @param worker a name for status and logs
   * @param points 1 to 1,000
   */
  public Leases lease(String id, BackfillSide side, String worker, int points, Duration lease) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getLeaseBackfillMethod(),
            LeaseBackfillRequest.newBuilder()
                .setId(id)
                .setSide(MigrationWire.encode(side))
                .setWorker(worker)
                .setPoints(points)
                .setLeaseSeconds((int) lease.toSeconds())
                .build(),
            true,
            MigrationWire::decode));
  }

  /**
   * Stores vectors of leased points, each with the space of the new version. A vector made from
   * older content is not stored, so a commit may be late and may be repeated.
   *
   * @param vectors in the order of {@code points}
   */
  public List<CommitResult> commit(
      String id, BackfillSide side, String worker, List<LeasedPoint> points, List<Vector> vectors) {
    CommitBackfillRequest.Builder request =
        CommitBackfillRequest.newBuilder()
            .setId(id)
            .setSide(MigrationWire.encode(side))
            .setWorker(worker);
    for (int i = 0; i < points.size(); i++) {
      request.addVectors(
          BackfillVector.newBuilder()
              .setId(ValueWire.encode(points.get(i).id()))
              .setSeq(points.get(i).seq())
              .setContentHash(points.get(i).contentHash())
              .setVector(PointWire.encode(vectors.get(i))));
    }
    return Calls.await(
        calls.call(
            MigrationsGrpc.getCommitBackfillMethod(),
            request.build(),
            true,
            MigrationWire::decode));
  }

  /** Gives leased points back. */
  public List<CommitResult> release(
      String id, BackfillSide side, String worker, List<BackfillFailure> failures) {
    ReleaseBackfillRequest.Builder request =
        ReleaseBackfillRequest.newBuilder()
            .setId(id)
            .setSide(MigrationWire.encode(side))
            .setWorker(worker);
    failures.forEach(failure -> request.addFailures(MigrationWire.encode(failure)));
    return Calls.await(
        calls.call(
            MigrationsGrpc.getReleaseBackfillMethod(),
            request.build(),
            true,
            answer -> MigrationWire.decodeResults(answer.getResultsList())));
  }

  /**
   * Points that were given up.
   *
   * @param cursor {@link DeadLetters#START} or that of the page before
   */
  public DeadLetters deadLetters(String id, int limit, String cursor) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getListDeadLettersMethod(),
            ListDeadLettersRequest.newBuilder()
                .setId(id)
                .setLimit(limit)
                .setCursor(PointWire.encodeCursor(cursor))
                .build(),
            true,
            MigrationWire::decode));
  }

  /** Puts the points that were given up back into the backlog. */
  public Migration retryDeadLetters(String id) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getRetryDeadLettersMethod(), ref(id), true, MigrationWire::decode));
  }

  /** Accepts that the points that are given up now have no new vector. */
  public Migration waiveDeadLetters(String id, String reason) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getWaiveDeadLettersMethod(),
            ref(id).toBuilder().setReason(reason).build(),
            true,
            MigrationWire::decode));
  }

  /** Compares both versions in the background; {@link #vdiff} tells how far it is. */
  public VDiff startVDiff(String id) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getStartVDiffMethod(),
            StartVDiffRequest.newBuilder().setId(id).build(),
            true,
            MigrationWire::decode));
  }

  public VDiff vdiff(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getGetVDiffMethod(), ref(id), true, MigrationWire::decode));
  }

  public VDiff stopVDiff(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getStopVDiffMethod(), ref(id), true, MigrationWire::decode));
  }

  public VDiff resumeVDiff(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getResumeVDiffMethod(), ref(id), true, MigrationWire::decode));
  }

  public Migration deleteVDiff(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getDeleteVDiffMethod(), ref(id), true, MigrationWire::decode));
  }

  /** Lets traffic be moved without a comparison, on the operator's word. */
  public Migration skipVerification(String id, String reason) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getSkipVerificationMethod(),
            ref(id).toBuilder().setReason(reason).build(),
            true,
            MigrationWire::decode));
  }

  /** Sends this share of the reads to the new version as well, without effect on any answer. */
  public Migration mirror(String id, int percent) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getMirrorTrafficMethod(),
            MirrorTrafficRequest.newBuilder().setId(id).setPercent(percent).build(),
            true,
            MigrationWire::decode));
  }

  /** Moves a share of the reads, in hundredths of a per cent, to the new version. */
  public Migration switchTraffic(String id, int basisPoints) {
    return switchTraffic(id, basisPoints, SwitchOptions.DEFAULT);
  }

  public Migration switchTraffic(String id, int basisPoints, SwitchOptions options) {
    return switchTraffic(
        SwitchTrafficRequest.newBuilder().setId(id).setBasisPoints(basisPoints), options);
  }

  /** Lets the server move the traffic step by step. */
  public Migration switchTraffic(String id, Schedule schedule, SwitchOptions options) {
    return switchTraffic(
        SwitchTrafficRequest.newBuilder().setId(id).setSchedule(MigrationWire.encode(schedule)),
        options);
  }

  private Migration switchTraffic(SwitchTrafficRequest.Builder request, SwitchOptions options) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getSwitchTrafficMethod(),
            request
                .setDryRun(options.dryRun())
                .setExpectedEpoch(options.expectedEpoch())
                .setReason(options.reason())
                .build(),
            // Repeating a step that an epoch guards would refuse it after it was done.
            options.expectedEpoch() == 0,
            MigrationWire::decode));
  }

  /**
   * How traffic is moved.
   *
   * @param dryRun refuse what would be refused, and change nothing; the answer is the migration as
   *     it is
   * @param expectedEpoch refuse unless this is the epoch in force; not looked at when 0
   */
  public record SwitchOptions(boolean dryRun, long expectedEpoch, String reason) {
    public static final SwitchOptions DEFAULT = new SwitchOptions(false, 0, "");
  }

  /**
   * Tells whether a user found an answer good, for the gates of a schedule.
   *
   * @param version {@code servedVersion} of the answer
   */
  public void recordFeedback(String id, int version, boolean good) {
    boolean unused =
        Calls.await(
            calls.call(
                MigrationsGrpc.getRecordFeedbackMethod(),
                RecordFeedbackRequest.newBuilder()
                    .setId(id)
                    .setVersion(version)
                    .setGood(good)
                    .build(),
                false,
                answer -> true));
  }

  /** Holds the schedule where it is. */
  public Migration postpone(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getPostponeMethod(), ref(id), true, MigrationWire::decode));
  }

  public Migration unpostpone(String id) {
    return Calls.await(
        calls.call(MigrationsGrpc.getUnpostponeMethod(), ref(id), true, MigrationWire::decode));
  }

  /** All reads back to the old version, in one step. */
  public Migration reverse(String id, String reason) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getReverseTrafficMethod(),
            ReverseTrafficRequest.newBuilder().setId(id).setReason(reason).build(),
            true,
            MigrationWire::decode));
  }

  /**
   * Ends the migration and gives the space of the old version back. There is no way back.
   *
   * @param confirmCollection the name of the collection
   */
  public Migration complete(String id, String confirmCollection) {
    return complete(id, confirmCollection, false, false);
  }

  /**
   * Ends the migration; see {@link #complete(String, String)}.
   *
   * @param keepData leave the old version's vectors on disk
   * @param force although points are dead letters, the soak time runs or the old version lags
   */
  public Migration complete(String id, String confirmCollection, boolean keepData, boolean force) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getCompleteMethod(),
            CompleteMigrationRequest.newBuilder()
                .setId(id)
                .setConfirmCollection(confirmCollection)
                .setKeepData(keepData)
                .setForce(force)
                .build(),
            true,
            MigrationWire::decode));
  }

  /** Ends the migration and drops the new version; only while no read goes to it. */
  public Migration cancel(String id, String reason) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getCancelMethod(),
            CancelMigrationRequest.newBuilder().setId(id).setReason(reason).build(),
            true,
            MigrationWire::decode));
  }

  /** Who is answered by which version of a field now. */
  public RoutingPolicy routingPolicy(String collection, String field) {
    return Calls.await(
        calls.call(
            MigrationsGrpc.getGetRoutingPolicyMethod(),
            policyRef(collection, field),
            true,
            MigrationWire::decode));
  }

  /** Hands the policy to {@code more} now and whenever it has changed, until that says no. */
  public void watchRoutingPolicy(String collection, String field, Predicate<RoutingPolicy> more) {
    calls.watch(
        MigrationsGrpc.getWatchRoutingPolicyMethod(),
        policyRef(collection, field),
        message -> more.test(MigrationWire.decode(message)));
  }

  private static RoutingPolicyRef policyRef(String collection, String field) {
    return RoutingPolicyRef.newBuilder().setCollection(collection).setField(field).build();
  }

  private static MigrationRef ref(String id) {
    return MigrationRef.newBuilder().setId(id).build();
  }
}
