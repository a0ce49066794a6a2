package io.whimbrel.core.testing;

import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;

/// Random query trees over the fields "near" (L2), "dot" (DOT) and "tokens" (many vectors a point).
///
/// Vectors of the first two are of whole numbers, and means are of one, two or four: all scores are
/// exact. Those of the third are never equal.
public final class RandomQueries {
  public static final int NEAR = 4;
  public static final int DOT = 3;
  public static final int TOKENS = 8;

  private static final double[] DIVERSITIES = {0, 0.25, 0.5, 1};

  private final Random random;
  private final List<PointId> ids;
  private final RandomFilters filters;

  public RandomQueries(Random random, List<PointId> ids, RandomFilters filters) {
    this.random = random;
    this.ids = ids;
    this.filters = filters;
  }

  public Vector vector(String field) {
    return switch (field) {
      case "near" -> Vector.of(Seeds.whole(random, NEAR));
      case "dot" -> Vector.of(Seeds.whole(random, DOT));
      default -> {
        int rows = 1 + random.nextInt(4);
        yield new Vector(Seeds.gaussian(random, rows * TOKENS), rows, "");
      }
    };
  }

  /// A node of up to `depth` levels of which `wanted` points are asked.
  public QueryNode node(int depth, int wanted) {
    List<Prefetch> stages = depth > 1 && random.nextInt(3) > 0 ? stages(depth, wanted) : List.of();
    return switch (random.nextInt(8)) {
      case 0, 1 -> nearest(field(), stages);
      case 2 -> recommend(stages);
      case 3, 4 -> depth > 1 ? fusion(depth, wanted, stages) : nearest(field(), stages);
      case 5 -> {
        double diversity = DIVERSITIES[random.nextInt(DIVERSITIES.length)];
        int candidates = stages.isEmpty() && random.nextBoolean() ? wanted + random.nextInt(20) : 0;
        yield new QueryNode.Mmr(
            nearest(random.nextBoolean() ? "near" : "dot", stages), diversity, candidates);
      }
      case 6 -> new QueryNode.OrderBy(index().path(), random.nextBoolean(), stages);
      default -> new QueryNode.Sample(random.nextLong(), stages);
    };
  }

  private QueryNode fusion(int depth, int wanted, List<Prefetch> some) {
    List<Prefetch> stages = some.isEmpty() ? stages(depth, wanted) : some;
    List<Double> weights = new ArrayList<>();
    if (random.nextBoolean()) {
      stages.forEach(_ -> weights.add(random.nextInt(4) / 2.0));
    }
    return new QueryNode.Fusion(1 + random.nextInt(60), weights, stages);
  }

  private PayloadIndexSpec index() {
    return RandomFilters.INDEXES.get(random.nextInt(RandomFilters.INDEXES.size()));
  }

  private String field() {
    return List.of("near", "dot", "tokens").get(random.nextInt(3));
  }

  private QueryInput input(String field) {
    return random.nextBoolean()
        ? QueryInput.Given.of(vector(field))
        : new QueryInput.Stored(ids.get(random.nextInt(ids.size())));
  }

  private QueryNode.Nearest nearest(String field, List<Prefetch> stages) {
    return new QueryNode.Nearest(field, 0, input(field), 0, stages);
  }

  private QueryNode recommend(List<Prefetch> stages) {
    String field = field();
    QueryNode.Strategy strategy =
        field.equals("tokens") || random.nextBoolean()
            ? QueryNode.Strategy.BEST_SCORE
            : QueryNode.Strategy.AVERAGE;
    return new QueryNode.Recommend(
        field,
        0,
        inputs(field, 1 << random.nextInt(3)),
        inputs(field, random.nextBoolean() ? 0 : 1 << random.nextInt(2)),
        strategy,
        stages);
  }

  private List<QueryInput> inputs(String field, int count) {
    List<QueryInput> inputs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      inputs.add(input(field));
    }
    return inputs;
  }

  private List<Prefetch> stages(int depth, int wanted) {
    int count = 1 + random.nextInt(3);
    List<Prefetch> stages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int limit = Math.ceilDiv(wanted, count) + random.nextInt(30);
      QueryNode query = node(depth - 1, limit);
      boolean scores = !(query instanceof QueryNode.OrderBy || query instanceof QueryNode.Sample);
      stages.add(
          new Prefetch(
              query,
              limit,
              random.nextInt(3) == 0 ? filters.filter(2) : Filter.ALL,
              scores && random.nextInt(4) == 0
                  ? OptionalDouble.of(random.nextInt(5) / 10.0 - 0.1)
                  : OptionalDouble.empty(),
              0,
              random.nextBoolean()));
    }
    return stages;
  }
}
