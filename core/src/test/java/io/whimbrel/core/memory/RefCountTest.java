package io.whimbrel.core.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class RefCountTest {
  private final AtomicInteger freed = new AtomicInteger();
  private final RefCount count = new RefCount(freed::incrementAndGet);

  @Test
  void freesAtOnceWithoutReaders() {
    assertThat(count.tryAcquire()).isTrue();
    count.release();
    assertThat(freed).hasValue(0);
    count.close();
    assertThat(freed).hasValue(1);
    assertThat(count.tryAcquire()).isFalse();
  }

  @Test
  void freesWithTheLastReader() {
    assertThat(count.tryAcquire()).isTrue();
    assertThat(count.tryAcquire()).isTrue();
    count.close();
    assertThat(count.closed()).isTrue();
    assertThat(count.tryAcquire()).isFalse();
    count.release();
    assertThat(freed).hasValue(0);
    count.release();
    assertThat(freed).hasValue(1);
  }

  @Test
  void closingTwiceThrows() {
    assertThat(count.tryAcquire()).isTrue();
    count.close();
    assertThatThrownBy(count::close).isInstanceOf(IllegalStateException.class);
    count.release();
    assertThatThrownBy(count::close).isInstanceOf(IllegalStateException.class);
    assertThat(freed).hasValue(1);
  }

  @Test
  void freesOnceAndNeverUnderAReader() throws InterruptedException {
    for (int round = 0; round < 2_000; round++) {
      AtomicInteger frees = new AtomicInteger();
      AtomicInteger misuse = new AtomicInteger();
      RefCount shared = new RefCount(frees::incrementAndGet);
      List<Thread> readers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        readers.add(
            Thread.ofVirtual()
                .start(() -> {
                  while (shared.tryAcquire()) {
                    misuse.addAndGet(frees.get());
                    shared.release();
                    Thread.yield();
                  }
                }));
      }
      shared.close();
      for (Thread reader : readers) {
        reader.join();
      }
      assertThat(frees).hasValue(1);
      assertThat(misuse).hasValue(0);
    }
  }
}
