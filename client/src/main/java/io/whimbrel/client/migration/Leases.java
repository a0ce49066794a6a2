package io.whimbrel.client.migration;

import java.time.Duration;
import java.util.List;

/**
 * What a worker got.
 *
 * @param waitReason why there are no points; else empty
 * @param retryAfter when to ask again
 * @param drained nothing waits and nobody holds a lease
 */
public record Leases(
    List<LeasedPoint> points, String waitReason, Duration retryAfter, boolean drained) {
  public Leases {
    points = List.copyOf(points);
  }
}
