package io.whimbrel.core.collection;

import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.Vector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;

/// Which version answers each stage of a query, decided before the moment that all stages look at.
/// A field has one, which the first stage that asks it decides, except where stages name theirs.
final class QueryRoutes {
  private static final Vector NO_VECTOR = Vector.of(0);

  private final LiveCollection collection;
  private final LiveCollection.Layout layout;
  private final QueryRequest request;
  private final Map<QueryNode, Asked> asked = new IdentityHashMap<>();
  private final Map<QueryNode, LiveText> texts = new IdentityHashMap<>();
  private final Map<String, LiveVersion> pinned = new HashMap<>();
  private final Map<LiveVersion, QueryResult.Served> served = new LinkedHashMap<>();

  /// What a stage asks of a field.
  ///
  /// @param examples the vector of `nearest`; of `recommend` the positives, then the negatives
  record Asked(String path, LiveVersion version, List<Example> examples) {}

  /// A vector in the version's own space, or the point that has one there.
  sealed interface Example {
    record Given(float[] values) implements Example {}

    record Stored(String path, PointId id) implements Example {}
  }

  private QueryRoutes(
      LiveCollection collection, LiveCollection.Layout layout, QueryRequest request) {
    this.collection = collection;
    this.layout = layout;
    this.request = request;
  }

  static QueryRoutes of(
      LiveCollection collection, LiveCollection.Layout layout, QueryRequest request) {
    QueryRoutes routes = new QueryRoutes(collection, layout, request);
    routes.walk("query", request.query());
    return routes;
  }

  Asked of(QueryNode node) {
    return Objects.requireNonNull(asked.get(node));
  }

  LiveText text(QueryNode.Text node) {
    return Objects.requireNonNull(texts.get(node));
  }

  Set<LiveText> texts() {
    return Set.copyOf(texts.values());
  }

  Set<LiveVersion> versions() {
    return served.keySet();
  }

  List<QueryResult.Served> served() {
    return List.copyOf(served.values());
  }

  /// The version that the stages without one of their own asked, by field.
  Map<String, LiveVersion> pinned() {
    return pinned;
  }

  String fields() {
    return served.values().stream()
        .map(QueryResult.Served::field)
        .distinct()
        .collect(Collectors.joining(", "));
  }

  private void walk(String path, QueryNode node) {
    switch (node) {
      case QueryNode.Nearest nearest ->
          ask(
              nearest,
              path + ".nearest",
              nearest.field(),
              nearest.version(),
              List.of(path + ".nearest"),
              List.of(nearest.input()));
      case QueryNode.Mmr(QueryNode.Nearest nearest, _, _) ->
          ask(
              nearest,
              path + ".mmr.nearest",
              nearest.field(),
              nearest.version(),
              List.of(path + ".mmr.nearest"),
              List.of(nearest.input()));
      case QueryNode.Recommend recommend -> {
        List<String> paths = new ArrayList<>();
        List<QueryInput> inputs = new ArrayList<>();
        for (int i = 0; i < recommend.positives().size(); i++) {
          paths.add(path + ".recommend.positives[" + i + "]");
          inputs.add(recommend.positives().get(i));
        }
        for (int i = 0; i < recommend.negatives().size(); i++) {
          paths.add(path + ".recommend.negatives[" + i + "]");
          inputs.add(recommend.negatives().get(i));
        }
        ask(recommend, path + ".recommend", recommend.field(), recommend.version(), paths, inputs);
      }
      case QueryNode.Text text ->
          texts.put(text, collection.text(path + ".text.path", text.path()));
      case QueryNode.Fusion _, QueryNode.OrderBy _, QueryNode.Sample _ -> {}
    }
    List<Prefetch> stages = node.prefetch();
    for (int i = 0; i < stages.size(); i++) {
      walk(path + ".prefetch[" + i + "].query", stages.get(i).query());
    }
  }

  private void ask(
      QueryNode node,
      String path,
      String fieldName,
      int version,
      List<String> paths,
      List<QueryInput> inputs) {
    LiveCollection.LiveField field = collection.field(layout, path + ".field", fieldName);
    List<Example> examples = new ArrayList<>();
    Optional<LiveVersion> chosen =
        version == 0 ? Optional.ofNullable(pinned.get(fieldName)) : Optional.empty();
    for (int i = 0; i < inputs.size(); i++) {
      ReadRoutes.Route route = route(paths.get(i), field, version, chosen, inputs.get(i));
      chosen = Optional.of(route.version());
      if (version == 0) {
        pinned.put(fieldName, route.version());
      }
      served.putIfAbsent(
          route.version(),
          new QueryResult.Served(
              fieldName,
              route.version().ref().version(),
              route.coverage().orElseGet(route.version()::coverage),
              route.epoch()));
      examples.add(
          switch (inputs.get(i)) {
            case QueryInput.Given _ -> new Example.Given(route.query());
            case QueryInput.Stored(PointId id) -> new Example.Stored(paths.get(i) + ".id", id);
          });
    }
    asked.put(node, new Asked(path, chosen.orElseThrow(), examples));
  }

  private ReadRoutes.Route route(
      String path,
      LiveCollection.LiveField field,
      int version,
      Optional<LiveVersion> chosen,
      QueryInput input) {
    return switch (input) {
      case QueryInput.Given(List<Vector> vectors) -> {
        List<Vector> others = vectors.subList(1, vectors.size());
        yield ReadRoutes.route(
            path, collection, field, search(field, version, vectors.getFirst(), others), chosen);
      }
      case QueryInput.Stored(PointId id) ->
          ReadRoutes.routeStored(
              path,
              collection,
              field,
              search(field, version, NO_VECTOR, List.of()),
              chosen,
              id.toString());
    };
  }

  /// What the routes look at of a stage.
  private SearchRequest search(
      LiveCollection.LiveField field, int version, Vector vector, List<Vector> others) {
    QueryRouting routing = request.routing();
    return new SearchRequest(
        field.name(),
        version,
        vector,
        1,
        OptionalDouble.empty(),
        0,
        false,
        ReadOptions.DEFAULT,
        new QueryRouting(routing.key(), routing.epoch(), others, routing.minCoverage()));
  }
}
