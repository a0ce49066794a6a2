package io.whimbrel.server.wire;

import com.google.protobuf.Duration;
import com.google.protobuf.UnsafeByteOperations;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.DeadLetterPage;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationPlan;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.StaleRead;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.BackfillVector;
import io.whimbrel.proto.v1.CancelMigrationRequest;
import io.whimbrel.proto.v1.CommitBackfillRequest;
import io.whimbrel.proto.v1.CommitBackfillResponse;
import io.whimbrel.proto.v1.CommitOutcome;
import io.whimbrel.proto.v1.CompleteMigrationRequest;
import io.whimbrel.proto.v1.CreateMigrationRequest;
import io.whimbrel.proto.v1.DeadLetter;
import io.whimbrel.proto.v1.Lease;
import io.whimbrel.proto.v1.LeaseBackfillRequest;
import io.whimbrel.proto.v1.LeaseBackfillResponse;
import io.whimbrel.proto.v1.ListDeadLettersRequest;
import io.whimbrel.proto.v1.ListDeadLettersResponse;
import io.whimbrel.proto.v1.ListMigrationsRequest;
import io.whimbrel.proto.v1.MigrationRef;
import io.whimbrel.proto.v1.PlanMigrationRequest;
import io.whimbrel.proto.v1.PolicyVersion;
import io.whimbrel.proto.v1.Progress;
import io.whimbrel.proto.v1.ReleaseBackfillRequest;
import io.whimbrel.proto.v1.ReleaseBackfillResponse;
import io.whimbrel.proto.v1.ReverseTrafficRequest;
import io.whimbrel.proto.v1.RoutingPolicyRef;
import io.whimbrel.proto.v1.SetThrottleRequest;
import io.whimbrel.proto.v1.SwitchTrafficRequest;
import io.whimbrel.proto.v1.Throttle;
import io.whimbrel.proto.v1.WatchMigrationRequest;
import java.util.ArrayList;
import java.util.List;

/// Migrations, their backfills and routing policies.
public final class MigrationWire {
  /// Points in one lease, commit or release.
  public static final int BACKFILL_POINTS_MAX = 1_000;

  public static final int DEAD_LETTERS_MAX = 1_000;
  public static final int LEASE_SECONDS_MAX = 3_600;

  /// Events that an answer carries.
  public static final int HISTORY_MAX = 100;

  private static final int DEAD_LETTERS_DEFAULT = 100;
  private static final int LEASE_SECONDS_DEFAULT = 60;

  /// Long enough that policies cost nothing, short enough that a client that gets no answers in
  /// error learns of a switch soon.
  private static final java.time.Duration POLICY_TTL = java.time.Duration.ofSeconds(30);

  private static final java.time.Duration WATCH_INTERVAL_DEFAULT = java.time.Duration.ofSeconds(1);
  private static final java.time.Duration WATCH_INTERVAL_MIN = java.time.Duration.ofMillis(100);
  private static final double TOKEN_BYTES = 4;

  private MigrationWire() {}

  /// @param pricePerMillionTokens 0 when not known
  /// @param pointsPerSecond 0 when not known
  public record Plan(MigrationSpec spec, double pricePerMillionTokens, double pointsPerSecond) {}

  public record Create(MigrationSpec spec, boolean start, ChangeNote note) {}

  public record Verb(String id, ChangeNote note) {}

  public record Watch(String id, java.time.Duration interval) {}

  public record SetThrottle(String id, BackfillThrottle throttle, ChangeNote note) {}

  public record LeaseWork(
      String id, BackfillSide side, String worker, int points, java.time.Duration ttl) {}

  public record Commit(String id, BackfillSide side, List<BackfillCommit> commits) {}

  public record Release(String id, BackfillSide side, List<BackfillFailure> failures) {}

  public record DeadLetterQuery(String id, byte[] cursor, int limit) {}

  public record Complete(
      String id, String confirmCollection, boolean keepData, boolean force, ChangeNote note) {}

  public record Cancel(String id, boolean keepData, ChangeNote note) {}

  public record PolicyOf(String collection, String field) {}

  public static Plan plan(PlanMigrationRequest message) {
    Form.known(message);
    return new Plan(
        MigrationSpec.of(
            Form.collection(message.getCollection()),
            QueryWire.fieldName(message.getField()),
            to(message.hasTo(), message.getTo())),
        positive("price_per_million_tokens", message.getPricePerMillionTokens()),
        positive("points_per_second", message.getPointsPerSecond()));
  }

  public static Create create(CreateMigrationRequest message, String actor) {
    Form.known(message);
    return new Create(
        new MigrationSpec(
            Form.collection(message.getCollection()),
            QueryWire.fieldName(message.getField()),
            to(message.hasTo(), message.getTo()),
            legacyWrite(message),
            staleRead(message),
            message.getAllowNewOnly(),
            duration("soak", message.getSoak()),
            throttle(message.getThrottle())),
        message.getAutoStart(),
        new ChangeNote(actor, message.getReason()));
  }

  public static Verb verb(MigrationRef message, String actor) {
    Form.known(message);
    return new Verb(id(message.getId()), new ChangeNote(actor, message.getReason()));
  }

  public static Verb verb(ReverseTrafficRequest message, String actor) {
    Form.known(message);
    return new Verb(id(message.getId()), new ChangeNote(actor, message.getReason()));
  }

  /// The name of a collection; empty for all.
  public static String list(ListMigrationsRequest message) {
    Form.known(message);
    return message.getCollection();
  }

  public static Watch watch(WatchMigrationRequest message) {
    Form.known(message);
    java.time.Duration interval = duration("interval", message.getInterval());
    if (interval.isZero()) {
      interval = WATCH_INTERVAL_DEFAULT;
    }
    if (interval.compareTo(WATCH_INTERVAL_MIN) < 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "interval",
          interval,
          "nothing for a second, or at least " + WATCH_INTERVAL_MIN);
    }
    return new Watch(id(message.getId()), interval);
  }

  public static SetThrottle throttle(SetThrottleRequest message, String actor) {
    Form.known(message);
    if (!message.hasThrottle()) {
      throw Form.missing("throttle", "the limits that shall hold; an empty one for none");
    }
    return new SetThrottle(
        id(message.getId()),
        throttle(message.getThrottle()),
        new ChangeNote(actor, message.getReason()));
  }

  public static LeaseWork lease(LeaseBackfillRequest message) {
    Form.known(message);
    return new LeaseWork(
        id(message.getId()),
        side(message.getSide(), message.getSideValue()),
        worker(message.getWorker()),
        Form.range("points", message.getPoints(), 1, BACKFILL_POINTS_MAX),
        leaseTtl(message.getLeaseSeconds()));
  }

  public static java.time.Duration leaseTtl(int seconds) {
    int given = Form.range("lease_seconds", seconds, 0, LEASE_SECONDS_MAX);
    return java.time.Duration.ofSeconds(given == 0 ? LEASE_SECONDS_DEFAULT : given);
  }

  public static String worker(String name) {
    Limits.checkRange("worker", name.length(), 0, Limits.REQUEST_ID_BYTES_MAX);
    return name;
  }

  public static Commit commit(CommitBackfillRequest message) {
    Form.known(message);
    Limits.checkRange("vectors", message.getVectorsCount(), 1, BACKFILL_POINTS_MAX);
    List<BackfillCommit> commits = new ArrayList<>(message.getVectorsCount());
    for (int i = 0; i < message.getVectorsCount(); i++) {
      try {
        commits.add(commit(message.getVectors(i)));
      } catch (WhimbrelException e) {
        throw Form.within("vectors[" + i + "]", e);
      }
    }
    worker(message.getWorker());
    return new Commit(
        id(message.getId()), side(message.getSide(), message.getSideValue()), commits);
  }

  private static BackfillCommit commit(BackfillVector message) {
    Form.known(message);
    if (!message.hasVector()) {
      throw Form.missing("vector", "the vector of the new version");
    }
    try {
      return new BackfillCommit(
          PointWire.id(message.getId()),
          Form.seq("seq", message.getSeq()),
          message.getContentHash(),
          VectorWire.vector(message.getVector()));
    } catch (WhimbrelException e) {
      throw e.field().equals("packed") || e.field().equals("rows") ? Form.within("vector", e) : e;
    }
  }

  public static Release release(ReleaseBackfillRequest message) {
    Form.known(message);
    Limits.checkRange("failures", message.getFailuresCount(), 1, BACKFILL_POINTS_MAX);
    List<BackfillFailure> failures = new ArrayList<>(message.getFailuresCount());
    for (int i = 0; i < message.getFailuresCount(); i++) {
      io.whimbrel.proto.v1.BackfillFailure failure = message.getFailures(i);
      try {
        Form.known(failure);
        failures.add(
            new BackfillFailure(
                PointWire.id(failure.getId()),
                failure.getReason(),
                failure.getPermanent(),
                duration("retry_after", failure.getRetryAfter())));
      } catch (WhimbrelException e) {
        throw Form.within("failures[" + i + "]", e);
      }
    }
    worker(message.getWorker());
    return new Release(
        id(message.getId()), side(message.getSide(), message.getSideValue()), failures);
  }

  public static DeadLetterQuery deadLetters(ListDeadLettersRequest message) {
    Form.known(message);
    int limit = Form.range("limit", message.getLimit(), 0, DEAD_LETTERS_MAX);
    return new DeadLetterQuery(
        id(message.getId()),
        message.getCursor().toByteArray(),
        limit == 0 ? DEAD_LETTERS_DEFAULT : limit);
  }

  /// The share that a request without a schedule asks for.
  public static int basisPoints(SwitchTrafficRequest message) {
    return Form.range("basis_points", message.getBasisPoints(), 0, RoutingPolicy.BUCKETS);
  }

  public static Verb verb(SwitchTrafficRequest message, String actor) {
    Form.known(message);
    Form.seq("expected_epoch", message.getExpectedEpoch());
    return new Verb(id(message.getId()), new ChangeNote(actor, message.getReason()));
  }

  public static Complete complete(CompleteMigrationRequest message, String actor) {
    Form.known(message);
    return new Complete(
        id(message.getId()),
        message.getConfirmCollection(),
        message.getKeepData(),
        message.getForce(),
        new ChangeNote(actor, message.getReason()));
  }

  public static Cancel cancel(CancelMigrationRequest message, String actor) {
    Form.known(message);
    return new Cancel(
        id(message.getId()), message.getKeepData(), new ChangeNote(actor, message.getReason()));
  }

  public static PolicyOf policy(RoutingPolicyRef message) {
    Form.known(message);
    return new PolicyOf(
        Form.collection(message.getCollection()), QueryWire.fieldName(message.getField()));
  }

  public static String id(String id) {
    if (id.isEmpty()) {
      throw Form.missing("id", "the id of a migration");
    }
    return id;
  }

  public static BackfillSide side(io.whimbrel.proto.v1.BackfillSide side, int number) {
    return switch (side) {
      case BACKFILL_SIDE_UNSPECIFIED, BACKFILL_SIDE_FORWARD -> BackfillSide.FORWARD;
      case BACKFILL_SIDE_REVERSE -> BackfillSide.REVERSE;
      case UNRECOGNIZED ->
          throw Form.unknownEnum("side", number, "BACKFILL_SIDE_FORWARD or BACKFILL_SIDE_REVERSE");
    };
  }

  private static io.whimbrel.core.model.EmbeddingSpec to(
      boolean given, io.whimbrel.proto.v1.EmbeddingSpec spec) {
    if (!given) {
      throw Form.missing("to", "what the new version holds");
    }
    try {
      return SpecWire.target(spec);
    } catch (WhimbrelException e) {
      throw Form.within("to", e);
    }
  }

  private static LegacyWrite legacyWrite(CreateMigrationRequest message) {
    return switch (message.getLegacyWrite()) {
      case LEGACY_WRITE_UNSPECIFIED, LEGACY_WRITE_ENQUEUE -> LegacyWrite.ENQUEUE;
      case LEGACY_WRITE_REJECT -> LegacyWrite.REJECT;
      case LEGACY_WRITE_EMBED -> LegacyWrite.EMBED;
      case LEGACY_WRITE_BRIDGE -> LegacyWrite.BRIDGE;
      case UNRECOGNIZED ->
          throw Form.unknownEnum(
              "legacy_write",
              message.getLegacyWriteValue(),
              "LEGACY_WRITE_ENQUEUE or LEGACY_WRITE_REJECT");
    };
  }

  private static StaleRead staleRead(CreateMigrationRequest message) {
    return switch (message.getStaleRead()) {
      case STALE_READ_UNSPECIFIED, STALE_READ_EXCLUDE -> StaleRead.EXCLUDE;
      case STALE_READ_SERVE -> StaleRead.SERVE;
      case UNRECOGNIZED ->
          throw Form.unknownEnum(
              "stale_read", message.getStaleReadValue(), "STALE_READ_EXCLUDE or STALE_READ_SERVE");
    };
  }

  private static BackfillThrottle throttle(Throttle message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within("throttle", e);
    }
    return new BackfillThrottle(
        message.getPointsPerSecond(),
        message.getBytesPerSecond(),
        message.getNiceRatio(),
        duration("throttle.search_p99_max", message.getSearchP99Max()),
        duration("throttle.critical_search_p99", message.getCriticalSearchP99()));
  }

  private static double positive(String field, double value) {
    if (!(value >= 0) || value == Double.POSITIVE_INFINITY) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, value, "a number from 0, which means not known");
    }
    return value;
  }

  static java.time.Duration duration(String field, Duration message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within(field, e);
    }
    if (!Durations.isValid(message) || Durations.isNegative(message)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          field,
          message.getSeconds() + " s and " + message.getNanos() + " ns",
          "a valid duration, not negative");
    }
    return java.time.Duration.ofSeconds(message.getSeconds(), message.getNanos());
  }

  static Duration message(java.time.Duration duration) {
    return Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  public static io.whimbrel.proto.v1.MigrationPlan message(MigrationPlan plan, Plan asked) {
    long tokens = (long) Math.ceil(plan.sourceBytes() / TOKEN_BYTES);
    io.whimbrel.proto.v1.MigrationPlan.Builder out =
        io.whimbrel.proto.v1.MigrationPlan.newBuilder()
            .setPoints(plan.points())
            .setPointsToEmbed(plan.pointsToEmbed())
            .setDiskBytes(plan.vectorBytes())
            .setMemoryBytes(plan.memoryBytes())
            .setDiskPeakBytes(plan.diskPeakBytes())
            .setDiskFreeBytes(plan.diskFreeBytes())
            .setTokens(tokens)
            .setPrice(tokens / 1e6 * asked.pricePerMillionTokens())
            .setFromSpaceId(plan.fromSpaceId())
            .setToSpaceId(plan.toSpaceId())
            .addAllWarnings(plan.warnings());
    if (asked.pointsPerSecond() > 0) {
      out.setDuration(seconds(plan.pointsToEmbed() / asked.pointsPerSecond()));
    }
    return out.build();
  }

  private static Duration seconds(double seconds) {
    return Durations.fromMillis((long) Math.min(1e15, seconds * 1e3));
  }

  /// Without its history.
  public static io.whimbrel.proto.v1.Migration.Builder message(Migration migration) {
    MigrationSpec spec = migration.spec();
    io.whimbrel.proto.v1.Migration.Builder out =
        io.whimbrel.proto.v1.Migration.newBuilder()
            .setId(migration.id())
            .setCollection(spec.collection())
            .setField(spec.field())
            .setFromVersion(migration.fromVersion())
            .setToVersion(migration.toVersion())
            .setFrom(SpecWire.message(migration.from()))
            .setTo(SpecWire.message(spec.to()))
            .setState(message(migration.state()))
            .setRevision(migration.revision())
            .setDerived(migration.derived())
            .setVerified(migration.verified())
            .setPaused(migration.paused())
            .setPausedBecause(migration.pausedBecause())
            .setPostponed(migration.postponed())
            .setProgress(message(migration.progress()))
            .setBasisPoints(migration.basisPoints())
            .setEpoch(migration.epoch())
            .setRollbackReady(migration.rollbackReady())
            .setReverseBacklog(migration.reverseBacklog())
            .setThrottle(message(spec.throttle()))
            .setLegacyWrite(
                switch (spec.legacyWrite()) {
                  case ENQUEUE -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_ENQUEUE;
                  case REJECT -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_REJECT;
                  case EMBED -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_EMBED;
                  case BRIDGE -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_BRIDGE;
                })
            .setStaleRead(
                switch (spec.staleRead()) {
                  case EXCLUDE -> io.whimbrel.proto.v1.StaleRead.STALE_READ_EXCLUDE;
                  case SERVE -> io.whimbrel.proto.v1.StaleRead.STALE_READ_SERVE;
                })
            .setLegacyWrites(migration.legacyWrites())
            .setLegacyReads(migration.legacyReads())
            .setFailure(migration.failure())
            .setCreated(Timestamps.fromMillis(migration.createdAtMillis()));
    if (migration.switchedAtMillis() != 0) {
      out.setSwitched(Timestamps.fromMillis(migration.switchedAtMillis()))
          .setSoakUntil(
              Timestamps.fromMillis(migration.switchedAtMillis() + spec.soak().toMillis()));
    }
    return out;
  }

  private static Progress message(Migration.Progress progress) {
    Progress.Builder out =
        Progress.newBuilder()
            .setLive(progress.live())
            .setDone(progress.done())
            .setBacklog(progress.backlog())
            .setLeased(progress.leased())
            .setDeadLetters(progress.deadLetters())
            .setWaived(progress.waived())
            .setRate(progress.rate())
            .setWaitReason(progress.waitReason())
            .setCoverage(progress.coverage());
    progress.etaSeconds().ifPresent(seconds -> out.setEta(seconds(seconds)));
    if (!progress.searchP99().isZero()) {
      out.setSearchP99(message(progress.searchP99()));
    }
    return out.build();
  }

  private static Throttle message(BackfillThrottle throttle) {
    return Throttle.newBuilder()
        .setPointsPerSecond(throttle.pointsPerSecond())
        .setBytesPerSecond(throttle.bytesPerSecond())
        .setNiceRatio(throttle.niceRatio())
        .setSearchP99Max(message(throttle.searchP99Max()))
        .setCriticalSearchP99(message(throttle.criticalSearchP99()))
        .build();
  }

  public static List<io.whimbrel.proto.v1.MigrationEvent> history(List<MigrationEvent> events) {
    return events.stream()
        .skip(Math.max(0, events.size() - HISTORY_MAX))
        .map(event ->
            io.whimbrel.proto.v1.MigrationEvent.newBuilder()
                .setTime(Timestamps.fromMillis(event.atMillis()))
                .setState(message(event.state()))
                .setBasisPoints(event.basisPoints())
                .setEpoch(event.epoch())
                .setActor(event.actor())
                .setReason(event.reason())
                .build())
        .toList();
  }

  private static io.whimbrel.proto.v1.MigrationState message(MigrationState state) {
    return switch (state) {
      case PLANNED -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_PLANNED;
      case DUAL_WRITE -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_DUAL_WRITE;
      case BACKFILLING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_BACKFILLING;
      case INDEXING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_INDEXING;
      case VERIFYING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_VERIFYING;
      case READY -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_READY;
      case SHIFTING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_SHIFTING;
      case SWITCHED -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_SWITCHED;
      case COMPLETING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_COMPLETING;
      case COMPLETED -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_COMPLETED;
      case ROLLED_BACK -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_ROLLED_BACK;
      case CANCELLING -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_CANCELLING;
      case CANCELLED -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_CANCELLED;
      case FAILED -> io.whimbrel.proto.v1.MigrationState.MIGRATION_STATE_FAILED;
    };
  }

  public static LeaseBackfillResponse message(BackfillLeases leases) {
    LeaseBackfillResponse.Builder out =
        LeaseBackfillResponse.newBuilder()
            .setDeadline(Timestamps.fromMillis(leases.deadlineMillis()))
            .setWaitReason(leases.waitReason())
            .setRetryAfter(message(leases.retryAfter()))
            .setDrained(leases.drained());
    for (BackfillLease lease : leases.leases()) {
      Lease.Builder message =
          out.addLeasesBuilder()
              .setId(PointWire.message(lease.id()))
              .setSeq(lease.seq())
              .setContentHash(lease.contentHash())
              .setAttempts(lease.attempts());
      lease.source().forEach((name, value) -> message.putSource(name, ValueWire.message(value)));
    }
    return out.build();
  }

  public static CommitBackfillResponse committed(List<CommitResult> results) {
    CommitBackfillResponse.Builder out = CommitBackfillResponse.newBuilder();
    results.forEach(result -> out.addResults(message(result)));
    return out.build();
  }

  public static ReleaseBackfillResponse released(List<CommitResult> results) {
    ReleaseBackfillResponse.Builder out = ReleaseBackfillResponse.newBuilder();
    results.forEach(result -> out.addResults(message(result)));
    return out.build();
  }

  private static io.whimbrel.proto.v1.CommitResult message(CommitResult result) {
    return io.whimbrel.proto.v1.CommitResult.newBuilder()
        .setId(PointWire.message(result.id()))
        .setOutcome(
            switch (result.outcome()) {
              case STORED -> CommitOutcome.COMMIT_OUTCOME_STORED;
              case STALE -> CommitOutcome.COMMIT_OUTCOME_STALE;
              case GONE -> CommitOutcome.COMMIT_OUTCOME_GONE;
              case DEAD_LETTER -> CommitOutcome.COMMIT_OUTCOME_DEAD_LETTER;
              case REQUEUED -> CommitOutcome.COMMIT_OUTCOME_REQUEUED;
            })
        .setReason(result.reason())
        .build();
  }

  public static ListDeadLettersResponse message(DeadLetterPage page) {
    ListDeadLettersResponse.Builder out =
        ListDeadLettersResponse.newBuilder()
            .setNextCursor(UnsafeByteOperations.unsafeWrap(page.nextCursor()));
    page.deadLetters()
        .forEach(letter ->
            out.addDeadLetters(
                DeadLetter.newBuilder()
                    .setId(PointWire.message(letter.id()))
                    .setReason(letter.reason())
                    .setAttempts(letter.attempts())
                    .setWaived(letter.waived())));
    return out.build();
  }

  public static io.whimbrel.proto.v1.RoutingPolicy message(RoutingPolicy policy) {
    io.whimbrel.proto.v1.RoutingPolicy.Builder out =
        io.whimbrel.proto.v1.RoutingPolicy.newBuilder()
            .setCollection(policy.collection())
            .setField(policy.field())
            .setEpoch(policy.epoch())
            .setSalt(policy.migrationId())
            .setMigrationId(policy.migrationId())
            .setBasisPoints(policy.basisPoints())
            .setFromVersion(policy.fromVersion())
            .setToVersion(policy.toVersion())
            .setTtl(message(POLICY_TTL));
    policy
        .versions()
        .forEach(version ->
            out.addVersions(
                PolicyVersion.newBuilder()
                    .setNumber(version.number())
                    .setSpec(SpecWire.message(version.spec()))
                    .setTakesWrites(version.takesWrites())
                    .setInputSpaceId(version.spaceId())
                    .setInputDimension(version.inputDimension())));
    return out.build();
  }
}
