package io.whimbrel.server.wire;

import com.google.protobuf.util.Timestamps;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.ScheduleStatus;
import io.whimbrel.core.model.TrafficGates;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.Gates;
import io.whimbrel.proto.v1.MirrorTrafficRequest;
import io.whimbrel.proto.v1.RecordFeedbackRequest;
import io.whimbrel.proto.v1.Schedule;
import io.whimbrel.proto.v1.ScheduleStep;
import io.whimbrel.proto.v1.StartVDiffRequest;
import io.whimbrel.proto.v1.SwitchTrafficRequest;
import io.whimbrel.proto.v1.VDiffCount;
import io.whimbrel.proto.v1.VDiffFault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Comparisons, mirrors and traffic schedules of migrations.
public final class TrafficWire {
  private static final int PERCENT_MAX = 100;
  private static final Duration MIRROR_DEADLINE_DEFAULT = Duration.ofSeconds(1);

  private TrafficWire() {}

  public record Mirror(String id, int percent, Duration deadline) {}

  public record Feedback(String id, int version, boolean good) {}

  public static MigrationWire.Verb vdiff(StartVDiffRequest message, String actor) {
    Form.known(message);
    return new MigrationWire.Verb(
        MigrationWire.id(message.getId()), new ChangeNote(actor, "compared"));
  }

  public static Mirror mirror(MirrorTrafficRequest message) {
    Form.known(message);
    Duration deadline = MigrationWire.duration("deadline", message.getDeadline());
    return new Mirror(
        MigrationWire.id(message.getId()),
        Form.range("percent", message.getPercent(), 0, PERCENT_MAX),
        deadline.isZero() ? MIRROR_DEADLINE_DEFAULT : deadline);
  }

  public static Feedback feedback(RecordFeedbackRequest message) {
    Form.known(message);
    return new Feedback(
        MigrationWire.id(message.getId()),
        Form.range("version", message.getVersion(), 1, Integer.MAX_VALUE),
        message.getGood());
  }

  /// The schedule of a request that has one.
  public static TrafficSchedule schedule(SwitchTrafficRequest message) {
    if (message.getDryRun()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "dry_run", "given with a schedule", "basis_points with it");
    }
    try {
      return schedule(message.getSchedule());
    } catch (WhimbrelException e) {
      throw e.field().startsWith("schedule") || e.field().startsWith("gates")
          ? e
          : Form.within("schedule", e);
    }
  }

  private static TrafficSchedule schedule(Schedule message) {
    Form.known(message);
    List<TrafficSchedule.Step> steps = new ArrayList<>(message.getStepsCount());
    for (int i = 0; i < message.getStepsCount(); i++) {
      ScheduleStep step = message.getSteps(i);
      try {
        Form.known(step);
        steps.add(
            new TrafficSchedule.Step(
                Limits.checkRange(
                    "basis_points", Integer.toUnsignedLong(step.getBasisPoints()), 1, 10_000),
                MigrationWire.duration("hold", step.getHold())));
      } catch (WhimbrelException e) {
        throw e.field().startsWith("schedule") ? e : Form.within("steps[" + i + "]", e);
      }
    }
    return new TrafficSchedule(
        steps.isEmpty() ? TrafficSchedule.DEFAULT.steps() : steps, gates(message.getGates()));
  }

  private static TrafficGates gates(Gates message) {
    Form.known(message);
    TrafficGates defaults = TrafficGates.DEFAULT;
    Duration window = MigrationWire.duration("gates.window", message.getWindow());
    Duration age = MigrationWire.duration("gates.backlog_age_max", message.getBacklogAgeMax());
    int samples = Form.range("gates.samples_min", message.getSamplesMin(), 0, Integer.MAX_VALUE);
    return new TrafficGates(
        window.isZero() ? defaults.window() : window,
        samples == 0 ? defaults.samplesMin() : samples,
        or(message.getErrorRateMax(), defaults.errorRateMax()),
        or(message.getP99RatioMax(), defaults.p99RatioMax()),
        or(message.getZeroResultExcessMax(), defaults.zeroResultExcessMax()),
        age.isZero() ? defaults.backlogAgeMax() : age,
        or(message.getFeedbackDropMax(), defaults.feedbackDropMax()),
        message.getGoldenSet());
  }

  private static double or(double given, double otherwise) {
    return given == 0 ? otherwise : given;
  }

  public static io.whimbrel.proto.v1.VDiff message(VDiff diff) {
    io.whimbrel.proto.v1.VDiff.Builder out =
        io.whimbrel.proto.v1.VDiff.newBuilder()
            .setState(
                switch (diff.state()) {
                  case RUNNING -> io.whimbrel.proto.v1.VDiff.State.STATE_RUNNING;
                  case STOPPED -> io.whimbrel.proto.v1.VDiff.State.STATE_STOPPED;
                  case COMPLETED -> io.whimbrel.proto.v1.VDiff.State.STATE_COMPLETED;
                  case FAILED -> io.whimbrel.proto.v1.VDiff.State.STATE_FAILED;
                })
            .setChecked(diff.checked())
            .setTotal(diff.total())
            .setStarted(Timestamps.fromMillis(diff.startedAtMillis()))
            .setFailure(diff.failure())
            .setClean(diff.clean());
    if (diff.endedAtMillis() != 0) {
      out.setEnded(Timestamps.fromMillis(diff.endedAtMillis()));
    }
    diff.faults()
        .forEach((kind, count) ->
            out.addFaults(VDiffCount.newBuilder().setKind(kind.name()).setCount(count)));
    diff.examples()
        .forEach(fault ->
            out.addExamples(
                VDiffFault.newBuilder()
                    .setKind(fault.kind().name())
                    .setId(fault.id())
                    .setDetail(fault.detail())));
    return out.build();
  }

  public static io.whimbrel.proto.v1.MirrorReport message(MirrorReport report) {
    return io.whimbrel.proto.v1.MirrorReport.newBuilder()
        .setSampled(report.sampled())
        .setDropped(report.dropped())
        .setSkipped(report.skipped())
        .setFailed(report.failed())
        .setCompared(report.compared())
        .setMeanOverlap(report.meanOverlap())
        .setFromP99Millis(report.fromP99Millis())
        .setToP99Millis(report.toP99Millis())
        .build();
  }

  public static io.whimbrel.proto.v1.ScheduleStatus message(ScheduleStatus status) {
    Schedule.Builder schedule = Schedule.newBuilder();
    status
        .schedule()
        .steps()
        .forEach(step ->
            schedule.addSteps(
                ScheduleStep.newBuilder()
                    .setBasisPoints(step.basisPoints())
                    .setHold(MigrationWire.message(step.hold()))));
    TrafficGates gates = status.schedule().gates();
    schedule.setGates(
        Gates.newBuilder()
            .setWindow(MigrationWire.message(gates.window()))
            .setSamplesMin(gates.samplesMin())
            .setErrorRateMax(gates.errorRateMax())
            .setP99RatioMax(gates.p99RatioMax())
            .setZeroResultExcessMax(gates.zeroResultExcessMax())
            .setBacklogAgeMax(MigrationWire.message(gates.backlogAgeMax()))
            .setFeedbackDropMax(gates.feedbackDropMax())
            .setGoldenSet(gates.goldenSet()));
    return io.whimbrel.proto.v1.ScheduleStatus.newBuilder()
        .setSchedule(schedule)
        .setState(status.state().name())
        .setStep(status.step())
        .setHeld(MigrationWire.message(Duration.ofMillis(status.heldMillis())))
        .setHeldBy(status.heldBy())
        .setLastWindow(status.lastWindow())
        .setEnded(status.ended())
        .build();
  }
}
