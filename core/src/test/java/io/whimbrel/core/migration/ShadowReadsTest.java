package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.memory.YieldingThreads;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.SearchPlan;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

/// Everything here would hang or throw if a mirrored search could reach the one that it mirrors.
class ShadowReadsTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  private static SearchResult result(String... ids) {
    return new SearchResult(
        Arrays.stream(ids)
            .map(id -> new SearchResult.Hit(new Point(PointId.of(id), Map.of(), Map.of(), 1), 1))
            .toList(),
        1,
        1,
        1,
        0,
        new SearchPlan(SearchPlan.Method.SCAN, ids.length, 0));
  }

  @Test
  void comparesTheAnswers() {
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(100, LONG);
    try (ShadowReads shadows =
        new ShadowReads(1, 100, Thread.ofPlatform().daemon(true).factory())) {
      for (int i = 0; i < 4; i++) {
        shadows.offer(
            mirror, result("a", "b"), 3_000_000, Optional.of(_ -> result("b", "c", "d", "e")));
      }
      drain(shadows);
    }
    MirrorReport report = mirror.report();
    assertThat(report.sampled()).isEqualTo(4);
    assertThat(report.compared()).isEqualTo(4);
    assertThat(report.meanOverlap()).isEqualTo(0.25);
    assertThat(report.fromP99Millis()).isCloseTo(3, within(0.05));
    assertThat(ShadowReads.overlap(result(), result())).isEqualTo(1);
    assertThat(ShadowReads.overlap(result("a"), result())).isZero();
  }

  @Test
  void samplesTheShareThatWasAskedFor() {
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(7, LONG);
    ShadowReads.Mirror none = new ShadowReads.Mirror(0, LONG);
    try (ShadowReads shadows = new ShadowReads(1, 1, Thread.ofPlatform().daemon(true).factory())) {
      for (int i = 0; i < 1000; i++) {
        shadows.offer(mirror, result(), 1, Optional.empty());
        shadows.offer(none, result(), 1, Optional.empty());
      }
    }
    assertThat(mirror.report().sampled()).isEqualTo(70);
    assertThat(mirror.report().skipped()).isEqualTo(70);
    assertThat(none.report().sampled()).isZero();
  }

  @Test
  void recordsWhatIsThrown() {
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(100, LONG);
    try (ShadowReads shadows =
        new ShadowReads(1, 100, Thread.ofPlatform().daemon(true).factory())) {
      shadows.offer(
          mirror,
          result("a"),
          1,
          Optional.of(_ -> {
            throw WhimbrelException.of(ErrorCode.OVERLOADED, "search", 1, "room");
          }));
      shadows.offer(
          mirror,
          result("a"),
          1,
          Optional.of(_ -> {
            throw new IllegalStateException("a bug");
          }));
      shadows.offer(mirror, result("a"), 1, Optional.of(_ -> result("a")));
      drain(shadows);
    }
    MirrorReport report = mirror.report();
    assertThat(report.failed()).isEqualTo(2);
    assertThat(report.errors()).isEqualTo(Map.of(ErrorCode.OVERLOADED, 1L, ErrorCode.INTERNAL, 1L));
    assertThat(report.compared()).isEqualTo(1);
  }

  @Test
  void dropsWhatItHasNoRoomForWhileASearchHangs() throws InterruptedException {
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(100, LONG);
    CountDownLatch hanging = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    try (ShadowReads shadows = new ShadowReads(1, 2, Thread.ofPlatform().daemon(true).factory())) {
      shadows.offer(
          mirror,
          result("a"),
          1,
          Optional.of(_ -> {
            hanging.countDown();
            awaitQuietly(release);
            return result("a");
          }));
      hanging.await();
      for (int i = 0; i < 10; i++) {
        shadows.offer(mirror, result("a"), 1, Optional.of(_ -> result("a")));
      }
      assertThat(mirror.report().dropped()).isEqualTo(8);
      release.countDown();
      drain(shadows);
    }
    assertThat(mirror.report().compared()).isEqualTo(3);
  }

  /// A search is as fast beside mirrored ones that hang and throw: its share of the mirror is to
  /// offer. `-Dwhimbrel.shadow.searches=200000` makes the printed 99th percentiles firm.
  @Test
  void hangingAndThrowingSearchesDoNotSlowTheOthers() {
    int searches = Integer.getInteger("whimbrel.shadow.searches", 800);
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(100, Duration.ofMillis(50));
    Histogram alone = new Histogram(3);
    Histogram mirrored = new Histogram(3);
    SearchResult answer = result("a");
    try (ShadowReads shadows = new ShadowReads(2, 64, YieldingThreads.named("shadow"))) {
      for (int i = 0; i < searches; i++) {
        boolean hangs = i % 4 == 0;
        boolean mirrors = i / 100 % 2 == 1;
        long start = System.nanoTime();
        double _ = work();
        if (mirrors) {
          shadows.offer(
              mirror,
              answer,
              1,
              Optional.of(cancelled -> {
                while (hangs && !cancelled.getAsBoolean()) {
                  Thread.onSpinWait();
                }
                throw WhimbrelException.of(ErrorCode.UNAVAILABLE, "search", 1, "planted");
              }));
        }
        (mirrors ? mirrored : alone).recordValue(System.nanoTime() - start);
      }
    }
    double times =
        (double) mirrored.getValueAtPercentile(99) / Math.max(1, alone.getValueAtPercentile(99));
    System.out.printf(
        "p99 %,d ns alone, %,d ns beside mirrored searches that hang and throw: %.3f times%n",
        alone.getValueAtPercentile(99), mirrored.getValueAtPercentile(99), times);
    MirrorReport report = mirror.report();
    assertThat(report.sampled()).isEqualTo(searches / 2);
    assertThat(report.compared()).isZero();
  }

  /// About half a millisecond of arithmetic.
  private static double work() {
    double sum = 0;
    for (int i = 1; i < 300_000; i++) {
      sum += 1.0 / i;
    }
    return sum;
  }

  @Test
  void endsASearchAtItsDeadline() {
    ShadowReads.Mirror mirror = new ShadowReads.Mirror(100, Duration.ofMillis(1));
    CountDownLatch ended = new CountDownLatch(1);
    try (ShadowReads shadows =
        new ShadowReads(1, 100, Thread.ofPlatform().daemon(true).factory())) {
      shadows.offer(
          mirror,
          result("a"),
          1,
          Optional.of(cancelled -> {
            while (!cancelled.getAsBoolean()) {
              Thread.onSpinWait();
            }
            ended.countDown();
            throw WhimbrelException.of(ErrorCode.CANCELLED, "search", 1, "time");
          }));
      drain(shadows);
    }
    // On a loaded machine the deadline can pass before the search begins; then it is dropped.
    MirrorReport report = mirror.report();
    assertThat(report.failed() + report.dropped()).isEqualTo(1);
    assertThat(report.compared()).isZero();
    if (ended.getCount() == 0) {
      assertThat(report.errors()).isEqualTo(Map.of(ErrorCode.DEADLINE_EXCEEDED, 1L));
    }
  }

  /// Waits until everything offered before has ended: a marker passes through the same single
  /// thread.
  private static void drain(ShadowReads shadows) {
    CountDownLatch done = new CountDownLatch(1);
    ShadowReads.Mirror marker = new ShadowReads.Mirror(100, LONG);
    while (marker.report().sampled() == marker.report().dropped()) {
      shadows.offer(
          marker,
          result(),
          1,
          Optional.of(_ -> {
            done.countDown();
            return result();
          }));
    }
    awaitQuietly(done);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
