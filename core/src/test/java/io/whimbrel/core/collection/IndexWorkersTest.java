package io.whimbrel.core.collection;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Totals;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Against an index whose pending rows are a number, so that a test says when work comes, how long
/// it takes and when it fails.
@Timeout(30)
final class IndexWorkersTest {
  private static final EmbeddingSpec SPEC =
      EmbeddingSpec.of(ModelId.UNNAMED, 2, Metric.DOT, new IndexSpec.Hnsw());

  /// Rows are searched exactly; `pending` counts down as they are "indexed".
  private static final class CountingIndex implements VectorIndex {
    final FlatIndex rows = new FlatIndex(2, Metric.DOT, new ScalarKernels());
    final AtomicInteger pending = new AtomicInteger();
    final AtomicInteger pieces = new AtomicInteger();
    final AtomicInteger rowsMaxSeen = new AtomicInteger();
    volatile Runnable beforePiece = () -> {};

    @Override
    public boolean work(int rowsMax) {
      beforePiece.run();
      rowsMaxSeen.accumulateAndGet(rowsMax, Math::max);
      pieces.incrementAndGet();
      return pending.updateAndGet(n -> Math.max(0, n - rowsMax)) > 0;
    }

    @Override
    public int pending() {
      return pending.get();
    }

    @Override
    public int dimension() {
      return rows.dimension();
    }

    @Override
    public Metric metric() {
      return rows.metric();
    }

    @Override
    public int add(float[] vector, long label) {
      return rows.add(vector, label);
    }

    @Override
    public int add(ByteBuffer vector, long label) {
      return rows.add(vector, label);
    }

    @Override
    public void remove(int ordinal, long seq) {
      rows.remove(ordinal, seq);
    }

    @Override
    public void forEachLive(LiveRow row) {
      rows.forEachLive(row);
    }

    @Override
    public void publish(long seq) {
      rows.publish(seq);
    }

    @Override
    public Reader reader() {
      return rows.reader();
    }

    @Override
    public long seq() {
      return rows.seq();
    }

    @Override
    public int rows() {
      return rows.rows();
    }

    @Override
    public int live() {
      return rows.live();
    }

    @Override
    public long bytes() {
      return rows.bytes();
    }

    @Override
    public double coverage() {
      return 0;
    }

    @Override
    public void close() {
      rows.close();
    }
  }

  private static LiveVersion version(CountingIndex index) {
    return new LiveVersion("t", new PointRecord.VectorRef(1, 1), SPEC, index);
  }

  private static void awaitDone(CountingIndex index) throws InterruptedException {
    while (index.pending.get() > 0) {
      Thread.sleep(1);
    }
  }

  @Test
  void workIsDoneUntilNoneWaitsAndAgainWhenWoken() throws InterruptedException {
    IndexWorkers workers = new IndexWorkers(2);
    CountingIndex index = new CountingIndex();
    try (LiveVersion version = version(index)) {
      for (int round = 1; round <= 50; round++) {
        index.pending.set(4 * IndexWorkers.WORK_ROWS_MAX);
        workers.wake(version);
        awaitDone(index);
      }
      workers.stop();
      assertThat(index.pieces.get()).isGreaterThanOrEqualTo(50 * 4);
      assertThat(index.rowsMaxSeen).hasValue(IndexWorkers.WORK_ROWS_MAX);
    }
  }

  @Test
  void oneVersionDoesNotKeepTheOthersWaiting() throws InterruptedException {
    IndexWorkers workers = new IndexWorkers(1);
    CountingIndex endless = new CountingIndex();
    CountingIndex small = new CountingIndex();
    endless.beforePiece = () -> endless.pending.set(100_000_000);
    try (LiveVersion first = version(endless);
        LiveVersion second = version(small)) {
      workers.wake(first);
      small.pending.set(80_000);
      workers.wake(second);
      awaitDone(small);
      assertThat(endless.pending.get()).isPositive();
      workers.stop();
    }
  }

  @Test
  void severalThreadsHelpWithOneVersion() throws InterruptedException {
    IndexWorkers workers = new IndexWorkers(2);
    CountingIndex index = new CountingIndex();
    CountDownLatch together = new CountDownLatch(2);
    index.beforePiece =
        () -> {
          together.countDown();
          await(together);
        };
    index.pending.set(10_000_000);
    try (LiveVersion version = version(index)) {
      workers.wake(version);
      awaitDone(index);
      workers.stop();
    }
    assertThat(together.getCount()).isZero();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void failedWorkIsSaidAndLeavesTheOthersAlone() throws InterruptedException {
    IndexWorkers workers = new IndexWorkers(1);
    CountingIndex broken = new CountingIndex();
    CountingIndex healthy = new CountingIndex();
    broken.beforePiece =
        () -> {
          throw new IllegalStateException("planted");
        };
    try (LiveVersion first = version(broken);
        LiveVersion second = version(healthy)) {
      assertThat(first.note()).isEmpty();
      broken.pending.set(10);
      workers.wake(first);
      healthy.pending.set(10_000);
      workers.wake(second);
      awaitDone(healthy);
      while (!first.hasFailed()) {
        Thread.sleep(1);
      }
      assertThat(first.note()).contains("planted").contains("scanned");
      assertThat(second.note()).isEmpty();
      first.put(7, new float[] {1, 1}, 1);
      first.publish(1);
      try (LiveVersion.Reader reader = first.reader()) {
        TopK hits = reader.search(new float[] {1, 1}, SearchParams.of(1), () -> false);
        assertThat(hits.label(0)).isEqualTo(7);
      }
      workers.stop();
    }
  }

  @Test
  void aWriterWaitsWhileTooMuchIsPending() throws InterruptedException {
    IndexWorkers workers = new IndexWorkers(1);
    CountingIndex index = new CountingIndex();
    LiveCollection collection = collection(_ -> index);
    LiveVersion version = collection.versions().findFirst().orElseThrow();
    CountDownLatch mayWork = new CountDownLatch(1);
    index.beforePiece = () -> await(mayWork);
    index.pending.set(IndexWorkers.PENDING_MAX);
    workers.awaitRoom(collection);

    index.pending.set(IndexWorkers.PENDING_MAX + 300);
    workers.wake(version);
    AtomicBoolean through = new AtomicBoolean();
    Thread writer =
        Thread.ofPlatform()
            .start(() -> {
              workers.awaitRoom(collection);
              through.set(true);
            });
    while (writer.getState() != Thread.State.TIMED_WAITING && !through.get()) {
      Thread.sleep(1);
    }
    assertThat(through).isFalse();
    mayWork.countDown();
    writer.join();
    assertThat(through).isTrue();

    // Nobody works it off: the wait ends all the same.
    workers.stop();
    index.pending.set(Integer.MAX_VALUE);
    new IndexWorkers(0).awaitRoom(collection);
    collection.close();
  }

  private static LiveCollection collection(Function<EmbeddingSpec, VectorIndex> indexes) {
    CollectionRecord stored = CollectionRecord.create(CollectionSpec.of("docs", SPEC), 1);
    return new LiveCollection(1, stored, List.of(), Totals.EMPTY, indexes);
  }
}
