package io.whimbrel.client;

import java.util.List;
import java.util.stream.Stream;

/**
 * One stage of a query, which ranks points. A stage without prefetch ranks all points that meet the
 * filters; one with prefetch ranks the points that those stages found, each once, and no others.
 *
 * <pre>{@code
 * Query.rrf(
 *     Query.nearest(dense).field("dense").limit(100),
 *     Query.text("body", "waders of the tundra").limit(100))
 *
 * Query.nearest(tokens).field("tokens").over(Query.nearest(dense).limit(200))
 * }</pre>
 */
public sealed interface Query {
  /** The stages below. */
  List<Prefetch> prefetch();

  /** This stage as one below another, which hands on its best {@code limit} points. */
  default Prefetch limit(int limit) {
    return Prefetch.of(this, limit);
  }

  /** Nearest to a vector of the field "default". */
  static Nearest nearest(Vector vector) {
    return nearest(QueryInput.of(vector));
  }

  /** Nearest to the stored vector of a point, which is itself left out; in the field "default". */
  static Nearest nearest(PointId id) {
    return nearest(QueryInput.of(id));
  }

  static Nearest nearest(QueryInput input) {
    return new Nearest(FieldSpec.DEFAULT_NAME, 0, input, 0, List.of());
  }

  /** Like the positives and unlike the negatives, in the field "default". */
  static Recommend recommend(List<PointId> positives, List<PointId> negatives) {
    return new Recommend(
        FieldSpec.DEFAULT_NAME,
        0,
        positives.stream().map(QueryInput::of).toList(),
        negatives.stream().map(QueryInput::of).toList(),
        Strategy.AVERAGE,
        List.of());
  }

  /** The ranks of several stages in one: reciprocal rank fusion with the constant 60. */
  static Fusion rrf(Prefetch... stages) {
    return new Fusion(Fusion.RANK_CONSTANT_DEFAULT, List.of(), List.of(stages));
  }

  /** By a payload value; points without one are left out. */
  static OrderBy orderBy(String path, boolean descending) {
    return new OrderBy(path, descending, List.of());
  }

  /** Drawn at random, the same for the same seed as long as the same points are there. */
  static Sample sample(long seed) {
    return new Sample(seed, List.of());
  }

  /** By BM25 over a declared text field. */
  static Text text(String path, String text) {
    return new Text(path, text, List.of());
  }

  /**
   * Nearest to a vector; over prefetch the exact score of the field, of many vectors a point too.
   *
   * @param version the version to ask; 0 for the one the read policy names
   * @param searchDims rank by the first so many values, then score the best anew by all; 0 for all
   */
  record Nearest(
      String field, int version, QueryInput input, int searchDims, List<Prefetch> prefetch)
      implements Query {
    public Nearest {
      Checks.atLeast("nearest.version", version, 0);
      Checks.atLeast("nearest.search_dims", searchDims, 0);
      prefetch = List.copyOf(prefetch);
    }

    /** The same in another field. */
    public Nearest field(String name) {
      return new Nearest(name, version, input, searchDims, prefetch);
    }

    /** The same of one version. */
    public Nearest version(int number) {
      return new Nearest(field, number, input, searchDims, prefetch);
    }

    /** The same by a prefix of the vectors first; for models whose prefixes are embeddings. */
    public Nearest searchDims(int dims) {
      return new Nearest(field, version, input, dims, prefetch);
    }

    /** The same of the points that these stages find. */
    public Nearest over(Prefetch... stages) {
      return new Nearest(field, version, input, searchDims, List.of(stages));
    }

    /**
     * Points that are near to this one's vector and not to each other.
     *
     * @param diversity 0 for the nearest, to 1
     */
    public Mmr diverse(double diversity) {
      return new Mmr(this, diversity, 0);
    }
  }

  /** Like the positives and unlike the negatives; points named by id are left out. */
  record Recommend(
      String field,
      int version,
      List<QueryInput> positives,
      List<QueryInput> negatives,
      Strategy strategy,
      List<Prefetch> prefetch)
      implements Query {
    public Recommend {
      Checks.atLeast("recommend.version", version, 0);
      positives = List.copyOf(positives);
      negatives = List.copyOf(negatives);
      prefetch = List.copyOf(prefetch);
    }

    /** The same in another field. */
    public Recommend field(String name) {
      return new Recommend(name, version, positives, negatives, strategy, prefetch);
    }

    /** The same with vectors beside the points. */
    public Recommend and(List<Vector> morePositives, List<Vector> moreNegatives) {
      return new Recommend(
          field,
          version,
          joined(positives, morePositives),
          joined(negatives, moreNegatives),
          strategy,
          prefetch);
    }

    private static List<QueryInput> joined(List<QueryInput> inputs, List<Vector> vectors) {
      return Stream.concat(inputs.stream(), vectors.stream().map(QueryInput::of)).toList();
    }

    /** The same with another score. */
    public Recommend by(Strategy otherStrategy) {
      return new Recommend(field, version, positives, negatives, otherStrategy, prefetch);
    }

    /** The same of the points that these stages find. */
    public Recommend over(Prefetch... stages) {
      return new Recommend(field, version, positives, negatives, strategy, List.of(stages));
    }
  }

  /** How examples become a score. */
  enum Strategy {
    /** Nearest to the mean of the positives; with negatives, to twice that mean less theirs. */
    AVERAGE,
    /** By the best score with a positive, unless one with a negative is better. */
    BEST_SCORE
  }

  /**
   * Reciprocal rank fusion: the sum over the stages of {@code weight / (rankConstant + rank)}.
   *
   * @param weights one for each stage, or none for all 1
   */
  record Fusion(int rankConstant, List<Double> weights, List<Prefetch> prefetch) implements Query {
    /** Taken when the caller does not say. */
    public static final int RANK_CONSTANT_DEFAULT = 60;

    public Fusion {
      Checks.atLeast("fusion.rrf.rank_constant", rankConstant, 1);
      weights = List.copyOf(weights);
      prefetch = List.copyOf(prefetch);
    }

    /** The same with another constant. */
    public Fusion rankConstant(int constant) {
      return new Fusion(constant, weights, prefetch);
    }

    /** The same with a weight for each stage. */
    public Fusion weights(Double... newWeights) {
      return new Fusion(rankConstant, List.of(newWeights), prefetch);
    }
  }

  /**
   * Maximal marginal relevance: of the nearest points, those that are not near to each other.
   *
   * @param diversity 0 to 1
   * @param candidates up to 1,000; 0 for ten times the hits, and with prefetch
   */
  record Mmr(Nearest nearest, double diversity, int candidates) implements Query {
    public Mmr {
      Checks.atLeast("mmr.candidates", candidates, 0);
    }

    @Override
    public List<Prefetch> prefetch() {
      return nearest.prefetch();
    }

    /** The same with so many candidates. */
    public Mmr candidates(int count) {
      return new Mmr(nearest, diversity, count);
    }
  }

  /** By the least payload value of a point, or the greatest when descending. */
  record OrderBy(String path, boolean descending, List<Prefetch> prefetch) implements Query {
    public OrderBy {
      prefetch = List.copyOf(prefetch);
    }

    /** The same of the points that these stages find. */
    public OrderBy over(Prefetch... stages) {
      return new OrderBy(path, descending, List.of(stages));
    }
  }

  /** At random. */
  record Sample(long seed, List<Prefetch> prefetch) implements Query {
    public Sample {
      prefetch = List.copyOf(prefetch);
    }

    /** The same of the points that these stages find. */
    public Sample over(Prefetch... stages) {
      return new Sample(seed, List.of(stages));
    }
  }

  /** By BM25. */
  record Text(String path, String text, List<Prefetch> prefetch) implements Query {
    public Text {
      prefetch = List.copyOf(prefetch);
    }
  }
}
