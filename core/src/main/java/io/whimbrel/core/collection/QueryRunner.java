package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FacetCounts;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MinedNegatives;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Answers queries of several stages: decides the versions, takes one moment of all of them, runs
/// the stages in it, and reads the hits. Safe for any number of threads.
public final class QueryRunner {
  private final Visibility visibility;
  private final TextWorkers textWorkers;

  private final Expirer expirer;

  public QueryRunner(Sequencer sequencer, Expirer expirer) {
    this.expirer = expirer;
    this.visibility = sequencer.visibility();
    this.textWorkers = sequencer.textWorkers();
  }

  public QueryResult query(
      LiveCollection collection, QueryRequest request, BooleanSupplier cancelled)
      throws StorageException {
    LiveCollection.Layout layout = collection.layout();
    try {
      return query(collection, layout, request, cancelled);
    } catch (WhimbrelException e) {
      // A migration dropped a version under the query: the layout of now has another one.
      if (e.code() == ErrorCode.UNAVAILABLE && collection.layout() != layout) {
        return query(collection, request, cancelled);
      }
      throw e;
    }
  }

  private QueryResult query(
      LiveCollection collection,
      LiveCollection.Layout layout,
      QueryRequest request,
      BooleanSupplier cancelled)
      throws StorageException {
    QueryRoutes routes = QueryRoutes.of(collection, layout, request);
    List<PointReader.Selected> selected = selected(collection, layout, request, routes);
    Optional<QueryCursors.Place> after = Optional.empty();
    if (!request.cursor().isEmpty()) {
      QueryCursors.Position position = QueryCursors.decode(collection, request);
      selected = PointReader.pinned(collection, layout, request.read(), position.pinned());
      after = Optional.of(position.place());
    }
    routes.texts().forEach(textWorkers::freshen);
    try (Visibility.Moment moment = visibility.now(collection, routes.versions(), routes.texts())) {
      QueryStages stages =
          new QueryStages(
              moment,
              collection,
              routes,
              textWorkers,
              expirer.alive(collection, request.filter()),
              cancelled);
      List<QueryResult.Hit> hits = List.of();
      List<QueryResult.Group> groups = List.of();
      QueryRequest.Cursor next = QueryRequest.Cursor.NONE;
      if (request.groupBy().isPresent()) {
        groups = groups(stages, request, selected);
      } else {
        Ranked found = stages.run(request.query(), stages.ask(request, request.k(), after));
        hits = hits(moment, collection, found, request.read(), selected);
        if (pages(request) && found.more()) {
          int last = found.count() - 1;
          Value value = found.values().orElseThrow()[last];
          next =
              QueryCursors.encode(
                  collection, request, selected, new QueryCursors.Place(value, found.ids()[last]));
        }
      }
      return new QueryResult(
          hits, groups, moment.seq(), routes.served(), stages.done(), next, stages.warnings());
    }
  }

  /// How many points have each value of `path`, of those that meet the filter; the `limit` (1 to
  /// 10,000) most frequent. Cost: a set operation for each different value of an indexed path; else
  /// a payload read for each point, 100,000 at most.
  public FacetCounts facet(
      LiveCollection collection,
      FieldPath path,
      Filter filter,
      int limit,
      BooleanSupplier cancelled)
      throws StorageException {
    Limits.checkRange("limit", limit, 1, Limits.FACET_VALUES_MAX);
    Filter.check("filter", filter);
    try (Visibility.Moment moment = visibility.now(collection, List.of())) {
      return Facets.count(
          moment, collection, path, expirer.alive(collection, filter), limit, cancelled);
    }
  }

  /// The negatives of `queries` from number `from` on, as many as one answer may hold.
  public MinedNegatives mine(
      LiveCollection collection,
      NegativeMining mining,
      List<NegativeMining.Query> queries,
      int from,
      BooleanSupplier cancelled)
      throws StorageException {
    Limits.checkRange("from", from, 0, Math.max(0, queries.size() - 1));
    int to = Math.min(queries.size(), from + NegativeMiner.queriesMax(mining));
    return new NegativeMiner(visibility, textWorkers, expirer, collection, mining, cancelled)
        .mine(queries.subList(from, to), to == queries.size() ? 0 : to);
  }

  private static boolean pages(QueryRequest request) {
    return request.query() instanceof QueryNode.OrderBy order && order.prefetch().isEmpty();
  }

  /// Hits carry the vectors they were found by, unless the request wants those of another version.
  private static List<PointReader.Selected> selected(
      LiveCollection collection,
      LiveCollection.Layout layout,
      QueryRequest request,
      QueryRoutes routes) {
    Map<String, LiveVersion> pinned = routes.pinned();
    return PointReader.selected(collection, layout, request.read()).stream()
        .map(s ->
            pinned.containsKey(s.field()) && !request.read().versions().containsKey(s.field())
                ? new PointReader.Selected(s.field(), Objects.requireNonNull(pinned.get(s.field())))
                : s)
        .toList();
  }

  private static List<QueryResult.Hit> hits(
      Visibility.Moment moment,
      LiveCollection collection,
      Ranked found,
      ReadOptions read,
      List<PointReader.Selected> selected)
      throws StorageException {
    List<Long> ids = Arrays.stream(found.ids()).boxed().toList();
    List<Optional<Point>> points =
        PointReader.points(moment.view(), collection, ids, read, selected);
    List<QueryResult.Hit> hits = new ArrayList<>(points.size());
    for (int i = 0; i < points.size(); i++) {
      int at = i;
      Point point =
          points
              .get(i)
              .orElseThrow(
                  () -> new StorageException("a hit has no point record in " + collection.name()));
      hits.add(
          new QueryResult.Hit(point, found.scores()[i], found.values().map(values -> values[at])));
    }
    return hits;
  }

  private static List<QueryResult.Group> groups(
      QueryStages stages, QueryRequest request, List<PointReader.Selected> selected)
      throws StorageException {
    Grouping grouping = new Grouping(stages, request);
    List<QueryResult.Group> groups = new ArrayList<>();
    // One reading for all, so that the bound of an answer holds for their sum.
    Ranked all = grouping.find();
    List<QueryResult.Hit> hits =
        hits(stages.moment(), stages.collection(), all, request.read(), selected);
    for (Grouping.Group group : grouping.groups()) {
      groups.add(
          new QueryResult.Group(group.key(), group.places().stream().map(hits::get).toList()));
    }
    return groups;
  }
}
