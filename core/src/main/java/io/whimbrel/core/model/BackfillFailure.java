package io.whimbrel.core.model;

import java.time.Duration;

/// A leased point that is given back.
///
/// @param reason why; empty when the worker only stops, which is no failed attempt
/// @param permanent whether trying again would not help
/// @param retryAfter not leased again before
public record BackfillFailure(PointId id, String reason, boolean permanent, Duration retryAfter) {
  private static final int REASON_CHARS_MAX = 1024;

  public BackfillFailure {
    Limits.checkRange("reason", reason.length(), 0, REASON_CHARS_MAX);
    if (retryAfter.isNegative()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "retry_after", retryAfter, "not negative");
    }
  }
}
