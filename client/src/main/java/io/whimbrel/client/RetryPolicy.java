package io.whimbrel.client;

import java.time.Duration;

/**
 * How often and how patiently a call is repeated. Only UNAVAILABLE, OVERLOADED and OUTCOME_UNKNOWN
 * are repeated, only reads and writes with a request id, and never beyond the deadline of the call.
 *
 * <p>The wait before attempt n + 1 is drawn evenly between half and all of {@code min(backoffMax,
 * backoffFirst * 2^(n-1))}, or is what the server asks for if that is longer.
 *
 * @param attemptsMax attempts in all; 1 never repeats
 */
public record RetryPolicy(int attemptsMax, Duration backoffFirst, Duration backoffMax) {
  public static final RetryPolicy DEFAULT =
      new RetryPolicy(5, Duration.ofMillis(100), Duration.ofSeconds(5));

  /** Never repeats. */
  public static final RetryPolicy NONE =
      new RetryPolicy(1, Duration.ofMillis(100), Duration.ofSeconds(5));

  public RetryPolicy {
    Checks.atLeast("retries.attempts_max", attemptsMax, 1);
    if (backoffFirst.isNegative()
        || backoffFirst.isZero()
        || backoffMax.compareTo(backoffFirst) < 0) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT,
          "retries.backoff",
          backoffFirst + " to " + backoffMax,
          "more than zero, the longest not below the first");
    }
  }
}
