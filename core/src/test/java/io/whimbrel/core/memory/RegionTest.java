package io.whimbrel.core.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RegionTest {
  // Below, at and above the size from which memory is mapped in huge pages.
  @ParameterizedTest
  @ValueSource(longs = {1, 64, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 5 << 20})
  void isAlignedZeroedAndWritable(long bytes) {
    long before = Region.bytesOpen();
    try (Region region = Region.shared(bytes)) {
      MemorySegment segment = region.segment();
      assertThat(region.bytes()).isEqualTo(bytes);
      assertThat(segment.byteSize()).isEqualTo(bytes);
      assertThat(segment.address() % Region.ALIGNMENT).isZero();
      assertThat(segment.mismatch(MemorySegment.ofArray(new byte[(int) bytes]))).isEqualTo(-1);
      assertThat(Region.bytesOpen()).isEqualTo(before + bytes);
      segment.fill((byte) 7);
      assertThat(segment.get(JAVA_BYTE, bytes - 1)).isEqualTo((byte) 7);
    }
    assertThat(Region.bytesOpen()).isEqualTo(before);
  }

  @Test
  void aMappedRegionCanBeOpenedAndClosedOften() {
    long before = Region.bytesOpen();
    for (int i = 0; i < 200; i++) {
      try (Region region = Region.shared(64 << 20)) {
        assertThat(region.segment().get(JAVA_LONG, 8L * i)).isZero();
        region.segment().set(JAVA_LONG, 8L * i, i + 1);
      }
    }
    assertThat(Region.bytesOpen()).isEqualTo(before);
  }

  @Test
  void useAfterCloseThrows() {
    for (long bytes : new long[] {64, 4 << 20}) {
      Region region = Region.shared(bytes);
      region.close();
      assertThatThrownBy(() -> region.segment().get(JAVA_BYTE, 0))
          .isInstanceOf(IllegalStateException.class);
      long open = Region.bytesOpen();
      assertThatThrownBy(region::close).isInstanceOf(IllegalStateException.class);
      assertThat(Region.bytesOpen()).isEqualTo(open);
    }
  }

  @Test
  void aConfinedRegionBelongsToItsThread() throws InterruptedException {
    try (Region region = Region.confined(256)) {
      assertThat(region.segment().address() % Region.ALIGNMENT).isZero();
      Throwable[] thrown = new Throwable[1];
      Thread other =
          new Thread(() -> {
            try {
              region.segment().get(JAVA_BYTE, 0);
            } catch (WrongThreadException e) {
              thrown[0] = e;
            }
          });
      other.start();
      other.join();
      assertThat(thrown[0]).isInstanceOf(WrongThreadException.class);
    }
  }

  @Test
  void refusesNegativeSizes() {
    long before = Region.bytesOpen();
    assertThatThrownBy(() -> Region.shared(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Region.confined(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThat(Region.bytesOpen()).isEqualTo(before);
  }
}
