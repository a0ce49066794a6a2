package io.whimbrel.core.testing;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Mixing;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Answers query trees the slow way, from their definition alone: every stage scores every point.
public final class NaiveQueries {
  /// @param internalId place in the order in which points were first written
  public record Stored(long internalId, Map<String, Value> payload, Map<String, Vector> vectors) {}

  public record Hit(PointId id, double score, Optional<Value> value) {}

  /// A query that names a point which has no vector in its field.
  public static final class NoSuchVector extends RuntimeException {}

  private final Map<PointId, Stored> points;
  private final Map<String, Metric> metrics;
  private final Map<FieldPath, ScalarType> indexes;

  public NaiveQueries(
      TreeMap<PointId, Stored> points,
      Map<String, Metric> metrics,
      Map<FieldPath, ScalarType> indexes) {
    this.points = points;
    this.metrics = metrics;
    this.indexes = indexes;
  }

  public List<Hit> hits(QueryRequest request) {
    return run(request.query(), request.k(), request.scoreThreshold(), List.of(request.filter()));
  }

  /// Groups of all points that the outermost stage ranks.
  public Map<Value, List<Hit>> groups(QueryRequest request, int ranked) {
    List<Hit> hits =
        run(request.query(), ranked, request.scoreThreshold(), List.of(request.filter()));
    Map<Value, List<Hit>> groups = new LinkedHashMap<>();
    for (Hit hit : hits) {
      for (Value key : values(request.groupBy().orElseThrow().path(), stored(hit.id()))) {
        if (groups.containsKey(key) || groups.size() < request.k()) {
          List<Hit> group = groups.computeIfAbsent(key, _ -> new ArrayList<>());
          if (group.size() < request.groupBy().orElseThrow().size()) {
            group.add(hit);
          }
        }
      }
    }
    return groups;
  }

  private Stored stored(PointId id) {
    return Objects.requireNonNull(points.get(id));
  }

  private List<Hit> run(QueryNode node, int limit, OptionalDouble threshold, List<Filter> filters) {
    List<List<Hit>> below = new ArrayList<>();
    for (Prefetch stage : node.prefetch()) {
      List<Filter> all = new ArrayList<>(filters);
      all.add(stage.filter());
      below.add(run(stage.query(), stage.limit(), stage.scoreThreshold(), all));
    }
    Set<PointId> among = new TreeSet<>();
    if (node.prefetch().isEmpty()) {
      points.forEach((id, point) -> {
        if (filters.stream()
            .allMatch(f -> FilterOracle.meets(f, id, point.payload(), point.vectors().keySet()))) {
          among.add(id);
        }
      });
    } else {
      below.forEach(hits -> hits.forEach(hit -> among.add(hit.id())));
    }
    List<Hit> ranked =
        switch (node) {
          case QueryNode.Nearest nearest -> nearest(nearest, among);
          case QueryNode.Recommend recommend -> recommend(recommend, among);
          case QueryNode.Fusion fusion -> fusion(fusion, below);
          case QueryNode.Mmr mmr -> mmr(mmr, among, limit, threshold);
          case QueryNode.OrderBy order -> ordered(order, among);
          case QueryNode.Sample sample ->
              among.stream()
                  .sorted((a, b) ->
                      Long.compareUnsigned(
                          Mixing.mix(sample.seed(), stored(a).internalId()),
                          Mixing.mix(sample.seed(), stored(b).internalId())))
                  .map(id -> new Hit(id, 0, Optional.empty()))
                  .toList();
          case QueryNode.Text _ -> throw new AssertionError("text");
        };
    return ranked.stream()
        .filter(hit -> threshold.isEmpty() || hit.score() >= threshold.getAsDouble())
        .limit(limit)
        .toList();
  }

  private static List<Hit> best(Map<PointId, Double> scores) {
    return scores.entrySet().stream()
        .map(entry -> new Hit(entry.getKey(), entry.getValue(), Optional.empty()))
        .sorted(Comparator.comparingDouble(Hit::score).reversed().thenComparing(Hit::id))
        .toList();
  }

  private Vector vector(String field, QueryInput input) {
    return switch (input) {
      case QueryInput.Given(List<Vector> vectors) -> vectors.getFirst();
      case QueryInput.Stored(PointId id) -> {
        Stored point = points.get(id);
        Vector vector = point == null ? null : point.vectors().get(field);
        if (vector == null) {
          throw new NoSuchVector();
        }
        yield vector;
      }
    };
  }

  private List<Hit> nearest(QueryNode.Nearest nearest, Set<PointId> among) {
    Vector query = vector(nearest.field(), nearest.input());
    return best(scores(nearest.field(), query, among, List.of(nearest.input())));
  }

  private Map<PointId, Double> scores(
      String field, Vector query, Set<PointId> among, List<QueryInput> named) {
    Map<PointId, Double> scores = new HashMap<>();
    for (PointId id : among) {
      Vector vector = stored(id).vectors().get(field);
      if (vector != null && !named.contains(new QueryInput.Stored(id))) {
        scores.put(id, score(metric(field), query, vector));
      }
    }
    return scores;
  }

  private Metric metric(String field) {
    return Objects.requireNonNull(metrics.get(field));
  }

  /// MaxSim, which is the score itself for one vector each.
  private static double score(Metric metric, Vector query, Vector vector) {
    double sum = 0;
    int dimension = query.dimension();
    for (int q = 0; q < query.rows(); q++) {
      double best = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < vector.rows(); v++) {
        double score = 0;
        for (int i = 0; i < dimension; i++) {
          double x = query.values()[q * dimension + i];
          double y = vector.values()[v * dimension + i];
          score += metric == Metric.L2 ? -(x - y) * (x - y) : x * y;
        }
        best = Math.max(best, score);
      }
      sum += best;
    }
    return sum;
  }

  private List<Hit> recommend(QueryNode.Recommend recommend, Set<PointId> among) {
    String field = recommend.field();
    List<Vector> positives = recommend.positives().stream().map(i -> vector(field, i)).toList();
    List<Vector> negatives = recommend.negatives().stream().map(i -> vector(field, i)).toList();
    List<QueryInput> named = new ArrayList<>(recommend.positives());
    named.addAll(recommend.negatives());
    Map<PointId, Double> scores = new HashMap<>();
    switch (recommend.strategy()) {
      case AVERAGE -> {
        float[] query = new float[positives.getFirst().dimension()];
        for (int i = 0; i < query.length; i++) {
          int at = i;
          double near = positives.stream().mapToDouble(v -> v.values()[at]).average().orElseThrow();
          double far = negatives.stream().mapToDouble(v -> v.values()[at]).average().orElse(near);
          query[i] = (float) (near + near - far);
        }
        scores.putAll(scores(field, Vector.of(query), among, named));
      }
      case BEST_SCORE -> {
        for (PointId id : scores(field, positives.getFirst(), among, named).keySet()) {
          Vector vector = Objects.requireNonNull(stored(id).vectors().get(field));
          double p =
              positives.stream()
                  .mapToDouble(v -> score(metric(field), v, vector))
                  .max()
                  .orElseThrow();
          double n =
              negatives.stream()
                  .mapToDouble(v -> score(metric(field), v, vector))
                  .max()
                  .orElse(Double.NEGATIVE_INFINITY);
          scores.put(id, p > n ? squash(p) : -squash(n));
        }
      }
    }
    return best(scores);
  }

  private static double squash(double s) {
    return (1 + s / (1 + Math.abs(s))) / 2;
  }

  private static List<Hit> fusion(QueryNode.Fusion fusion, List<List<Hit>> below) {
    Map<PointId, Double> scores = new HashMap<>();
    for (int stage = 0; stage < below.size(); stage++) {
      double weight = fusion.weights().isEmpty() ? 1 : fusion.weights().get(stage);
      for (int rank = 1; rank <= below.get(stage).size(); rank++) {
        scores.merge(
            below.get(stage).get(rank - 1).id(),
            weight / (fusion.rankConstant() + rank),
            Double::sum);
      }
    }
    return best(scores);
  }

  private List<Hit> mmr(
      QueryNode.Mmr mmr, Set<PointId> among, int limit, OptionalDouble threshold) {
    int wanted =
        !mmr.prefetch().isEmpty()
            ? Integer.MAX_VALUE
            : mmr.candidates() > 0 ? mmr.candidates() : Math.min(1000, 10 * limit);
    List<Hit> candidates =
        new ArrayList<>(
            nearest(mmr.nearest(), among).stream()
                .filter(hit -> threshold.isEmpty() || hit.score() >= threshold.getAsDouble())
                .limit(wanted)
                .toList());
    String field = mmr.nearest().field();
    List<Hit> taken = new ArrayList<>();
    while (!candidates.isEmpty() && taken.size() < limit) {
      Hit best = candidates.getFirst();
      double bestValue = Double.NEGATIVE_INFINITY;
      for (Hit hit : candidates) {
        double t =
            taken.stream()
                .mapToDouble(other -> score(metric(field), of(field, hit), of(field, other)))
                .max()
                .orElse(0);
        double value =
            taken.isEmpty()
                ? hit.score()
                : (1 - mmr.diversity()) * hit.score() - mmr.diversity() * t;
        if (value > bestValue) {
          best = hit;
          bestValue = value;
        }
      }
      taken.add(best);
      candidates.remove(best);
    }
    return taken;
  }

  private Vector of(String field, Hit hit) {
    return Objects.requireNonNull(stored(hit.id()).vectors().get(field));
  }

  private List<Hit> ordered(QueryNode.OrderBy order, Set<PointId> among) {
    List<Hit> hits = new ArrayList<>();
    for (PointId id : among) {
      List<Value> values = values(order.path(), stored(id));
      if (!values.isEmpty()) {
        hits.add(
            new Hit(id, 0, Optional.of(order.descending() ? values.getLast() : values.getFirst())));
      }
    }
    Comparator<Hit> byValue = (a, b) -> order(a.value().orElseThrow(), b.value().orElseThrow());
    hits.sort(
        (order.descending() ? byValue.reversed() : byValue)
            .thenComparing(hit -> stored(hit.id()).internalId()));
    return hits;
  }

  /// Different ones of the index's type, or of all types, ascending.
  public List<Value> values(FieldPath path, Stored point) {
    ScalarType type = indexes.get(path);
    TreeSet<Value> values = new TreeSet<>(NaiveQueries::order);
    for (Value value : FilterOracle.leaves(path, point.payload())) {
      boolean nan = value instanceof Value.DoubleValue(double number) && Double.isNaN(number);
      if (!nan
          && ScalarType.of(value).isPresent()
          && (type == null || ScalarType.of(value).orElseThrow() == type)) {
        values.add(value instanceof Value.DoubleValue(double d) && d == 0 ? zero() : value);
      }
    }
    return List.copyOf(values);
  }

  private static Value zero() {
    return new Value.DoubleValue(0);
  }

  private static int order(Value a, Value b) {
    int types = ScalarType.of(a).orElseThrow().compareTo(ScalarType.of(b).orElseThrow());
    return types != 0 ? types : Filter.compare(a, b);
  }
}
