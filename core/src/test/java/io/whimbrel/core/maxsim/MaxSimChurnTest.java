package io.whimbrel.core.maxsim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// Documents are inserted, replaced and removed while searches and background work go on.
/// `-Dwhimbrel.maxsim.churn=10000` says of how many.
final class MaxSimChurnTest {
  private static final int DOCUMENTS = Integer.getInteger("whimbrel.maxsim.churn", 1_500);
  private static final int DIMENSION = 32;
  private static final int BATCH = 50;
  private static final int K = 10;

  private final Random random = Seeds.random("max-sim-churn");
  private final TokenSets set = TokenSets.clustered(random, DIMENSION, DOCUMENTS, 30, 0);

  /// A row of the history: content `set.documents().get(content)`, there from `born` to before
  /// `died`. Its number is the label.
  private static final class Entry {
    final int content;
    final long born;
    int ordinal;
    volatile long died = Long.MAX_VALUE;

    Entry(int content, long born) {
      this.content = content;
      this.born = born;
    }
  }

  /// Every document that ever was, by label; filled before its publish.
  private final Entry[] history = new Entry[3 * DOCUMENTS + BATCH];

  private final List<Integer> live = new ArrayList<>();
  private volatile MaxSimIndex index =
      MaxSimIndexTest.index(DIMENSION, Metric.COSINE, Storage.INT8);
  private volatile boolean writing = true;
  private int entries;

  private void insert(int content, long seq) {
    Entry entry = new Entry(content, seq);
    history[entries] = entry;
    entry.ordinal = index.add(set.documents().get(content), entries);
    live.add(entries++);
  }

  private void remove(long seq) {
    int at = random.nextInt(live.size());
    Entry entry = history[live.get(at)];
    entry.died = seq;
    index.remove(entry.ordinal, seq);
    live.set(at, live.getLast());
    live.removeLast();
  }

  /// Inserts every document, replaces as many, and removes two thirds.
  private void write() {
    long seq = 0;
    for (int from = 0; from < DOCUMENTS; from += BATCH) {
      seq++;
      for (int i = from; i < Math.min(DOCUMENTS, from + BATCH); i++) {
        insert(i, seq);
      }
      index.publish(seq);
      seq++;
      for (int i = from; i < Math.min(DOCUMENTS, from + BATCH); i++) {
        remove(seq);
        insert(random.nextInt(DOCUMENTS), seq);
      }
      index.publish(seq);
      seq++;
      for (int i = from; i < Math.min(DOCUMENTS, from + BATCH); i++) {
        if (i % 3 > 0) {
          remove(seq);
        }
      }
      index.publish(seq);
      if (from / BATCH % 10 == 9) {
        MaxSimIndex before = index;
        MaxSimIndex copy = before.compacted(seq);
        copy.forEachLive((label, ordinal) -> history[(int) label].ordinal = ordinal);
        index = copy;
        before.close();
      }
    }
  }

  private void work() {
    while (writing) {
      if (!index.work(64)) {
        Thread.yield();
      }
    }
  }

  /// Searches until the writer is done; returns how often.
  private int search(long seed) {
    Random own = new Random(seed);
    int searches = 0;
    while (writing || searches == 0) {
      float[] query = set.queries().get(own.nextInt(set.queries().size()));
      try {
        check(query, index.search(query, MultiVectorParams.of(K), () -> false).best());
        searches++;
      } catch (WhimbrelException e) {
        // Copied meanwhile.
        assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
      }
    }
    return searches;
  }

  private void check(float[] query, TopK hits) {
    int tokens = query.length / DIMENSION;
    for (int rank = 0; rank < hits.count(); rank++) {
      Entry entry = history[(int) hits.label(rank)];
      assertThat(entry.born).isLessThanOrEqualTo(hits.seq());
      assertThat(entry.died).isGreaterThan(hits.seq());
      double truth = TokenSets.maxSim(query, set.documents().get(entry.content), DIMENSION);
      assertThat((double) hits.score(rank)).isCloseTo(truth, within(0.02 * tokens));
    }
  }

  @Test
  void hitsAreRightAndRecallStays() throws InterruptedException, ExecutionException {
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      Future<?> worker = threads.submit(this::work);
      List<Future<Integer>> searchers =
          List.of(threads.submit(() -> search(1)), threads.submit(() -> search(2)));
      try {
        write();
      } finally {
        writing = false;
      }
      worker.get();
      for (Future<Integer> searcher : searchers) {
        assertThat(searcher.get()).isPositive();
      }
    } finally {
      threads.shutdown();
    }
    TokenSets.workAll(index);
    assertThat(index.live()).isEqualTo(live.size());
    try (MaxSimIndex fresh = MaxSimIndexTest.index(DIMENSION, Metric.COSINE, Storage.INT8)) {
      for (int label : live) {
        fresh.add(set.documents().get(history[label].content), label);
      }
      fresh.publish(1);
      TokenSets.workAll(fresh);
      MultiVectorParams params = MultiVectorParams.of(K).withSizes(60, 20);
      assertThat(set.recall(index, params)).isGreaterThan(set.recall(fresh, params) - 0.02);
    }
    index.close();
  }
}
