package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.testing.RealVectors;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class FlatIndexTest extends VectorIndexContract {
  @Override
  protected FlatIndex create(int dimension, Metric metric) {
    return new FlatIndex(dimension, metric, KernelProvider.best());
  }

  @Override
  protected double recallFloor() {
    return 1;
  }

  @Override
  protected boolean isExact() {
    return true;
  }

  @Override
  protected boolean worksBeforeSearch() {
    return false;
  }

  @ParameterizedTest
  @EnumSource(names = {"DOT", "L2"})
  void isExactToTheTieOnWholeNumbers(Metric metric) {
    Random random = Seeds.random("whole " + metric);
    ExactSearch truth = new ExactSearch(metric);
    try (VectorIndex index = create(5, metric);
        VectorIndex scalar = new FlatIndex(5, metric, new ScalarKernels())) {
      for (int i = 0; i < 4_000; i++) {
        float[] vector = Seeds.whole(random, 5);
        truth.put(i, vector);
        assertThat(add(index, vector, i)).isEqualTo(i);
        add(scalar, vector, i);
      }
      for (int i = 0; i < 4_000; i += 1 + random.nextInt(9)) {
        index.remove(i, 1);
        scalar.remove(i, 1);
        truth.remove(i);
      }
      index.publish(1);
      scalar.publish(1);
      for (int q = 0; q < 100; q++) {
        float[] query = Seeds.whole(random, 5);
        double threshold = q % 2 == 0 ? Double.NEGATIVE_INFINITY : metric == Metric.DOT ? 20 : -60;
        List<Integer> expected =
            truth.search(query, 50, threshold).stream().map(ExactSearch.Scored::label).toList();
        assertThat(labels(search(index, query, 50, threshold))).isEqualTo(expected);
        assertThat(labels(search(scalar, query, 50, threshold))).isEqualTo(expected);
      }
    }
  }

  @Test
  void prefixesAreRankedAsIfTheyWereAll() {
    Random random = Seeds.random("prefixes");
    int dimension = 70;
    for (Metric metric : Metric.values()) {
      try (FlatIndex index = create(dimension, metric)) {
        List<float[]> rows = new ArrayList<>();
        for (int i = 0; i < 700; i++) {
          rows.add(Seeds.gaussian(random, dimension));
          add(index, rows.getLast(), i);
        }
        index.publish(1);
        float[] query = Seeds.gaussian(random, dimension);
        try (VectorIndex.Reader reader = index.reader()) {
          assertThat(reader.searchesPrefixes()).isTrue();
          for (int dims : new int[] {1, 15, 16, 17, 33, 64, 70}) {
            TopK found =
                reader.searchPrefix(query, dims, SearchParams.of(700).withExact(true), () -> false);
            assertThat(found.count()).isEqualTo(700);
            for (int i = 0; i < 700; i++) {
              // Under COSINE and of the length of the whole row, which a prefix does not keep.
              float[] row = rows.get(found.ordinal(i));
              double norm = metric == Metric.COSINE ? 0 : 1;
              double sum = 0;
              double square = 0;
              double querySquare = 0;
              for (int d = 0; d < dims; d++) {
                double difference = (double) query[d] - row[d];
                sum += metric == Metric.L2 ? -difference * difference : (double) query[d] * row[d];
                square += (double) row[d] * row[d];
                querySquare += (double) query[d] * query[d];
              }
              double expected = norm == 1 ? sum : sum / Math.sqrt(square * querySquare);
              assertThat((double) found.score(i))
                  .isCloseTo(expected, Offset.offset(1e-4 * Math.max(1, Math.abs(expected))));
            }
          }
        }
      }
    }
  }

  @Test
  void storedRowsMoveUnchanged() {
    Random random = Seeds.random("storedRowsMoveUnchanged");
    try (FlatIndex from = create(19, Metric.COSINE);
        FlatIndex to = create(19, Metric.COSINE)) {
      float[] row = new float[19];
      float[] again = new float[19];
      for (int i = 0; i < 200; i++) {
        add(from, Seeds.gaussian(random, 19), i);
        from.copyRow(i, row);
        double norm = 0;
        for (float value : row) {
          norm += (double) value * value;
        }
        assertThat(norm).isBetween(1 - 1e-6, 1 + 1e-6);
        assertThat(to.addStored(row, i)).isEqualTo(i);
        to.copyRow(i, again);
        assertThat(again).isEqualTo(row);
      }
    }
  }

  @Test
  void compactionKeepsTheLiveRowsAndTheirLabels() {
    Random random = Seeds.random("compaction");
    try (FlatIndex index = create(6, Metric.COSINE)) {
      for (int i = 0; i < 9_000; i++) {
        add(index, Seeds.gaussian(random, 6), i);
      }
      assertThat(index.wantsCompaction()).isFalse();
      for (int i = 0; i < 4_600; i++) {
        index.remove(i, 1);
      }
      index.publish(1);
      assertThat(index.wantsCompaction()).isTrue();
      float[] query = Seeds.gaussian(random, 6);
      TopK before = search(index, query, 50);
      try (FlatIndex compacted = index.compacted(1)) {
        assertThat(compacted.rows()).isEqualTo(4_400);
        assertThat(compacted.wantsCompaction()).isFalse();
        TopK after = search(compacted, query, 50);
        assertThat(labels(after)).isEqualTo(labels(before));
        for (int rank = 0; rank < 50; rank++) {
          assertThat(after.score(rank)).isEqualTo(before.score(rank));
        }
      }
    }
  }

  /// Distances between whole numbers below 256 are exact in float32, so recall can be counted
  /// without tolerance; a hit as near as the tenth true one is a true one.
  @Test
  void recallOnRealVectorsIsOne() throws IOException {
    RealVectors real = RealVectors.bigann();
    try (VectorIndex index = create(128, Metric.L2)) {
      for (int i = 0; i < real.base().length; i++) {
        add(index, real.base()[i], i);
      }
      index.publish(1);
      int found = 0;
      for (int q = 0; q < real.queries().length; q++) {
        float[] query = real.queries()[q];
        TopK top = search(index, query, 10);
        double tenth = -squaredL2(query, real.base()[real.nearest()[q][9]]);
        for (int rank = 0; rank < top.count(); rank++) {
          found += top.score(rank) >= tenth ? 1 : 0;
          assertThat((double) top.score(rank))
              .isEqualTo(-squaredL2(query, real.base()[label(top, rank)]));
        }
      }
      assertThat(found / (10.0 * real.queries().length)).isEqualTo(1.000);
    }
  }

  private static double squaredL2(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return sum;
  }

  @Test
  void aLargeIndexCostsItsRowsAndLittleMore() {
    try (FlatIndex index = create(128, Metric.DOT)) {
      float[] row = new float[128];
      for (int i = 0; i < 100_000; i++) {
        index.addStored(row, i);
      }
      for (int i = 0; i < 100_000; i += 3) {
        index.remove(i, 1);
      }
      index.publish(1);
      long rowBytes = 100_000L * 512;
      assertThat(index.bytes()).isBetween(rowBytes, rowBytes + 100_000L * 12 + (32 << 20));
      assertThat(index.coverage()).isEqualTo(1);
    }
  }

  /// One writer adds, removes and publishes; readers check that each search saw exactly the set of
  /// rows of its sequence number.
  @Test
  void searchesSeeWholePublishes() throws InterruptedException, ExecutionException {
    Random random = Seeds.random("searchesSeeWholePublishes");
    int publishes = 400;
    // Plain memory on purpose: a publish orders what its writer did before, for whoever sees it.
    BitSet[] history = new BitSet[publishes + 1];
    history[0] = new BitSet();
    AtomicInteger searches = new AtomicInteger();
    try (FlatIndex index = new FlatIndex(3, Metric.DOT, KernelProvider.best());
        ExecutorService readers = Executors.newFixedThreadPool(3)) {
      CountDownLatch started = new CountDownLatch(3);
      List<Future<?>> running =
          IntStream.range(0, 3)
              .<Future<?>>mapToObj(i ->
                  readers.submit(() -> {
                    started.countDown();
                    long seq = 0;
                    while (seq < publishes) {
                      seq = checkOneSearch(index, history, seq);
                      searches.incrementAndGet();
                    }
                  }))
              .toList();
      started.await();
      BitSet live = new BitSet();
      for (int seq = 1; seq <= publishes; seq++) {
        for (int i = random.nextInt(40); i >= 0; i--) {
          int ordinal = add(index, new float[] {value(live.size() + i), 0, 0}, i);
          live.set(ordinal);
        }
        for (int i = random.nextInt(35); i > 0; i--) {
          int ordinal = live.nextSetBit(random.nextInt(live.length()));
          index.remove(ordinal, seq);
          live.clear(ordinal);
          if (live.isEmpty()) {
            break;
          }
        }
        history[seq] = (BitSet) live.clone();
        index.publish(seq);
      }
      for (Future<?> reader : running) {
        reader.get();
      }
    }
    assertThat(searches.get()).isGreaterThanOrEqualTo(3);
  }

  private static float value(int i) {
    return i * 7919 % 1000;
  }

  private static long checkOneSearch(FlatIndex index, BitSet[] history, long atLeast) {
    TopK all = search(index, new float[] {1, 1, 1}, Limits.K_MAX);
    BitSet seen = new BitSet();
    for (int rank = 0; rank < all.count(); rank++) {
      seen.set(all.ordinal(rank));
    }
    assertThat(all.seq()).isGreaterThanOrEqualTo(atLeast);
    assertThat(seen).isEqualTo(history[(int) all.seq()]);
    TopK best = search(index, new float[] {1, 1, 1}, 3);
    assertThat(best.count()).isEqualTo(Math.min(3, history[(int) best.seq()].cardinality()));
    assertThat(IntStream.range(0, best.count()).mapToObj(best::score))
        .isSortedAccordingTo(Comparator.reverseOrder());
    return best.seq();
  }

  @Test
  void closingUnderSearchesNeverCrashes() throws InterruptedException, ExecutionException {
    long before = Region.bytesOpen();
    Random random = Seeds.random("closingUnderSearchesNeverCrashes");
    float[] query = Seeds.gaussian(random, 64);
    try (ExecutorService readers = Executors.newFixedThreadPool(3)) {
      for (int round = 0; round < 60; round++) {
        FlatIndex index = create(64, Metric.L2);
        for (int i = 0; i < 6_000; i++) {
          index.addStored(query, i);
        }
        index.publish(1);
        CountDownLatch searched = new CountDownLatch(3);
        List<Future<?>> running =
            IntStream.range(0, 3)
                .<Future<?>>mapToObj(
                    i -> readers.submit(() -> searchUntilClosed(index, query, searched)))
                .toList();
        searched.await();
        index.close();
        for (Future<?> reader : running) {
          reader.get();
        }
        assertThat(Region.bytesOpen()).isEqualTo(before);
      }
    }
  }

  private static void searchUntilClosed(VectorIndex index, float[] query, CountDownLatch searched) {
    while (true) {
      try {
        assertThat(search(index, query, 7).count()).isEqualTo(7);
        searched.countDown();
      } catch (WhimbrelException e) {
        assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        return;
      }
    }
  }
}
