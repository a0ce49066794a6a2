package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Random adds, removes and work; after each round the graph is whole and finds what is there.
class HnswPropertyTest {
  private static final int DIMENSION = 24;
  private static final IndexSpec.Hnsw SPEC = new IndexSpec.Hnsw(16, 100);

  /// The live vectors by ordinal, beside the index.
  private static final class Model {
    final Metric metric;
    final HnswIndex index;
    final List<float[]> byOrdinal = new ArrayList<>();
    final BitSet live = new BitSet();
    long seq;
    long labels;

    Model(Metric metric) {
      this.metric = metric;
      this.index = new HnswIndex(DIMENSION, metric, SPEC, KernelProvider.best());
    }

    void add(Random random) {
      float[] vector = Seeds.gaussian(random, DIMENSION);
      int ordinal = index.add(vector, 1000 + labels++);
      while (byOrdinal.size() <= ordinal) {
        byOrdinal.add(vector);
      }
      assertThat(live.get(ordinal)).as("ordinal %d is taken", ordinal).isFalse();
      byOrdinal.set(ordinal, vector);
      live.set(ordinal);
    }

    void remove(Random random) {
      int ordinal = live.nextSetBit(random.nextInt(live.length()));
      index.remove(ordinal, seq + 1);
      live.clear(ordinal);
    }

    void publish() {
      index.publish(++seq);
    }

    double score(float[] query, int ordinal) {
      float[] vector = byOrdinal.get(ordinal);
      double dot = 0;
      double queryNorm = 0;
      double norm = 0;
      double squared = 0;
      for (int i = 0; i < DIMENSION; i++) {
        dot += (double) query[i] * vector[i];
        queryNorm += (double) query[i] * query[i];
        norm += (double) vector[i] * vector[i];
        squared += ((double) query[i] - vector[i]) * ((double) query[i] - vector[i]);
      }
      return switch (metric) {
        case COSINE -> dot / Math.sqrt(queryNorm * norm);
        case DOT -> dot;
        case L2 -> -squared;
      };
    }

    /// Share of the true best `k` of `allowed` among the hits, which must all be allowed, different
    /// and scored right.
    double recall(float[] query, int k, BitSet allowed, TopK top) {
      double[] scores = allowed.stream().mapToDouble(i -> score(query, i)).sorted().toArray();
      int expected = Math.min(k, scores.length);
      assertThat(top.count()).isEqualTo(expected);
      double worst = expected == 0 ? 0 : scores[scores.length - expected];
      int good = 0;
      BitSet seen = new BitSet();
      for (int rank = 0; rank < top.count(); rank++) {
        int ordinal = top.ordinal(rank);
        assertThat(allowed.get(ordinal)).isTrue();
        assertThat(seen.get(ordinal)).isFalse();
        seen.set(ordinal);
        double score = score(query, ordinal);
        assertThat((double) top.score(rank))
            .isCloseTo(score, org.assertj.core.data.Offset.offset(1e-4));
        good += score >= worst - 1e-4 ? 1 : 0;
      }
      return expected == 0 ? 1 : (double) good / expected;
    }
  }

  @ParameterizedTest
  @EnumSource
  void staysWholeUnderChurn(Metric metric) {
    Random random = Seeds.random("staysWholeUnderChurn " + metric);
    Model model = new Model(metric);
    try (HnswIndex index = model.index) {
      for (int round = 0; round < 25; round++) {
        int adds = round == 0 ? 3_000 : random.nextInt(800);
        for (int i = 0; i < adds; i++) {
          model.add(random);
        }
        int removes = round == 12 ? model.live.cardinality() : random.nextInt(700);
        for (int i = 0; i < removes && model.live.cardinality() > 0; i++) {
          model.remove(random);
        }
        model.publish();
        while (random.nextInt(4) > 0 && index.work(1 + random.nextInt(2_000))) {
          // As far as chance will have it.
        }
        new GraphCheck(model.index).checkAtWork();
        checkRecall(model, random);
      }
      while (index.work(Integer.MAX_VALUE)) {
        // To the end.
      }
      assertThat(index.pending()).isZero();
      assertThat(index.coverage()).isEqualTo(1);
      checkGraph(model, random);
    }
  }

  private static void checkGraph(Model model, Random random) {
    new GraphCheck(model.index).check();
    checkRecall(model, random);
  }

  private static void checkRecall(Model model, Random random) {
    double recall = 0;
    double filtered = 0;
    for (int i = 0; i < 40; i++) {
      float[] query = Seeds.gaussian(random, DIMENSION);
      SearchParams params = SearchParams.of(10).withEf(200);
      recall += model.recall(query, 10, model.live, search(model.index, query, params));
      model.recall(query, 10, model.live, search(model.index, query, params.withExact(true)));
      BitSet allowed = new BitSet();
      int share = 1 << random.nextInt(8);
      model.live.stream().filter(_ -> random.nextInt(share) == 0).forEach(allowed::set);
      filtered +=
          model.recall(
              query,
              10,
              allowed,
              search(model.index, query, params.withAccept(AcceptBits.of(allowed))));
    }
    // Edges are chosen by distance, which says less about inner products of unequal lengths.
    double floor = model.metric == Metric.DOT ? 0.85 : 0.93;
    assertThat(recall / 40).isGreaterThan(floor);
    assertThat(filtered / 40).isGreaterThan(floor);
  }

  private static TopK search(HnswIndex index, float[] query, SearchParams params) {
    return index.search(query, params, () -> false);
  }

  @Test
  void reusesRowsOfRemovedOnes() {
    Random random = Seeds.random("reusesRowsOfRemovedOnes");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      for (int i = 0; i < 2_000; i++) {
        model.add(random);
      }
      model.publish();
      for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 1_000; i++) {
          model.remove(random);
        }
        model.publish();
        while (index.work(Integer.MAX_VALUE)) {
          // Until all are gone.
        }
        for (int i = 0; i < 1_000; i++) {
          model.add(random);
        }
        model.publish();
      }
      assertThat(index.rows()).isLessThan(4_000);
      checkGraph(model, random);
    }
  }

  /// Copies of few vectors must neither crowd a row nor cut the others off.
  @Test
  void aRowThatNoEdgeLeadsToIsNamedAndMended() {
    Random random = Seeds.random("aRowThatNoEdgeLeadsToIsNamedAndMended");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      for (int i = 0; i < 1_000; i++) {
        index.add(Seeds.gaussian(random, DIMENSION), i);
      }
      index.publish(1);
      while (index.work(Integer.MAX_VALUE)) {
        // Until linked.
      }
      assertThat(index.graph().unreached()).isEmpty();
      GraphRows rows = index.graphRows();
      int lost = Entry.ROWS + 500;
      for (int row = 0; row < rows.shown(); row++) {
        for (int lane = 0; lane < rows.layout.degree(); lane++) {
          if (rows.id(row, lane) == lost) {
            rows.clearLane(row, lane);
            rows.addInDegree(lost, row < Entry.ROWS ? 0 : -1);
          }
        }
      }
      assertThat(index.graph().unreached()).containsExactly(lost);
      assertThat(index.unreachable()).isEmpty();
      assertThat(index.graph().unreached()).isEmpty();
    }
  }

  @Test
  void findsTheFewAmongManyCopies() {
    Random random = Seeds.random("findsTheFewAmongManyCopies");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      float[][] repeated = {Seeds.gaussian(random, DIMENSION), new float[DIMENSION]};
      for (int i = 0; i < 3_000; i++) {
        index.add(repeated[i % 2], i);
      }
      float[][] others = new float[300][];
      for (int i = 0; i < others.length; i++) {
        others[i] = Seeds.gaussian(random, DIMENSION);
        index.add(others[i], 10_000 + i);
      }
      index.publish(1);
      while (index.work(Integer.MAX_VALUE)) {
        // Until linked.
      }
      new GraphCheck(index).check();
      int found = 0;
      for (int i = 0; i < others.length; i++) {
        TopK top = search(index, others[i], SearchParams.of(1).withEf(64));
        found += top.label(0) == 10_000 + i ? 1 : 0;
      }
      assertThat(found).isGreaterThan(225);
    }
  }

  /// Searches while one thread writes and two work: every answer is of visible rows, different
  /// ones, rightly scored, and the writer's newest rows are found.
  @Test
  void searchesWhileOthersWriteAndWork() throws Exception {
    Random random = Seeds.random("searchesWhileOthersWriteAndWork");
    AtomicBoolean stop = new AtomicBoolean();
    try (HnswIndex index = new HnswIndex(DIMENSION, Metric.L2, SPEC, KernelProvider.best());
        ExecutorService pool = Executors.newFixedThreadPool(4)) {
      List<Future<?>> tasks = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        tasks.add(pool.submit(() -> workUntil(index, stop)));
        long seed = random.nextLong();
        tasks.add(pool.submit(() -> searchUntil(index, new Random(seed), stop)));
      }
      try {
        write(index, random);
      } finally {
        stop.set(true);
      }
      for (Future<?> task : tasks) {
        task.get();
      }
      while (index.work(Integer.MAX_VALUE)) {
        // To the end.
      }
      new GraphCheck(index).check();
    }
  }

  private static void workUntil(HnswIndex index, AtomicBoolean stop) {
    while (!stop.get()) {
      if (!index.work(500)) {
        Thread.onSpinWait();
      }
    }
  }

  private static void searchUntil(HnswIndex index, Random random, AtomicBoolean stop) {
    while (!stop.get()) {
      float[] query = Seeds.gaussian(random, DIMENSION);
      TopK top = search(index, query, SearchParams.of(10));
      BitSet seen = new BitSet();
      for (int rank = 0; rank < top.count(); rank++) {
        assertThat(seen.get(top.ordinal(rank))).isFalse();
        seen.set(top.ordinal(rank));
        assertThat(top.score(rank)).isFinite();
        assertThat(rank == 0 || top.score(rank) <= top.score(rank - 1)).isTrue();
      }
    }
  }

  /// Each vector's first value is its label over 1,000, far apart, so that its neighbourhood is its
  /// own: a search for it finds just it while it lives.
  private static void write(HnswIndex index, Random random) {
    int[] ordinals = new int[400];
    long[] labels = new long[400];
    float[][] vectors = new float[400][];
    Arrays.fill(ordinals, -1);
    long label = 0;
    for (long seq = 1; seq <= 2_000; seq++) {
      for (int i = 0; i < 10; i++) {
        int slot = random.nextInt(ordinals.length);
        if (ordinals[slot] >= 0) {
          index.remove(ordinals[slot], seq);
        }
        vectors[slot] = Seeds.gaussian(random, DIMENSION);
        labels[slot] = ++label;
        ordinals[slot] = index.add(vectors[slot], label);
      }
      index.publish(seq);
      int slot = random.nextInt(ordinals.length);
      if (ordinals[slot] >= 0) {
        TopK top = search(index, vectors[slot], SearchParams.of(1).withEf(200));
        assertThat(top.label(0)).isEqualTo(labels[slot]);
      }
    }
  }
}
