package io.whimbrel.client.internal;

import com.google.protobuf.Timestamp;
import io.whimbrel.client.migration.BackfillFailure;
import io.whimbrel.client.migration.BackfillProgress;
import io.whimbrel.client.migration.BackfillSide;
import io.whimbrel.client.migration.CommitResult;
import io.whimbrel.client.migration.DeadLetters;
import io.whimbrel.client.migration.LeasedPoint;
import io.whimbrel.client.migration.Leases;
import io.whimbrel.client.migration.LegacyWrite;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationPlan;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.RoutingPolicy;
import io.whimbrel.client.migration.Schedule;
import io.whimbrel.client.migration.StaleRead;
import io.whimbrel.client.migration.Throttle;
import io.whimbrel.client.migration.VDiff;
import io.whimbrel.proto.v1.CommitBackfillResponse;
import io.whimbrel.proto.v1.CreateMigrationRequest;
import io.whimbrel.proto.v1.Gates;
import io.whimbrel.proto.v1.Lease;
import io.whimbrel.proto.v1.LeaseBackfillResponse;
import io.whimbrel.proto.v1.ListDeadLettersResponse;
import io.whimbrel.proto.v1.MigrationEvent;
import io.whimbrel.proto.v1.MirrorReport;
import io.whimbrel.proto.v1.PolicyVersion;
import io.whimbrel.proto.v1.Progress;
import io.whimbrel.proto.v1.ScheduleStatus;
import io.whimbrel.proto.v1.ScheduleStep;
import io.whimbrel.proto.v1.VDiffCount;
import io.whimbrel.proto.v1.VDiffFault;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Migrations and routing policies to messages and back. */
public final class MigrationWire {
  private MigrationWire() {}

  public static CreateMigrationRequest encode(MigrationSpec spec) {
    return CreateMigrationRequest.newBuilder()
        .setCollection(spec.collection())
        .setField(spec.field())
        .setTo(CollectionWire.encode(spec.to()))
        .setLegacyWrite(
            switch (spec.legacyWrite()) {
              case ENQUEUE -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_ENQUEUE;
              case REJECT -> io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_REJECT;
            })
        .setStaleRead(
            switch (spec.staleRead()) {
              case EXCLUDE -> io.whimbrel.proto.v1.StaleRead.STALE_READ_EXCLUDE;
              case SERVE -> io.whimbrel.proto.v1.StaleRead.STALE_READ_SERVE;
            })
        .setAllowNewOnly(spec.allowNewOnly())
        .setAutoStart(spec.autoStart())
        .setSoak(encode(spec.soak()))
        .setThrottle(encode(spec.throttle()))
        .setReason(spec.reason())
        .build();
  }

  public static io.whimbrel.proto.v1.Throttle encode(Throttle throttle) {
    return io.whimbrel.proto.v1.Throttle.newBuilder()
        .setPointsPerSecond(throttle.pointsPerSecond())
        .setBytesPerSecond(throttle.bytesPerSecond())
        .setNiceRatio(throttle.niceRatio())
        .setSearchP99Max(encode(throttle.searchP99Max()))
        .setCriticalSearchP99(encode(throttle.criticalSearchP99()))
        .build();
  }

  public static io.whimbrel.proto.v1.Schedule encode(Schedule schedule) {
    io.whimbrel.proto.v1.Schedule.Builder message = io.whimbrel.proto.v1.Schedule.newBuilder();
    schedule
        .steps()
        .forEach(step ->
            message.addSteps(
                ScheduleStep.newBuilder()
                    .setBasisPoints(step.basisPoints())
                    .setHold(encode(step.hold()))));
    Schedule.Gates gates = schedule.gates();
    return message
        .setGates(
            Gates.newBuilder()
                .setWindow(encode(gates.window()))
                .setSamplesMin(gates.samplesMin())
                .setErrorRateMax(gates.errorRateMax())
                .setP99RatioMax(gates.p99RatioMax())
                .setZeroResultExcessMax(gates.zeroResultExcessMax())
                .setBacklogAgeMax(encode(gates.backlogAgeMax()))
                .setFeedbackDropMax(gates.feedbackDropMax())
                .setGoldenSet(gates.goldenSet()))
        .build();
  }

  public static io.whimbrel.proto.v1.BackfillFailure encode(BackfillFailure failure) {
    return io.whimbrel.proto.v1.BackfillFailure.newBuilder()
        .setId(ValueWire.encode(failure.id()))
        .setReason(failure.reason())
        .setPermanent(failure.permanent())
        .setRetryAfter(encode(failure.retryAfter()))
        .build();
  }

  public static MigrationPlan decode(io.whimbrel.proto.v1.MigrationPlan message) {
    return new MigrationPlan(
        message.getPoints(),
        message.getPointsToEmbed(),
        message.getDiskBytes(),
        message.getMemoryBytes(),
        message.getDiskPeakBytes(),
        message.getDiskFreeBytes(),
        message.getTokens(),
        message.getPrice(),
        message.hasDuration() ? Optional.of(decode(message.getDuration())) : Optional.empty(),
        message.getFromSpaceId(),
        message.getToSpaceId(),
        message.getWarningsList());
  }

  public static Migration decode(io.whimbrel.proto.v1.Migration message) {
    return new Migration(
        message.getId(),
        message.getCollection(),
        message.getField(),
        message.getFromVersion(),
        message.getToVersion(),
        CollectionWire.decode(message.getFrom()),
        CollectionWire.decode(message.getTo()),
        decode(message.getState()),
        message.getRevision(),
        message.getDerived(),
        message.getVerified(),
        message.getPaused(),
        message.getPausedBecause(),
        message.getPostponed(),
        decode(message.getProgress()),
        message.getBasisPoints(),
        message.getEpoch(),
        message.getRollbackReady(),
        message.getReverseBacklog(),
        decode(message.getThrottle()),
        message.getLegacyWrite() == io.whimbrel.proto.v1.LegacyWrite.LEGACY_WRITE_REJECT
            ? LegacyWrite.REJECT
            : LegacyWrite.ENQUEUE,
        message.getStaleRead() == io.whimbrel.proto.v1.StaleRead.STALE_READ_SERVE
            ? StaleRead.SERVE
            : StaleRead.EXCLUDE,
        message.getLegacyWrites(),
        message.getLegacyReads(),
        message.getMirrorPercent(),
        message.hasMirror() ? Optional.of(decode(message.getMirror())) : Optional.empty(),
        message.hasSchedule() ? Optional.of(decode(message.getSchedule())) : Optional.empty(),
        decode(message.getCreated()),
        message.hasSwitched() ? Optional.of(decode(message.getSwitched())) : Optional.empty(),
        message.hasSoakUntil() ? Optional.of(decode(message.getSoakUntil())) : Optional.empty(),
        message.getFailure(),
        message.getHistoryList().stream().map(MigrationWire::decode).toList(),
        message.hasVdiff() ? Optional.of(decode(message.getVdiff())) : Optional.empty());
  }

  private static MigrationState decode(io.whimbrel.proto.v1.MigrationState state) {
    return switch (state) {
      case MIGRATION_STATE_PLANNED -> MigrationState.PLANNED;
      case MIGRATION_STATE_DUAL_WRITE -> MigrationState.DUAL_WRITE;
      case MIGRATION_STATE_BACKFILLING -> MigrationState.BACKFILLING;
      case MIGRATION_STATE_INDEXING -> MigrationState.INDEXING;
      case MIGRATION_STATE_VERIFYING -> MigrationState.VERIFYING;
      case MIGRATION_STATE_READY -> MigrationState.READY;
      case MIGRATION_STATE_SHIFTING -> MigrationState.SHIFTING;
      case MIGRATION_STATE_SWITCHED -> MigrationState.SWITCHED;
      case MIGRATION_STATE_COMPLETING -> MigrationState.COMPLETING;
      case MIGRATION_STATE_COMPLETED -> MigrationState.COMPLETED;
      case MIGRATION_STATE_ROLLED_BACK -> MigrationState.ROLLED_BACK;
      case MIGRATION_STATE_CANCELLING -> MigrationState.CANCELLING;
      case MIGRATION_STATE_CANCELLED -> MigrationState.CANCELLED;
      case MIGRATION_STATE_FAILED -> MigrationState.FAILED;
      case MIGRATION_STATE_UNSPECIFIED, UNRECOGNIZED -> throw ValueWire.newerServer("state", state);
    };
  }

  private static BackfillProgress decode(Progress message) {
    return new BackfillProgress(
        message.getLive(),
        message.getDone(),
        message.getBacklog(),
        message.getLeased(),
        message.getDeadLetters(),
        message.getWaived(),
        message.getRate(),
        message.hasEta() ? Optional.of(decode(message.getEta())) : Optional.empty(),
        message.getWaitReason(),
        message.getCoverage(),
        message.hasSearchP99() ? Optional.of(decode(message.getSearchP99())) : Optional.empty());
  }

  private static Throttle decode(io.whimbrel.proto.v1.Throttle message) {
    return new Throttle(
        message.getPointsPerSecond(),
        message.getBytesPerSecond(),
        message.getNiceRatio(),
        decode(message.getSearchP99Max()),
        decode(message.getCriticalSearchP99()));
  }

  private static Migration.MirrorReport decode(MirrorReport message) {
    return new Migration.MirrorReport(
        message.getSampled(),
        message.getDropped(),
        message.getSkipped(),
        message.getFailed(),
        message.getCompared(),
        message.getMeanOverlap(),
        message.getFromP99Millis(),
        message.getToP99Millis());
  }

  private static Migration.ScheduleStatus decode(ScheduleStatus message) {
    Gates gates = message.getSchedule().getGates();
    return new Migration.ScheduleStatus(
        new Schedule(
            message.getSchedule().getStepsList().stream()
                .map(step -> new Schedule.Step(step.getBasisPoints(), decode(step.getHold())))
                .toList(),
            new Schedule.Gates(
                decode(gates.getWindow()),
                gates.getSamplesMin(),
                gates.getErrorRateMax(),
                gates.getP99RatioMax(),
                gates.getZeroResultExcessMax(),
                decode(gates.getBacklogAgeMax()),
                gates.getFeedbackDropMax(),
                gates.getGoldenSet())),
        message.getState(),
        message.getStep(),
        decode(message.getHeld()),
        message.getHeldBy(),
        message.getLastWindow(),
        message.getEnded());
  }

  private static Migration.Event decode(MigrationEvent message) {
    return new Migration.Event(
        decode(message.getTime()),
        decode(message.getState()),
        message.getBasisPoints(),
        message.getActor(),
        message.getReason());
  }

  public static VDiff decode(io.whimbrel.proto.v1.VDiff message) {
    return new VDiff(
        switch (message.getState()) {
          case STATE_RUNNING -> VDiff.State.RUNNING;
          case STATE_STOPPED -> VDiff.State.STOPPED;
          case STATE_COMPLETED -> VDiff.State.COMPLETED;
          case STATE_FAILED -> VDiff.State.FAILED;
          case STATE_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("vdiff.state", message.getStateValue());
        },
        message.getChecked(),
        message.getTotal(),
        message.getFaultsList().stream()
            .collect(Collectors.toMap(VDiffCount::getKind, VDiffCount::getCount, (a, b) -> a + b)),
        message.getExamplesList().stream().map(MigrationWire::decode).toList(),
        message.hasStarted() ? Optional.of(decode(message.getStarted())) : Optional.empty(),
        message.hasEnded() ? Optional.of(decode(message.getEnded())) : Optional.empty(),
        message.getFailure(),
        message.getClean());
  }

  private static VDiff.Fault decode(VDiffFault message) {
    return new VDiff.Fault(message.getKind(), message.getId(), message.getDetail());
  }

  public static Leases decode(LeaseBackfillResponse message) {
    return new Leases(
        message.getLeasesList().stream().map(MigrationWire::decode).toList(),
        message.getWaitReason(),
        decode(message.getRetryAfter()),
        message.getDrained());
  }

  private static LeasedPoint decode(Lease message) {
    return new LeasedPoint(
        ValueWire.decode(message.getId()),
        message.getSeq(),
        message.getContentHash(),
        ValueWire.decodeFields(message.getSourceMap()),
        message.getAttempts());
  }

  public static List<CommitResult> decode(CommitBackfillResponse message) {
    return decodeResults(message.getResultsList());
  }

  public static List<CommitResult> decodeResults(List<io.whimbrel.proto.v1.CommitResult> messages) {
    return messages.stream().map(MigrationWire::decode).toList();
  }

  private static CommitResult decode(io.whimbrel.proto.v1.CommitResult message) {
    return new CommitResult(
        ValueWire.decode(message.getId()),
        switch (message.getOutcome()) {
          case COMMIT_OUTCOME_STORED -> CommitResult.Outcome.STORED;
          case COMMIT_OUTCOME_STALE -> CommitResult.Outcome.STALE;
          case COMMIT_OUTCOME_GONE -> CommitResult.Outcome.GONE;
          case COMMIT_OUTCOME_DEAD_LETTER -> CommitResult.Outcome.DEAD_LETTER;
          case COMMIT_OUTCOME_REQUEUED -> CommitResult.Outcome.REQUEUED;
          case COMMIT_OUTCOME_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("outcome", message.getOutcomeValue());
        },
        message.getReason());
  }

  public static DeadLetters decode(ListDeadLettersResponse message) {
    return new DeadLetters(
        message.getDeadLettersList().stream()
            .map(entry ->
                new DeadLetters.DeadLetter(
                    ValueWire.decode(entry.getId()),
                    entry.getReason(),
                    entry.getAttempts(),
                    entry.getWaived()))
            .toList(),
        Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(message.getNextCursor().toByteArray()));
  }

  public static RoutingPolicy decode(io.whimbrel.proto.v1.RoutingPolicy message) {
    return new RoutingPolicy(
        message.getCollection(),
        message.getField(),
        message.getEpoch(),
        message.getSalt(),
        message.getBasisPoints(),
        message.getFromVersion(),
        message.getToVersion(),
        message.getVersionsList().stream().map(MigrationWire::decode).toList(),
        decode(message.getTtl()),
        message.getMigrationId());
  }

  private static RoutingPolicy.Version decode(PolicyVersion message) {
    return new RoutingPolicy.Version(
        message.getNumber(),
        CollectionWire.decode(message.getSpec()),
        message.getTakesWrites(),
        message.getInputSpaceId(),
        message.getInputDimension());
  }

  public static io.whimbrel.proto.v1.BackfillSide encode(BackfillSide side) {
    return switch (side) {
      case FORWARD -> io.whimbrel.proto.v1.BackfillSide.BACKFILL_SIDE_FORWARD;
      case REVERSE -> io.whimbrel.proto.v1.BackfillSide.BACKFILL_SIDE_REVERSE;
    };
  }

  public static com.google.protobuf.Duration encode(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  private static Duration decode(com.google.protobuf.Duration duration) {
    return Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
  }

  private static Instant decode(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }
}
