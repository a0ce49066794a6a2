package io.whimbrel.client.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.RetryPolicy;
import io.whimbrel.client.WhimbrelException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which failures are repeated, how often and after how long. */
class BackoffTest {
  private static final RetryPolicy POLICY =
      new RetryPolicy(10, Duration.ofMillis(100), Duration.ofSeconds(1));
  private static final Duration HOUR = Duration.ofHours(1);

  private static WhimbrelException failure(ErrorCode code, @Nullable Duration retryAfter) {
    return new WhimbrelException(code, "", "", retryAfter, null);
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void onlyPassingFailuresAreRepeated(ErrorCode code) {
    boolean repeated = Backoff.next(POLICY, failure(code, null), 1, true, HOUR, 0).isPresent();
    assertThat(repeated)
        .isEqualTo(
            switch (code) {
              case UNAVAILABLE, OVERLOADED, OUTCOME_UNKNOWN -> true;
              default -> false;
            });
    assertThat(Backoff.next(POLICY, failure(code, null), 1, false, HOUR, 0)).isEmpty();
    assertThat(Backoff.next(RetryPolicy.NONE, failure(code, null), 1, true, HOUR, 0)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, 50",
    "1, 0.5, 75",
    "2, 0, 100",
    "3, 0, 200",
    "4, 0, 400",
    "5, 0, 500",
    "9, 0, 500"
  })
  void theWaitDoublesUpToItsBound(int attempt, double random, long millis) {
    assertThat(
            Backoff.next(POLICY, failure(ErrorCode.UNAVAILABLE, null), attempt, true, HOUR, random))
        .contains(Duration.ofMillis(millis));
  }

  @Test
  void attemptsAreBounded() {
    WhimbrelException failure = failure(ErrorCode.UNAVAILABLE, null);
    assertThat(Backoff.next(POLICY, failure, 9, true, HOUR, 0)).isPresent();
    assertThat(Backoff.next(POLICY, failure, 10, true, HOUR, 0)).isEmpty();
    RetryPolicy endless = new RetryPolicy(Integer.MAX_VALUE, Duration.ofMillis(1), HOUR);
    assertThat(Backoff.next(endless, failure, 1_000_000, true, HOUR, 0))
        .contains(Duration.ofMinutes(30));
  }

  @Test
  void theServerMayAskForALongerWait() {
    WhimbrelException patient = failure(ErrorCode.OVERLOADED, Duration.ofSeconds(7));
    assertThat(Backoff.next(POLICY, patient, 1, true, HOUR, 0)).contains(Duration.ofSeconds(7));
    WhimbrelException hasty = failure(ErrorCode.OVERLOADED, Duration.ofMillis(1));
    assertThat(Backoff.next(POLICY, hasty, 1, true, HOUR, 0)).contains(Duration.ofMillis(50));
  }

  @Test
  void noWaitGoesBeyondTheDeadline() {
    WhimbrelException failure = failure(ErrorCode.UNAVAILABLE, null);
    assertThat(Backoff.next(POLICY, failure, 1, true, Duration.ofMillis(51), 0)).isPresent();
    assertThat(Backoff.next(POLICY, failure, 1, true, Duration.ofMillis(50), 0)).isEmpty();
    assertThat(Backoff.next(POLICY, failure, 1, true, Duration.ZERO, 0)).isEmpty();
  }

  @Test
  void aPolicyThatIsNoneIsRefused() {
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> new RetryPolicy(0, Duration.ofMillis(1), HOUR));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> new RetryPolicy(2, Duration.ZERO, HOUR));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> new RetryPolicy(2, HOUR, Duration.ofMillis(1)));
  }
}
