package io.whimbrel.server.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WorkPoolTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  private final WorkPool pool = new WorkPool("test", new ServerLimits.Pool(1, 2), 1);
  private final CountDownLatch started = new CountDownLatch(1);
  private final CountDownLatch released = new CountDownLatch(1);

  @AfterEach
  void shutdown() throws InterruptedException {
    released.countDown();
    assertThat(pool.shutdown(LONG)).isTrue();
  }

  @Test
  void aFullQueueRefusesAndAFreeOneTakesAgain() throws Exception {
    occupy();
    CountDownLatch done = new CountDownLatch(2);
    pool.execute(done::countDown);
    pool.execute(done::countDown);
    assertRefused(ErrorCode.OVERLOADED, () -> pool.execute(() -> {}));

    released.countDown();
    done.await();
    CountDownLatch again = new CountDownLatch(1);
    pool.execute(again::countDown);
    again.await();
  }

  @Test
  void afterShutdownTasksAreRefused() throws Exception {
    assertThat(pool.shutdown(LONG)).isTrue();
    assertRefused(ErrorCode.UNAVAILABLE, () -> pool.execute(() -> {}));
  }

  @Test
  void aLaneKeepsOrderAndIsNotRefusedByAFullQueue() throws Exception {
    occupy();
    pool.execute(() -> {});
    pool.execute(() -> {});
    List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(1);
    try (WorkPool.Lane lane = pool.openLane(11)) {
      for (int i = 0; i < 10; i++) {
        int number = i;
        lane.execute(() -> seen.add(number));
      }
      lane.execute(done::countDown);
      released.countDown();
      done.await();
    }
    assertThat(seen).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  }

  @Test
  void lanesAreBoundedAndGivenBack() {
    WorkPool.Lane lane = pool.openLane(1);
    assertRefused(ErrorCode.OVERLOADED, () -> pool.openLane(1));
    lane.close();
    lane.close();
    pool.openLane(1).close();
  }

  @Test
  void aClosedLaneForgetsWhatHasNotBegun() throws Exception {
    occupy();
    List<String> seen = Collections.synchronizedList(new ArrayList<>());
    WorkPool.Lane lane = pool.openLane(2);
    lane.execute(() -> seen.add("one"));
    lane.execute(() -> seen.add("two"));
    lane.close();
    released.countDown();
    assertThat(pool.shutdown(LONG)).isTrue();
    assertThat(seen).isEmpty();
  }

  /// Holds the one thread until `released`.
  private void occupy() throws InterruptedException {
    pool.execute(() -> {
      started.countDown();
      try {
        released.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    started.await();
  }

  private static void assertRefused(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code));
  }
}
