package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.BackfillThrottle;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final long SECOND = 1_000_000_000;
  private static final long POINT_BYTES = 1_000;

  private final AtomicLong clock = new AtomicLong(SECOND);
  private final Pace pace = new Pace(clock::get);

  private static BackfillThrottle throttle(double points, double bytes, double nice) {
    return new BackfillThrottle(points, bytes, nice, Duration.ofMillis(10), Duration.ofMillis(50));
  }

  private int lease(BackfillThrottle throttle, int wanted) {
    int points = pace.ask(throttle, wanted, POINT_BYTES, Duration.ZERO).points();
    pace.leased(throttle, points, POINT_BYTES);
    return points;
  }

  /// Points leased in so many seconds by a worker that asks every 10 ms.
  private long inSeconds(BackfillThrottle throttle, int seconds, int wanted) {
    long leased = 0;
    for (int i = 0; i < seconds * 100; i++) {
      clock.addAndGet(SECOND / 100);
      leased += lease(throttle, wanted);
    }
    return leased;
  }

  @Test
  void pointsAndBytesASecondHoldOverTime() {
    assertThat(inSeconds(throttle(500, 0, 0), 20, 64)).isBetween(9_900L, 10_600L);
    assertThat(inSeconds(throttle(0, 50 * POINT_BYTES, 0), 20, 64)).isBetween(980L, 1_120L);
    // Rates below one request: one point at a time.
    assertThat(inSeconds(throttle(3, 0, 0), 20, 64)).isBetween(57L, 64L);
  }

  @Test
  void withoutALimitEverythingIsGiven() {
    assertThat(inSeconds(BackfillThrottle.NONE, 1, 64)).isEqualTo(6_400);
  }

  @Test
  void restsWhileSearchesAreSlow() {
    BackfillThrottle throttle = throttle(0, 0, 0);
    Pace.Permit slow = pace.ask(throttle, 5, POINT_BYTES, Duration.ofMillis(11));
    assertThat(slow.points()).isZero();
    assertThat(slow.waitReason()).isEqualTo("search p99 is 11.0 ms, above 10.0 ms");
    assertThat(pace.waitReason()).isEqualTo(slow.waitReason());
    clock.addAndGet(SECOND);
    assertThat(pace.ask(throttle, 3, POINT_BYTES, Duration.ofMillis(10)).points()).isEqualTo(3);
    assertThat(pace.waitReason()).isEmpty();
  }

  @Test
  void findsOutWhatSearchesBear() {
    BackfillThrottle throttle = throttle(0, 0, 0);
    // These searches bear 1,000 points a second; they are told of with the delay of a window.
    long most = 0;
    long leased = 0;
    long slow = 0;
    long second = 0;
    long leasedInSecond = 0;
    Duration p99 = Duration.ofMillis(5);
    for (int i = 0; i < 12_000; i++) {
      clock.addAndGet(SECOND / 100);
      Pace.Permit permit = pace.ask(throttle, 64, POINT_BYTES, p99);
      pace.leased(throttle, permit.points(), POINT_BYTES);
      leased += permit.points();
      leasedInSecond += permit.points();
      slow += permit.waitReason().contains("above") ? 1 : 0;
      if (clock.get() / SECOND > second) {
        second = clock.get() / SECOND;
        most = Math.max(most, leasedInSecond);
        p99 = Duration.ofMillis(leasedInSecond > 1_000 ? 11 : 5);
        leasedInSecond = 0;
      }
    }
    assertThat(most).as("in a second").isBetween(1_000L, 2_100L);
    assertThat(leased / 120.0).as("a second, on average").isBetween(500.0, 1_000.0);
    assertThat(slow / 12_000.0).as("share of the time above the limit").isLessThan(0.15);
  }

  @Test
  void aLimitWithoutSearchesHoldsNothing() {
    assertThat(inSeconds(throttle(0, 0, 0), 1, 64)).isEqualTo(6_400);
  }

  @Test
  void restsInProportionToTheWork() {
    BackfillThrottle throttle = throttle(0, 0, 2);
    assertThat(lease(throttle, 5)).isEqualTo(5);
    clock.addAndGet(3 * SECOND);
    pace.committed(throttle, 5);
    Pace.Permit rest = pace.ask(throttle, 5, POINT_BYTES, Duration.ZERO);
    assertThat(rest.points()).isZero();
    assertThat(rest.retryAfter()).isEqualTo(Duration.ofSeconds(6));
    clock.addAndGet(6 * SECOND);
    assertThat(lease(throttle, 5)).isEqualTo(5);
  }

  @Test
  void theRateFollowsTheCommits() {
    for (int i = 0; i < 600; i++) {
      clock.addAndGet(SECOND / 10);
      pace.committed(BackfillThrottle.NONE, 20);
    }
    assertThat(pace.rate()).isBetween(195.0, 205.0);
    clock.addAndGet(60 * SECOND);
    assertThat(pace.rate()).isLessThan(5);
  }
}
