package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.MinedNegatives;
import io.whimbrel.core.model.Mixing;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/// Finds the negatives of one query after the other, each at a moment of its own.
final class NegativeMiner {
  private final Visibility visibility;
  private final TextWorkers textWorkers;
  private final Expirer expirer;
  private final LiveCollection collection;
  private final NegativeMining mining;
  private final BooleanSupplier cancelled;
  private long firstSeq = -1;
  private int version;

  NegativeMiner(
      Visibility visibility,
      TextWorkers textWorkers,
      Expirer expirer,
      LiveCollection collection,
      NegativeMining mining,
      BooleanSupplier cancelled) {
    this.visibility = visibility;
    this.textWorkers = textWorkers;
    this.expirer = expirer;
    this.collection = collection;
    this.mining = mining;
    this.cancelled = cancelled;
  }

  MinedNegatives mine(List<NegativeMining.Query> queries, int next) throws StorageException {
    LiveCollection.Layout layout = collection.layout();
    LiveCollection.LiveField field = collection.field(layout, "field", mining.field());
    version = mining.version() == 0 ? field.readVersion().ref().version() : mining.version();
    List<MinedNegatives.Mined> mined = new ArrayList<>(queries.size());
    for (int i = 0; i < queries.size(); i++) {
      try {
        mined.add(mine(layout, queries.get(i), i));
      } catch (WhimbrelException e) {
        throw e.code() == ErrorCode.CANCELLED
            ? e
            : WhimbrelException.of(
                e.code(), "queries[" + i + "]", String.valueOf(e.getMessage()), e);
      }
    }
    return new MinedNegatives(mined, version, next, Math.max(0, firstSeq));
  }

  /// The window and the positives, as of one write.
  private MinedNegatives.Mined mine(
      LiveCollection.Layout layout, NegativeMining.Query query, int index) throws StorageException {
    QueryNode nearest = new QueryNode.Nearest(mining.field(), version, query.input(), 0, List.of());
    // Whoever names a version takes what it has.
    QueryRequest request =
        QueryRequest.of(nearest, mining.rangeMax())
            .withRouting(new QueryRouting("", 0, List.of(), OptionalDouble.of(0)));
    QueryRoutes routes = QueryRoutes.of(collection, layout, request);
    try (Visibility.Moment moment = visibility.now(collection, routes.versions())) {
      if (firstSeq < 0) {
        firstSeq = moment.seq();
      }
      QueryStages stages =
          new QueryStages(
              moment,
              collection,
              routes,
              textWorkers,
              expirer.alive(collection, Filter.ALL),
              cancelled);
      Ranked positives =
          query.positives().isEmpty()
              ? Ranked.EMPTY
              : stages.run(
                  nearest,
                  ask(query.positives().size(), 0, true, new Filter.HasId(query.positives())));
      Ranked window =
          stages.run(
              nearest,
              ask(mining.rangeMax(), mining.ef(), mining.exact(), allowed(query.positives())));
      double bar = bar(routes.of(nearest).version().spec().metric(), positives);
      int[] fit =
          IntStream.range(mining.rangeMin(), window.count())
              .filter(i ->
                  window.scores()[i] < bar
                      && window.scores()[i] <= mining.maxScore().orElse(Double.MAX_VALUE))
              .toArray();
      int tooNear = Math.max(0, window.count() - mining.rangeMin()) - fit.length;
      int[] chosen =
          choose(
              Arrays.stream(fit)
                  .filter(i -> window.scores()[i] >= mining.minScore().orElse(-Double.MAX_VALUE))
                  .toArray(),
              window,
              index);
      Map<Long, PointId> ids = stages.idsOf(window.ids(), positives.ids());
      return new MinedNegatives.Mined(
          query.name(),
          scored(ids, positives, IntStream.range(0, positives.count()).toArray(), false),
          scored(ids, window, chosen, true),
          tooNear);
    }
  }

  private QueryStages.Ask ask(int limit, int ef, boolean exact, Filter filter) {
    return new QueryStages.Ask(
        "query",
        limit,
        OptionalDouble.empty(),
        ef,
        exact,
        expirer.alive(collection, filter),
        Optional.empty());
  }

  private Filter allowed(Set<PointId> positives) {
    if (positives.isEmpty()) {
      return mining.filter();
    }
    Filter others = new Filter.Not(new Filter.HasId(new HashSet<>(positives)));
    return mining.filter().equals(Filter.ALL)
        ? others
        : new Filter.And(List.of(mining.filter(), others));
  }

  /// Negatives score less than this.
  private double bar(Metric metric, Ranked positives) {
    if (mining.relativeMargin().isPresent() && metric == Metric.L2) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "relative_margin",
          mining.relativeMargin().getAsDouble(),
          "none under L2, whose scores are below zero; absolute_margin");
    }
    if (mining.relativeMargin().isEmpty() && mining.absoluteMargin().isEmpty()) {
      return Double.POSITIVE_INFINITY;
    }
    if (positives.count() == 0) {
      return Double.NEGATIVE_INFINITY;
    }
    double best = positives.scores()[0];
    double bar = Double.POSITIVE_INFINITY;
    if (mining.absoluteMargin().isPresent()) {
      bar = Math.min(bar, best - mining.absoluteMargin().getAsDouble());
    }
    if (mining.relativeMargin().isPresent()) {
      bar = Math.min(bar, best * (1 - mining.relativeMargin().getAsDouble()));
    }
    return bar;
  }

  /// Places in the window, ascending.
  private int[] choose(int[] allowed, Ranked window, int index) {
    if (!mining.random() || allowed.length <= mining.negatives()) {
      return Arrays.copyOf(allowed, Math.min(allowed.length, mining.negatives()));
    }
    long seed = Mixing.mix(mining.seed(), index);
    return Arrays.stream(allowed)
        .boxed()
        .sorted(Comparator.comparing(i -> Mixing.mix(seed, window.ids()[i]), Long::compareUnsigned))
        .limit(mining.negatives())
        .mapToInt(Integer::intValue)
        .sorted()
        .toArray();
  }

  private static List<MinedNegatives.Scored> scored(
      Map<Long, PointId> ids, Ranked found, int[] places, boolean ranks) {
    List<MinedNegatives.Scored> scored = new ArrayList<>(places.length);
    for (int place : places) {
      PointId id = ids.get(found.ids()[place]);
      if (id == null) {
        throw new IllegalStateException("a hit was not read");
      }
      scored.add(new MinedNegatives.Scored(id, found.scores()[place], ranks ? place + 1 : 0));
    }
    return scored;
  }

  /// Refuses more queries than one answer may be about.
  static int queriesMax(NegativeMining mining) {
    return Math.min(Limits.MINING_QUERIES_MAX, Limits.MINED_POINTS_MAX / mining.negatives());
  }
}
