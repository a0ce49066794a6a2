package io.whimbrel.client.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A timer forgets no task, since a caller may wait for what it starts. */
@Timeout(60)
class TimerTest {
  @Test
  void tasksRunInADaemonThread() throws InterruptedException {
    CountDownLatch ran = new CountDownLatch(2);
    try (Timer timer = new Timer()) {
      Runnable task =
          () -> {
            if (Thread.currentThread().isDaemon()) {
              ran.countDown();
            }
          };
      timer.after(Duration.ZERO, task);
      timer.after(Duration.ofMillis(1), task);
      assertThat(ran.await(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void waitingTasksRunOnceWhenItCloses() {
    AtomicInteger runs = new AtomicInteger();
    Timer timer = new Timer();
    Runnable task =
        () -> {
          assertThat(timer.closed()).isTrue();
          runs.incrementAndGet();
        };
    timer.after(Duration.ofHours(1), task);
    timer.after(Duration.ofHours(1), task);
    timer.close();
    assertThat(runs).hasValue(2);
    timer.close();
    assertThat(runs).hasValue(2);
    timer.after(Duration.ofHours(1), task);
    assertThat(runs).hasValue(3);
  }
}
