package io.whimbrel.core.model;

import java.time.Duration;

/// Holds a backfill back so that searches stay fast. Stored with the migration, takes effect at
/// once. A limit that is zero does not hold.
///
/// @param pointsPerSecond points leased in a second
/// @param bytesPerSecond bytes of new vectors in a second
/// @param niceRatio rest this many times as long as the last batch took from lease to commit
/// @param searchP99Max rest while the 99th percentile of recent searches is above
/// @param criticalSearchP99 pause, until an operator resumes, when it is above this
public record BackfillThrottle(
    double pointsPerSecond,
    double bytesPerSecond,
    double niceRatio,
    Duration searchP99Max,
    Duration criticalSearchP99) {
  public static final BackfillThrottle NONE =
      new BackfillThrottle(0, 0, 0, Duration.ZERO, Duration.ZERO);

  public BackfillThrottle {
    check("throttle.points_per_second", pointsPerSecond);
    check("throttle.bytes_per_second", bytesPerSecond);
    check("throttle.nice_ratio", niceRatio);
    check("throttle.search_p99_max", searchP99Max.toNanos());
    check("throttle.critical_search_p99", criticalSearchP99.toNanos());
  }

  private static void check(String field, double value) {
    if (!(value >= 0) || value == Double.POSITIVE_INFINITY) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, value, "a number from 0, which sets no limit");
    }
  }
}
