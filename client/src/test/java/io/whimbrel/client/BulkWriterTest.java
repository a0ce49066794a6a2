package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.whimbrel.client.Peer.Fault;
import io.whimbrel.proto.v1.IngestRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Cutting, pacing and repeating of batches, against a peer that fails at chosen batches. */
@Timeout(60)
class BulkWriterTest {
  private static final RetryPolicy QUICK =
      new RetryPolicy(4, Duration.ofMillis(1), Duration.ofMillis(2));
  private static final BulkOptions TEN_EACH = BulkOptions.DEFAULT.withBatchPointsMax(10);

  private Peer peer;
  private WhimbrelClient client;

  @BeforeEach
  void open() throws IOException {
    peer = new Peer();
    client = peer.client().retries(QUICK).build();
  }

  @AfterEach
  void close() throws InterruptedException {
    client.close();
    peer.close();
  }

  private static Point point(int i) {
    return Point.of(PointId.of(i), Map.of("n", Value.of(i)), Vector.of(i, 1));
  }

  private static void addAll(BulkWriter writer, int count) {
    for (int i = 0; i < count; i++) {
      writer.add(point(i));
    }
  }

  @Test
  void everyPointArrivesOnce() {
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    addAll(writer, 95);
    writer.close();
    assertThat(peer.pointCount()).isEqualTo(95);
    assertThat(writer.unacknowledged()).isEmpty();
    assertThat(peer.batches).extracting(IngestRequest::getPointsCount).startsWith(10, 10);
    assertThat(peer.batches).hasSize(10);
    assertThat(peer.batches).extracting(IngestRequest::getCollection).containsOnly("c");
    BulkStats stats = writer.stats();
    assertThat(stats.pointsAcknowledged()).isEqualTo(95);
    assertThat(stats.bytesAcknowledged())
        .isEqualTo(peer.batches.stream().mapToLong(IngestRequest::getSerializedSize).sum());
    assertThat(stats.batchesResent()).isZero();
    assertThat(stats.streams()).isEqualTo(1);
  }

  @Test
  void batchesEndAtTheirBytes() {
    int batchBytesMax = 10_000;
    try (BulkWriter writer =
        client.bulkWriter("c", BulkOptions.DEFAULT.withBatchBytesMax(batchBytesMax))) {
      for (int i = 0; i < 100; i++) {
        writer.add(Point.of(PointId.of(i), Vector.of(new float[50 + i * 5])));
      }
    }
    assertThat(peer.pointCount()).isEqualTo(100);
    assertThat(peer.batches)
        .allSatisfy(batch -> assertThat(batch.getSerializedSize()).isLessThanOrEqualTo(10_000));
    // Full batches: what is left free in each is less than the largest point.
    assertThat(peer.batches.subList(0, peer.batches.size() - 1))
        .allSatisfy(batch -> assertThat(batch.getSerializedSize()).isGreaterThan(10_000 - 2_300));
  }

  @Test
  void aPointLargerThanABatchTravelsAlone() {
    BulkOptions small = BulkOptions.DEFAULT.withBatchBytesMax(1_000).withInFlightBytesMax(2_000);
    try (BulkWriter writer = client.bulkWriter("c", small)) {
      writer.add(point(1));
      writer.add(Point.of(PointId.of(2), Vector.of(new float[5_000])));
      writer.add(point(3));
    }
    assertThat(peer.batches).extracting(IngestRequest::getPointsCount).containsExactly(1, 1, 1);
    assertThat(peer.pointCount()).isEqualTo(3);
  }

  @Test
  void batchesStayBelowHalfTheMessageLimit() {
    try (WhimbrelClient small = peer.client().maxMessageBytes(8_000).build()) {
      try (BulkWriter writer = small.bulkWriter("c", BulkOptions.DEFAULT)) {
        addAll(writer, 400);
        assertThatExceptionOfType(WhimbrelException.class)
            .isThrownBy(() -> writer.add(Point.of(PointId.of("big"), Vector.of(new float[1_000]))))
            .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED));
        writer.add(point(400));
      }
    }
    assertThat(peer.pointCount()).isEqualTo(401);
    assertThat(peer.batches)
        .hasSizeGreaterThan(2)
        .allSatisfy(batch -> assertThat(batch.getSerializedSize()).isLessThanOrEqualTo(4_000));
  }

  @ParameterizedTest
  @EnumSource(names = {"BREAK_BEFORE", "BREAK_AFTER", "OVERLOADED"})
  void passingFailuresAreMendedAndNothingIsWrittenTwice(Fault fault) {
    peer.faults = n -> n == 2 || n == 5 ? fault : Fault.NONE;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    addAll(writer, 100);
    writer.close();
    assertThat(peer.pointCount()).isEqualTo(100);
    // A batch written before the stream broke was sent again under its name, and not written again.
    assertThat(peer.writes()).isEqualTo(10);
    Map<Long, List<String>> names =
        peer.batches.stream()
            .collect(
                Collectors.groupingBy(
                    IngestRequest::getBatch,
                    Collectors.mapping(b -> b.getOptions().getRequestId(), Collectors.toList())));
    assertThat(names).hasSize(10);
    names.values().forEach(ids -> assertThat(ids).containsOnly(ids.get(0)));
    assertThat(names.values().stream().map(ids -> ids.get(0))).doesNotHaveDuplicates();
    BulkStats stats = writer.stats();
    assertThat(stats.pointsAcknowledged()).isEqualTo(100);
    assertThat(stats.batchesResent()).isGreaterThanOrEqualTo(2);
    assertThat(stats.streams()).isEqualTo(fault == Fault.OVERLOADED ? 1 : 3);
    assertThat(writer.takeFailures()).isEmpty();
  }

  @Test
  void aRefusedBatchIsNamedAndTheOthersAreWritten() {
    peer.faults = n -> n == 1 ? Fault.REFUSED : Fault.NONE;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    addAll(writer, 30);
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(writer::flush)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.DIMENSION_MISMATCH))
        .satisfies(e -> assertThat(e.field()).isEqualTo("points[0].vectors.default"));
    List<BulkFailure> failures = writer.takeFailures();
    assertThat(failures).hasSize(1);
    assertThat(failures.get(0).ids())
        .containsExactlyElementsOf(
            java.util.stream.IntStream.range(10, 20).mapToObj(PointId::of).toList());
    // Taken, so it is known and no longer thrown.
    writer.close();
    assertThat(peer.pointCount()).isEqualTo(20);
    assertThat(writer.stats().pointsRefused()).isEqualTo(10);
    assertThat(writer.stats().batchesRefused()).isEqualTo(1);
  }

  @Test
  void aRefusalThatNobodyTookIsThrownByClose() {
    peer.faults = n -> Fault.REFUSED;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    writer.add(point(1));
    assertThatExceptionOfType(WhimbrelException.class).isThrownBy(writer::close);
    writer.close();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> writer.add(point(2)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT));
  }

  @Test
  void anOverloadThatStaysIsRefusedAfterAllAttempts() {
    peer.faults = n -> Fault.OVERLOADED;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    writer.add(point(1));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(writer::flush)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.OVERLOADED));
    assertThat(peer.batches).hasSize(QUICK.attemptsMax());
  }

  @Test
  void aStreamThatKeepsBreakingFailsTheWriter() {
    peer.faults = n -> Fault.BREAK_BEFORE;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    writer.add(point(1));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(writer::flush)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    assertThat(peer.batches).hasSize(QUICK.attemptsMax());
    assertThat(writer.unacknowledged()).containsExactly(PointId.of(1));
    assertThatExceptionOfType(WhimbrelException.class).isThrownBy(() -> writer.add(point(2)));
    assertThatExceptionOfType(WhimbrelException.class).isThrownBy(writer::close);
    assertThat(peer.pointCount()).isZero();
  }

  @Test
  void withoutRetriesTheFirstBreakFailsTheWriter() {
    peer.faults = n -> Fault.BREAK_BEFORE;
    try (WhimbrelClient strict = peer.client().retries(RetryPolicy.NONE).build()) {
      BulkWriter writer = strict.bulkWriter("c", TEN_EACH);
      writer.add(point(1));
      assertThatExceptionOfType(WhimbrelException.class).isThrownBy(writer::flush);
      assertThat(peer.batches).hasSize(1);
    }
  }

  @Test
  void theLastPointOfAnIdStays() {
    peer.faults = n -> n == 0 ? Fault.OVERLOADED : Fault.NONE;
    PointId id = PointId.of("same");
    try (BulkWriter writer = client.bulkWriter("c", BulkOptions.DEFAULT)) {
      for (int i = 0; i < 5; i++) {
        writer.add(Point.of(id, Vector.of(i, 1)));
      }
    }
    assertThat(peer.stored(id).vectors()).containsEntry("default", Vector.of(4, 1));
    assertThat(peer.writes()).isEqualTo(5);
  }

  @Test
  void addWaitsWhileTooManyBatchesAreOnTheirWay() throws InterruptedException {
    peer.faults = n -> Fault.HELD;
    AtomicInteger added = new AtomicInteger();
    BulkWriter writer = client.bulkWriter("c", TEN_EACH.withInFlightBatchesMax(2));
    Thread producer =
        new Thread(() -> {
          for (int i = 0; i < 100; i++) {
            writer.add(point(i));
            added.incrementAndGet();
          }
          writer.close();
        });
    producer.start();
    // Two full batches are on their way and no third is begun.
    while (producer.getState() != Thread.State.TIMED_WAITING || peer.batches.size() < 2) {
      assertThat(producer.getState()).isNotEqualTo(Thread.State.TERMINATED);
      Thread.onSpinWait();
    }
    assertThat(added).hasValue(20);
    assertThat(peer.batches).hasSize(2);
    for (int released = 0; released < 10; ) {
      assertThat(peer.batches.size()).isLessThanOrEqualTo(released + 2);
      if (peer.release()) {
        released++;
      } else {
        Thread.onSpinWait();
      }
    }
    producer.join();
    assertThat(peer.pointCount()).isEqualTo(100);
  }

  @Test
  void addWaitsWhileTooManyBytesAreOnTheirWay() throws InterruptedException {
    peer.faults = n -> Fault.HELD;
    AtomicInteger added = new AtomicInteger();
    BulkOptions narrow = BulkOptions.DEFAULT.withBatchBytesMax(10_000).withInFlightBytesMax(30_000);
    BulkWriter writer = client.bulkWriter("c", narrow);
    Thread producer =
        new Thread(() -> {
          for (int i = 0; i < 20; i++) {
            writer.add(Point.of(PointId.of(i), Vector.of(new float[1_000])));
            added.incrementAndGet();
          }
          writer.close();
        });
    producer.start();
    while (producer.getState() != Thread.State.TIMED_WAITING) {
      assertThat(producer.getState()).isNotEqualTo(Thread.State.TERMINATED);
      Thread.onSpinWait();
    }
    // A point takes a little more than 4,000 bytes, so seven would pass 28,000 and an eighth
    // 32,000.
    assertThat(added).hasValueLessThanOrEqualTo(7);
    while (producer.isAlive()) {
      if (!peer.release()) {
        Thread.onSpinWait();
      }
    }
    assertThat(peer.pointCount()).isEqualTo(20);
  }

  @Test
  void aServerThatNeverAnswersMeetsTheDeadline() {
    peer.faults = n -> Fault.SILENT;
    try (WhimbrelClient hasty = peer.client().deadline(Duration.ofMillis(300)).build()) {
      BulkWriter writer = hasty.bulkWriter("c", TEN_EACH);
      addAll(writer, 5);
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(writer::flush)
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED));
    }
  }

  @Test
  void anInterruptLeavesTheWriterUsable() {
    peer.faults = n -> Fault.HELD;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    writer.add(point(1));
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(writer::flush)
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.CANCELLED));
    assertThat(Thread.interrupted()).isTrue();
    while (!peer.release()) {
      Thread.onSpinWait();
    }
    writer.close();
    assertThat(peer.pointCount()).isEqualTo(1);
  }

  @Test
  void closingTheClientFirstFailsTheWriterAndDoesNotHang() {
    peer.faults = n -> Fault.SILENT;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH);
    addAll(writer, 10);
    client.close();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(writer::close)
        .satisfies(e -> assertThat(e.code()).isIn(ErrorCode.UNAVAILABLE, ErrorCode.CANCELLED));
  }

  @Test
  void manyThreadsShareOneWriter() throws InterruptedException {
    peer.faults = n -> n % 7 == 3 ? Fault.BREAK_AFTER : Fault.NONE;
    BulkWriter writer = client.bulkWriter("c", TEN_EACH.withInFlightBatchesMax(3));
    List<Thread> threads =
        java.util.stream.IntStream.range(0, 4)
            .mapToObj(t ->
                new Thread(() -> {
                  for (int i = 0; i < 250; i++) {
                    writer.add(point(t * 250 + i));
                  }
                  writer.flush();
                }))
            .toList();
    threads.forEach(Thread::start);
    for (Thread thread : threads) {
      thread.join();
    }
    writer.close();
    assertThat(peer.pointCount()).isEqualTo(1_000);
    assertThat(writer.stats().pointsAcknowledged()).isEqualTo(1_000);
  }
}
