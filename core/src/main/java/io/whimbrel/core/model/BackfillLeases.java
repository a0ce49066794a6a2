package io.whimbrel.core.model;

import java.time.Duration;
import java.util.List;

/// The answer to a request for work.
///
/// @param deadlineMillis when unfinished points go to another worker, by the system clock
/// @param waitReason why there are none; empty when there are some or nothing waits
/// @param retryAfter when to ask again
/// @param drained nothing waits and nobody holds a lease
public record BackfillLeases(
    List<BackfillLease> leases,
    long deadlineMillis,
    String waitReason,
    Duration retryAfter,
    boolean drained) {
  public BackfillLeases {
    leases = List.copyOf(leases);
  }
}
