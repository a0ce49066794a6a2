package io.whimbrel.core.engine;

import io.whimbrel.core.model.ScheduleStatus;
import io.whimbrel.core.model.TrafficGates;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.store.RecordReader;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.Records;
import io.whimbrel.core.store.StorageException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A traffic schedule as it is stored.
///
/// @param ended why it was ended; empty while it runs
record ScheduleRow(
    TrafficSchedule schedule, ScheduleStatus.State state, int step, long heldMillis, String ended) {
  private static final int FORMAT = 1;

  ScheduleRow at(int newStep, long newHeldMillis) {
    return new ScheduleRow(schedule, state, newStep, newHeldMillis, ended);
  }

  ScheduleRow ended(ScheduleStatus.State newState, String why) {
    return new ScheduleRow(schedule, newState, step, heldMillis, why);
  }

  ScheduleStatus status(String heldBy, String lastWindow) {
    return new ScheduleStatus(schedule, state, step, heldMillis, heldBy, lastWindow, ended);
  }

  byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).u8(state.ordinal() + 1);
    out.varint(step).i64(heldMillis).text(ended).varint(schedule.steps().size());
    for (TrafficSchedule.Step each : schedule.steps()) {
      out.varint(each.basisPoints()).i64(each.hold().toMillis());
    }
    TrafficGates gates = schedule.gates();
    out.i64(gates.window().toMillis()).varint(gates.samplesMin());
    for (double bound :
        new double[] {
          gates.errorRateMax(),
          gates.p99RatioMax(),
          gates.zeroResultExcessMax(),
          gates.feedbackDropMax()
        }) {
      out.i64(Double.doubleToLongBits(bound));
    }
    return out.i64(gates.backlogAgeMax().toMillis()).text(gates.goldenSet()).toBytes();
  }

  static ScheduleRow decode(byte[] row) throws StorageException {
    RecordReader in = new RecordReader(row);
    Records.checkFormat("traffic schedule", in.u8(), FORMAT);
    ScheduleStatus.State state =
        Records.constant(ScheduleStatus.State.values(), in.u8(), "schedule state");
    int step = (int) in.varint();
    long heldMillis = in.i64();
    String ended = in.text();
    List<TrafficSchedule.Step> steps = new ArrayList<>();
    for (int i = in.count(); i > 0; i--) {
      steps.add(new TrafficSchedule.Step((int) in.varint(), Duration.ofMillis(in.i64())));
    }
    Duration window = Duration.ofMillis(in.i64());
    int samplesMin = (int) in.varint();
    double errorRateMax = Double.longBitsToDouble(in.i64());
    double p99RatioMax = Double.longBitsToDouble(in.i64());
    double zeroResultExcessMax = Double.longBitsToDouble(in.i64());
    double feedbackDropMax = Double.longBitsToDouble(in.i64());
    TrafficGates gates =
        new TrafficGates(
            window,
            samplesMin,
            errorRateMax,
            p99RatioMax,
            zeroResultExcessMax,
            Duration.ofMillis(in.i64()),
            feedbackDropMax,
            in.text());
    return new ScheduleRow(new TrafficSchedule(steps, gates), state, step, heldMillis, ended);
  }
}
