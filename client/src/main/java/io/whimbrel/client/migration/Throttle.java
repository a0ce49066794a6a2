package io.whimbrel.client.migration;

import java.time.Duration;

/**
 * Holds a backfill back so that searches stay fast. A limit that is zero does not hold.
 *
 * @param niceRatio rest this many times as long as the server worked on a batch
 * @param searchP99Max rest while the 99th percentile of the latest searches is above
 * @param criticalSearchP99 pause, until an operator resumes, when it is above this
 */
public record Throttle(
    double pointsPerSecond,
    double bytesPerSecond,
    double niceRatio,
    Duration searchP99Max,
    Duration criticalSearchP99) {
  /** Nothing holds. */
  public static final Throttle NONE = new Throttle(0, 0, 0, Duration.ZERO, Duration.ZERO);

  public static Throttle pointsPerSecond(double points) {
    return new Throttle(points, 0, 0, Duration.ZERO, Duration.ZERO);
  }
}
