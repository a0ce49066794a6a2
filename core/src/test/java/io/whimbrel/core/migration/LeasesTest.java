package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LeasesTest {
  /// Near the overflow, which nano time may pass.
  private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 10);

  private final Leases leases = new Leases(clock::get);

  @Test
  void aLeaseIsHeldUntilItExpires() {
    assertThat(leases.take(7, 100)).isTrue();
    assertThat(leases.take(7, 100)).isFalse();
    assertThat(leases.count()).isEqualTo(1);
    clock.addAndGet(99);
    assertThat(leases.take(7, 100)).isFalse();
    clock.addAndGet(1);
    assertThat(leases.count()).isZero();
    assertThat(leases.take(7, 100)).isTrue();
  }

  @Test
  void aPointThatRestsIsNotLeased() {
    assertThat(leases.take(7, 100)).isTrue();
    leases.rest(7, 50);
    assertThat(leases.count()).isZero();
    assertThat(leases.take(7, 100)).isFalse();
    leases.wakeAll();
    assertThat(leases.take(7, 100)).isTrue();
    leases.rest(7, 50);
    clock.addAndGet(50);
    assertThat(leases.take(7, 100)).isTrue();
    leases.end(7);
    assertThat(leases.take(7, 100)).isTrue();
  }

  @Test
  void noMoreThanTheBoundAreOut() {
    for (int i = 0; i < Leases.LEASED_MAX; i++) {
      assertThat(leases.take(i, 100)).isTrue();
    }
    assertThat(leases.take(-1, 100)).isFalse();
    clock.addAndGet(100);
    assertThat(leases.take(-1, 100)).isTrue();
    assertThat(leases.count()).isEqualTo(1);
  }
}
