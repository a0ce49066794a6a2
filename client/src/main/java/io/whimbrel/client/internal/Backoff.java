package io.whimbrel.client.internal;

import io.whimbrel.client.RetryPolicy;
import io.whimbrel.client.WhimbrelException;
import java.time.Duration;
import java.util.Optional;

/** Decides whether a call is repeated, and after how long. */
public final class Backoff {
  private Backoff() {}

  /**
   * The wait before the next attempt; empty when there must be none.
   *
   * @param attempt attempts made so far, at least 1
   * @param repeatable whether the call may happen twice: a read, or a write with a request id
   * @param remaining time left until the deadline of the whole call
   * @param random evenly drawn from [0, 1)
   */
  public static Optional<Duration> next(
      RetryPolicy policy,
      WhimbrelException failure,
      int attempt,
      boolean repeatable,
      Duration remaining,
      double random) {
    if (!repeatable || !failure.retryable() || attempt >= policy.attemptsMax()) {
      return Optional.empty();
    }
    Duration wait = exponential(policy, attempt, random);
    Duration asked = failure.retryAfter().orElse(Duration.ZERO);
    wait = asked.compareTo(wait) > 0 ? asked : wait;
    return wait.compareTo(remaining) < 0 ? Optional.of(wait) : Optional.empty();
  }

  private static Duration exponential(RetryPolicy policy, int attempt, double random) {
    long first = policy.backoffFirst().toNanos();
    long most = policy.backoffMax().toNanos();
    // Doubling is done in floating point, so that many attempts saturate and do not overflow.
    double full = Math.min((double) most, first * Math.pow(2, attempt - 1));
    return Duration.ofNanos((long) (full / 2 + full / 2 * random));
  }
}
