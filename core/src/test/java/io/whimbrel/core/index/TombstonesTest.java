package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class TombstonesTest {
  @Test
  void aRowDiesAtItsSequenceNumber() {
    Tombstones tombstones = new Tombstones();
    assertThat(tombstones.isDead(5, Long.MAX_VALUE)).isFalse();
    tombstones.kill(5, 10);
    assertThat(tombstones.isDead(5, 9)).isFalse();
    assertThat(tombstones.isDead(5, 10)).isTrue();
    assertThat(tombstones.isDead(4, Long.MAX_VALUE)).isFalse();
  }

  @Test
  void keepsDeathsWhileItGrows() {
    Tombstones tombstones = new Tombstones();
    for (int ordinal = 0; ordinal < 3_000_000; ordinal += 4_095) {
      tombstones.kill(ordinal, ordinal + 1);
    }
    for (int ordinal = 0; ordinal < 3_000_000; ordinal++) {
      assertThat(tombstones.isDead(ordinal, Long.MAX_VALUE)).isEqualTo(ordinal % 4_095 == 0);
    }
    assertThat(tombstones.isDead(4_095, 4_095)).isFalse();
    assertThat(tombstones.isDead(4_095, 4_096)).isTrue();
  }

  @Test
  void costsNothingWhereNoneDied() {
    Tombstones tombstones = new Tombstones();
    assertThat(tombstones.bytes()).isZero();
    tombstones.kill(2_000_000_000, 1);
    assertThat(tombstones.bytes()).isEqualTo(4_096 * 8);
  }
}
