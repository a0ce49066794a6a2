package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.dataset.Truth;
import io.whimbrel.bench.peers.FilteredLucene;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.model.Limits;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// Searches one graph under filters, each at the smallest beam that finds enough.
final class FilterSweep {
  private static final double EF_STEP = 1.25;

  /// An exact scan answers no more queries than this: its speed hardly depends on which.
  private static final int SCAN_QUERIES_MAX = 200;

  /// How what is accepted lies to a query.
  enum Kind {
    /// The same rows for every query, drawn by chance.
    RANDOM,
    /// The labels that are nearest to the query.
    NEAR,
    /// The labels that are farthest from it.
    FAR
  }

  /// Lucene's graph over the same rows, and the queries as it wants them.
  record Lucene(FilteredLucene graph, float[][] queries) {}

  private final SearchSet data;
  private final HnswIndex index;
  private final Optional<LabelFilters> labels;
  private final Optional<Lucene> lucene;
  private final SearchTimer timer;
  private final SearchTimer luceneTimer;
  private final SearchTimer scanTimer;
  private final double recallWanted;
  private final int[] order;

  /// @param index of the data's rows, whose ordinals are their numbers
  /// @param labels for the kinds NEAR and FAR
  FilterSweep(
      SearchSet data,
      HnswIndex index,
      Optional<LabelFilters> labels,
      Optional<Lucene> lucene,
      double recallWanted,
      int runs,
      long seed) {
    this.data = data;
    this.index = index;
    this.labels = labels;
    this.lucene = lucene;
    this.recallWanted = recallWanted;
    this.timer = new SearchTimer(data.queries(), runs);
    this.luceneTimer = new SearchTimer(data.queries(), runs);
    int scanned = Math.min(SCAN_QUERIES_MAX, data.queries().length);
    this.scanTimer = new SearchTimer(Arrays.copyOf(data.queries(), scanned), 1);
    this.order = Churn.shuffled(data.base().length, seed);
  }

  /// One filter.
  ///
  /// @param percent of the rows that it accepts; 100: no filter
  /// @param point at the smallest beam with the wanted recall, or at the largest there is
  /// @param scanQps queries a second when the accepted rows are scanned, which finds all
  /// @param lucene as `point`
  record Result(
      Kind kind,
      double percent,
      int accepted,
      SearchTimer.Point point,
      double scanQps,
      Optional<SearchTimer.Point> lucene) {}

  List<Result> run(List<Kind> kinds, List<Double> percents, Consumer<Result> watcher)
      throws IOException {
    List<Result> results = new ArrayList<>();
    for (Kind kind : kinds) {
      for (double percent : percents) {
        Result result = measure(kind, percent);
        watcher.accept(result);
        results.add(result);
      }
    }
    return results;
  }

  private Result measure(Kind kind, double percent) throws IOException {
    int count = (int) Math.max(1, Math.round(percent / 100 * order.length));
    boolean all = count == order.length;
    BitSet[] rows = accepted(all ? Kind.RANDOM : kind, count);
    Truth truth = all ? data.truth() : data.truth().among(rows);
    AcceptBits[] accept =
        perQuery(rows, each -> all ? AcceptBits.ALL : AcceptBits.of(each), AcceptBits[]::new);
    SearchParams params = SearchParams.of(truth.k());
    SearchTimer.Point point =
        smallest(
            timer,
            truth,
            ef -> {
              SearchParams wide = params.withEf(ef);
              return timer.search(index, query -> wide.withAccept(accept[query]));
            });
    double scanQps =
        scanTimer.qps(
            scanTimer.search(index, query -> params.withExact(true).withAccept(accept[query])),
            truth.k());
    Optional<SearchTimer.Point> byLucene = Optional.empty();
    if (lucene.isPresent()) {
      byLucene = Optional.of(measure(lucene.get(), truth, rows));
    }
    return new Result(kind, percent, count, point, scanQps, byLucene);
  }

  private SearchTimer.Point measure(Lucene other, Truth truth, BitSet[] rows) throws IOException {
    FilteredLucene.Accepted[] accept =
        perQuery(
            rows,
            each -> FilteredLucene.Accepted.of(each, order.length),
            FilteredLucene.Accepted[]::new);
    return smallest(
        luceneTimer,
        truth,
        ef ->
            (query, out, at) ->
                other
                    .graph()
                    .search(other.queries()[query], accept[query], ef, truth.k(), out, at));
  }

  private BitSet[] accepted(Kind kind, int count) {
    if (kind == Kind.RANDOM) {
      BitSet bits = new BitSet(order.length);
      for (int i = 0; i < count; i++) {
        bits.set(order[i]);
      }
      BitSet[] same = new BitSet[data.queries().length];
      Arrays.fill(same, bits);
      return same;
    }
    LabelFilters filters = labels.orElseThrow();
    return Arrays.stream(data.queries())
        .map(query -> filters.of(query, kind == Kind.NEAR, count))
        .toArray(BitSet[]::new);
  }

  /// Made once where all queries have the same rows.
  private static <T> T[] perQuery(
      BitSet[] rows, Function<BitSet, T> maker, IntFunction<T[]> array) {
    if (IntStream.range(1, rows.length).allMatch(query -> rows[query] == rows[0])) {
      T[] same = array.apply(rows.length);
      Arrays.fill(same, maker.apply(rows[0]));
      return same;
    }
    return Arrays.stream(rows).map(maker).toArray(array);
  }

  private SearchTimer.Point smallest(
      SearchTimer by, Truth truth, IntFunction<SearchTimer.Search> search) throws IOException {
    int ef = truth.k();
    while (ef < Limits.EF_MAX && by.recall(search.apply(ef), truth) < recallWanted) {
      ef = Math.min(Limits.EF_MAX, Math.max(ef + 1, (int) Math.round(ef * EF_STEP)));
    }
    return by.measure(search.apply(ef), truth, ef);
  }
}
