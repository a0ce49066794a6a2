package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.dataset.Truth;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.model.IndexSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Updates the points of a graph until all have been, and compares it with one that never changed.
///
/// An update removes a point and adds it with another vector, that of another point updated with
/// it. So the graph holds the same vectors at every step, under other labels, and one fresh build
/// is the measure for all of them.
final class Churn implements AutoCloseable {
  /// Points removed together, then added together; what they cost is told apart by this.
  private static final int BATCH = 256;

  private final SearchSet data;
  private final List<Integer> efs;
  private final SearchTimer timer;
  private final HnswIndex fresh;
  private final HnswIndex changed;

  /// By label: the vector and where it is in the changed graph.
  private final float[][] vectors;

  private final int[] ordinals;

  /// Labels in the order of their updates.
  private final int[] order;

  private long seq = 1;

  Churn(SearchSet data, IndexSpec.Hnsw spec, List<Integer> efs, int runs, long seed) {
    this.data = data;
    this.efs = efs;
    this.timer = new SearchTimer(data.queries(), runs);
    this.vectors = data.base().clone();
    this.order = shuffled(vectors.length, seed);
    this.ordinals = new int[vectors.length];
    for (int label = 0; label < ordinals.length; label++) {
      ordinals[label] = label;
    }
    this.fresh = Graphs.build(data, spec);
    this.changed = Graphs.build(data, spec);
  }

  static int[] shuffled(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int at = random.nextInt(i + 1);
      order[i] = order[at];
      order[at] = i;
    }
    return order;
  }

  /// One beam width of both graphs, measured by turns.
  record Pair(SearchTimer.Point changed, SearchTimer.Point fresh) {}

  /// The graph after a share of its points was updated.
  ///
  /// @param percent of the points, since the build
  /// @param removeMicros CPU time to remove one point and mend the graph
  /// @param insertMicros CPU time to add one point and link it
  record Step(
      double percent,
      int updates,
      double removeMicros,
      double insertMicros,
      int rows,
      int live,
      long bytes,
      List<Pair> pairs) {}

  /// @param percents growing, to 100 at most
  List<Step> run(List<Double> percents, Consumer<Step> watcher) throws IOException {
    List<Step> steps = new ArrayList<>();
    int done = 0;
    for (double percent : percents) {
      int target = (int) Math.round(percent / 100 * order.length);
      Step step = step(percent, done, target);
      watcher.accept(step);
      steps.add(step);
      done = target;
    }
    return steps;
  }

  private Step step(double percent, int from, int to) throws IOException {
    double removing = 0;
    double inserting = 0;
    for (int at = from; at < to; at += BATCH) {
      int end = Math.min(at + BATCH, to);
      double start = SearchTimer.cpuSeconds();
      remove(at, end);
      double removed = SearchTimer.cpuSeconds();
      exchange(at, end);
      add(at, end);
      removing += removed - start;
      inserting += SearchTimer.cpuSeconds() - removed;
    }
    Truth truth = data.truth().renumbered(vectors);
    List<Pair> pairs = new ArrayList<>();
    for (int ef : efs) {
      SearchParams params = SearchParams.of(truth.k()).withEf(ef);
      pairs.add(
          new Pair(
              timer.measure(changed, truth, params), timer.measure(fresh, data.truth(), params)));
    }
    double updates = Math.max(1, to - from);
    return new Step(
        percent,
        to - from,
        removing * 1e6 / updates,
        inserting * 1e6 / updates,
        changed.rows(),
        changed.live(),
        changed.bytes(),
        pairs);
  }

  private void remove(int from, int to) {
    seq++;
    for (int i = from; i < to; i++) {
      changed.remove(ordinals[order[i]], seq);
    }
    changed.publish(seq);
    Graphs.catchUp(changed);
  }

  /// Each gets the vector of the next one.
  private void exchange(int from, int to) {
    float[] first = vectors[order[from]];
    for (int i = from; i < to - 1; i++) {
      vectors[order[i]] = vectors[order[i + 1]];
    }
    vectors[order[to - 1]] = first;
  }

  private void add(int from, int to) {
    for (int i = from; i < to; i++) {
      int label = order[i];
      ordinals[label] = changed.add(vectors[label], label);
    }
    changed.publish(++seq);
    Graphs.catchUp(changed);
  }

  /// Search times of the changed graph; the points go on being updated meanwhile.
  LatencyRun latencies(int ef) {
    return new LatencyRun(
        changed,
        data.queries(),
        SearchParams.of(data.truth().k()).withEf(ef),
        new LatencyRun.Points(vectors, ordinals, order, seq));
  }

  @Override
  public void close() {
    fresh.close();
    changed.close();
  }
}
