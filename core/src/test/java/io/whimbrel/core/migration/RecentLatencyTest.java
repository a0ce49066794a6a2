package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RecentLatencyTest {
  private static final long WINDOW = RecentLatency.WINDOW.toNanos();

  private final AtomicLong clock = new AtomicLong(-5);
  private final RecentLatency latency = new RecentLatency(clock::get);

  private void record(int searches, int millis) {
    for (int i = 0; i < searches; i++) {
      latency.record(millis * 1_000_000L);
    }
  }

  private long p99Millis() {
    return latency.p99().toMillis();
  }

  @Test
  void aFewSearchesSayNothing() {
    record(RecentLatency.SAMPLES_MIN - 1, 50);
    assertThat(latency.p99()).isEqualTo(Duration.ZERO);
    record(1, 50);
    assertThat(p99Millis()).isBetween(49L, 51L);
  }

  @Test
  void theSlowestOfAHundredIsBeyondIt() {
    record(990, 2);
    record(10, 80);
    assertThat(p99Millis()).isEqualTo(2);
    record(2, 80);
    assertThat(p99Millis()).isBetween(79L, 81L);
  }

  @Test
  void forgetsWhatIsTwoWindowsOld() {
    record(100, 80);
    assertThat(p99Millis()).isBetween(79L, 81L);
    clock.addAndGet(WINDOW);
    record(100, 2);
    assertThat(p99Millis()).isBetween(79L, 81L);
    clock.addAndGet(WINDOW);
    record(100, 2);
    assertThat(p99Millis()).isEqualTo(2);
  }

  @Test
  void whatNobodyAskedForIsNotRecent() {
    record(100, 80);
    clock.addAndGet(10 * WINDOW);
    assertThat(latency.p99()).isEqualTo(Duration.ZERO);
    record(100, 3);
    assertThat(p99Millis()).isEqualTo(3);
  }
}
