package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.testing.Seeds;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class AcceptBitsTest {
  @Test
  void isTheBitSetItWasMadeFrom() {
    Random random = Seeds.random("AcceptBits");
    for (int round = 0; round < 300; round++) {
      BitSet bits = new BitSet();
      int size = random.nextInt(400);
      for (int i = 0; i < size; i++) {
        // Runs of both kinds, single bits among them.
        bits.set(i, random.nextInt(1 << random.nextInt(7)) == 0);
      }
      if (round % 3 == 0) {
        bits.flip(0, size);
      }
      AcceptBits accept = AcceptBits.of(bits);
      assertThat(accept.isAll()).isFalse();
      assertThat(accept.count()).isEqualTo(bits.cardinality());
      for (int i = 0; i < size + 130; i++) {
        assertThat(accept.contains(i)).isEqualTo(bits.get(i));
        assertThat(accept.word(i / 64) >>> i % 64 & 1).isEqualTo(bits.get(i) ? 1 : 0);
        int next = bits.nextSetBit(i);
        assertThat(accept.next(i)).isEqualTo(next < 0 ? Integer.MAX_VALUE : next);
        if (bits.get(i)) {
          int end = i + 1 + random.nextInt(200);
          assertThat(accept.endOfRun(i, end)).isEqualTo(Math.min(end, bits.nextClearBit(i)));
        }
      }
    }
  }

  @Test
  void allIsEveryOrdinal() {
    assertThat(AcceptBits.ALL.isAll()).isTrue();
    assertThat(AcceptBits.ALL.contains(Integer.MAX_VALUE)).isTrue();
    assertThat(AcceptBits.ALL.count()).isEqualTo(Integer.MAX_VALUE);
    assertThat(AcceptBits.ALL.next(5)).isEqualTo(5);
    assertThat(AcceptBits.ALL.endOfRun(5, 1_029)).isEqualTo(1_029);
  }
}
