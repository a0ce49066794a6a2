package io.whimbrel.client.migration;

import java.time.Duration;
import java.util.List;

/**
 * Steps of traffic, each held until its gates pass.
 *
 * @param steps the server's own when empty: 1 % for an hour, then 10 % more every 24 hours
 */
public record Schedule(List<Step> steps, Gates gates) {
  /** The server's own steps and gates. */
  public static final Schedule DEFAULT = new Schedule(List.of(), Gates.DEFAULT);

  public Schedule {
    steps = List.copyOf(steps);
  }

  /** A share of the reads, in hundredths of a per cent, and how long it stays at least. */
  public record Step(int basisPoints, Duration hold) {}

  /**
   * What makes the server take all reads back to the old version. Zero means the server's default.
   *
   * @param samplesMin answers in a window below which nothing is concluded
   * @param errorRateMax share of the new version's answers that may fail
   * @param p99RatioMax its 99th percentile as a multiple of the old version's
   * @param zeroResultExcessMax share of its answers that may be empty, above the old version's
   * @param backlogAgeMax how long points may wait in the backlog without a break
   * @param feedbackDropMax how far its share of good feedback may lie below the old version's
   * @param goldenSet a golden set that must not find the new version worse before a step; or empty
   */
  public record Gates(
      Duration window,
      int samplesMin,
      double errorRateMax,
      double p99RatioMax,
      double zeroResultExcessMax,
      Duration backlogAgeMax,
      double feedbackDropMax,
      String goldenSet) {
    public static final Gates DEFAULT = new Gates(Duration.ZERO, 0, 0, 0, 0, Duration.ZERO, 0, "");
  }
}
