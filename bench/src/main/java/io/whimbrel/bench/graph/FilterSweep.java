package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.dataset.Truth;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.model.Limits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;

/// Searches one graph under random filters, each at the smallest beam that finds enough.
final class FilterSweep {
  private static final double EF_STEP = 1.25;

  /// An exact scan answers no more queries than this: its speed hardly depends on which.
  private static final int SCAN_QUERIES_MAX = 200;

  private final SearchSet data;
  private final HnswIndex index;
  private final SearchTimer timer;
  private final SearchTimer scanTimer;
  private final double recallWanted;
  private final int[] order;

  /// @param index of the data's rows, whose ordinals are their numbers
  FilterSweep(SearchSet data, HnswIndex index, double recallWanted, int runs, long seed) {
    this.data = data;
    this.index = index;
    this.recallWanted = recallWanted;
    this.timer = new SearchTimer(data.queries(), runs);
    int scanned = Math.min(SCAN_QUERIES_MAX, data.queries().length);
    this.scanTimer = new SearchTimer(Arrays.copyOf(data.queries(), scanned), 1);
    this.order = Churn.shuffled(data.base().length, seed);
  }

  /// One filter.
  ///
  /// @param percent of the rows that it accepts; 100: no filter
  /// @param point at the smallest beam with the wanted recall, or at the largest there is
  /// @param scanQps queries a second when the accepted rows are scanned, which finds all
  record Result(double percent, int accepted, SearchTimer.Point point, double scanQps) {}

  List<Result> run(List<Double> percents, Consumer<Result> watcher) {
    List<Result> results = new ArrayList<>();
    for (double percent : percents) {
      Result result = measure(percent);
      watcher.accept(result);
      results.add(result);
    }
    return results;
  }

  private Result measure(double percent) {
    int accepted = (int) Math.max(1, Math.round(percent / 100 * order.length));
    boolean all = accepted == order.length;
    BitSet bits = new BitSet(order.length);
    for (int i = 0; i < accepted; i++) {
      bits.set(order[i]);
    }
    Truth truth = all ? data.truth() : data.truth().among(bits);
    SearchParams params =
        SearchParams.of(truth.k()).withAccept(all ? AcceptBits.ALL : AcceptBits.of(bits));
    SearchTimer.Point point = timer.measure(index, truth, params.withEf(enough(truth, params)));
    return new Result(percent, accepted, point, scanTimer.qps(index, params.withExact(true)));
  }

  private int enough(Truth truth, SearchParams params) {
    int ef = truth.k();
    while (ef < Limits.EF_MAX && timer.recall(index, truth, params.withEf(ef)) < recallWanted) {
      ef = Math.min(Limits.EF_MAX, Math.max(ef + 1, (int) Math.round(ef * EF_STEP)));
    }
    return ef;
  }
}
