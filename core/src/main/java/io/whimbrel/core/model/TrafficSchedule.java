package io.whimbrel.core.model;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Steps of traffic to the new version of a migration, each held until its gates pass.
///
/// @param steps 1 to 100, growing shares; the hold of the last one, at 10,000, is the time that
///   gates still guard
/// @param gates what lets a step go on, and what takes all reads back
public record TrafficSchedule(List<Step> steps, TrafficGates gates) {
  private static final int STEPS_MAX = 100;

  /// 1 % for an hour, then 10 % more every 24 hours, all of it on the tenth day, guarded for 7
  /// days.
  public static final TrafficSchedule DEFAULT =
      new TrafficSchedule(defaultSteps(), TrafficGates.DEFAULT);

  public TrafficSchedule {
    Limits.checkRange("schedule.steps", steps.size(), 1, STEPS_MAX);
    for (int i = 1; i < steps.size(); i++) {
      if (steps.get(i).basisPoints() <= steps.get(i - 1).basisPoints()) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "schedule.steps[" + i + "].basis_points",
            steps.get(i).basisPoints(),
            "more than the step before, " + steps.get(i - 1).basisPoints());
      }
    }
    steps = List.copyOf(steps);
  }

  /// @param basisPoints share of the reads that the new version answers, 1 to 10,000
  /// @param hold at least this long, up to ten years
  public record Step(int basisPoints, Duration hold) {
    private static final Duration HOLD_MAX = Duration.ofDays(3650);

    public Step {
      Limits.checkRange("schedule.steps.basis_points", basisPoints, 1, RoutingPolicy.BUCKETS);
      if (hold.isNegative() || hold.compareTo(HOLD_MAX) > 0) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "schedule.steps.hold",
            hold,
            "0 to " + HOLD_MAX.toDays() + " days");
      }
    }
  }

  private static List<Step> defaultSteps() {
    List<Step> steps = new ArrayList<>();
    steps.add(new Step(100, Duration.ofHours(1)));
    for (int basisPoints = 1000; basisPoints < RoutingPolicy.BUCKETS; basisPoints += 1000) {
      steps.add(new Step(basisPoints, Duration.ofHours(24)));
    }
    steps.add(new Step(RoutingPolicy.BUCKETS, Duration.ofDays(7)));
    return steps;
  }
}
