package io.whimbrel.core.model;

import java.time.Duration;

/// What takes all reads back to the old version, in two windows one after the other, and what a
/// step of traffic must pass before the next.
///
/// @param window shortest time over which answers are counted, 1 s to 1 day; it goes on until the
///   new version has given `samplesMin` answers
/// @param samplesMin answers of a version below which nothing is concluded, 1 to 1,000,000
/// @param errorRateMax share of the new version's answers that may fail, in [0, 1]
/// @param p99RatioMax its 99th percentile as a multiple of the old version's, from 1
/// @param zeroResultExcessMax share of its answers that may be empty, above the old version's, in
///   [0, 1]
/// @param backlogAgeMax how long points may wait in the backlog without a break
/// @param feedbackDropMax how far its share of good feedback may lie below the old version's, in
///   [0, 1]
/// @param goldenSet golden set of the collection that must not find the new version WORSE before a
///   step; empty for none
public record TrafficGates(
    Duration window,
    int samplesMin,
    double errorRateMax,
    double p99RatioMax,
    double zeroResultExcessMax,
    Duration backlogAgeMax,
    double feedbackDropMax,
    String goldenSet) {
  private static final Duration WINDOW_MAX = Duration.ofDays(1);
  private static final int SAMPLES_MAX = 1_000_000;
  private static final double RATIO_MAX = 1000;

  // After the bounds that it is checked by.
  public static final TrafficGates DEFAULT =
      new TrafficGates(
          Duration.ofMinutes(1), 100, 0.01, 1.5, 0.02, Duration.ofMinutes(10), 0.1, "");

  public TrafficGates {
    if (window.compareTo(Duration.ofSeconds(1)) < 0 || window.compareTo(WINDOW_MAX) > 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "gates.window", window, "1 second to 1 day");
    }
    Limits.checkRange("gates.samples_min", samplesMin, 1, SAMPLES_MAX);
    check("gates.error_rate_max", errorRateMax, 0, 1);
    check("gates.p99_ratio_max", p99RatioMax, 1, RATIO_MAX);
    check("gates.zero_result_excess_max", zeroResultExcessMax, 0, 1);
    check("gates.feedback_drop_max", feedbackDropMax, 0, 1);
    if (backlogAgeMax.isNegative()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "gates.backlog_age_max", backlogAgeMax, "not negative");
    }
    if (!goldenSet.isEmpty()) {
      Names.check("gates.golden_set", goldenSet);
    }
  }

  private static void check(String field, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, value, "a number from " + min + " to " + max);
    }
  }
}
