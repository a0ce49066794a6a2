package io.whimbrel.core.model;

import java.util.List;

/// One stage of a query: it ranks points, and keeps as many as its reader asks for.
///
/// A stage without `prefetch` ranks all points that meet its filter. One with `prefetch` ranks the
/// points that those stages found, each once, and no others. Under every stage the best come first,
/// equal scores by point id, unless the stage says otherwise.
///
/// Paths in refusals are relative to the node, for example `nearest.search_dims`.
public sealed interface QueryNode {
  /// The stages below, in the order of the request.
  List<Prefetch> prefetch();

  /// Nearest to a vector of one field; over `prefetch` it is the exact score of that field, MaxSim
  /// included, whatever found them.
  ///
  /// @param version the version to ask; 0 for the one the read policy names
  /// @param searchDims rank by the first so many values of vector and rows, each scaled to length 1
  ///   under COSINE, then score the best anew by all of them; 0 for all values at once
  record Nearest(
      String field, int version, QueryInput input, int searchDims, List<Prefetch> prefetch)
      implements QueryNode {
    public Nearest {
      prefetch = List.copyOf(prefetch);
      Limits.checkRange("nearest.search_dims", searchDims, 0, Limits.DIMENSION_MAX);
      if (searchDims > 0 && !prefetch.isEmpty()) {
        throw contradiction(
            "nearest.search_dims", searchDims, "0 beside prefetch, which says what is scored");
      }
    }
  }

  /// Like the positives and unlike the negatives. Points named by id are left out of the hits.
  record Recommend(
      String field,
      int version,
      List<QueryInput> positives,
      List<QueryInput> negatives,
      Strategy strategy,
      List<Prefetch> prefetch)
      implements QueryNode {
    public Recommend {
      positives = List.copyOf(positives);
      negatives = List.copyOf(negatives);
      prefetch = List.copyOf(prefetch);
      Limits.checkRange("recommend.positives", positives.size(), 1, Limits.EXAMPLES_MAX);
      Limits.checkRange("recommend.negatives", negatives.size(), 0, Limits.EXAMPLES_MAX);
    }
  }

  /// How examples become a score.
  enum Strategy {
    /// Nearest to the mean of the positives; with negatives, to twice that mean less theirs. Under
    /// COSINE every example is scaled to length 1 first.
    AVERAGE,
    /// Let `p` be the best score with a positive, `n` with a negative and `f(s) = (1 + s / (1 +
    /// |s|)) / 2`: the score is `f(p)` if `p > n` or there are no negatives, else `-f(n)`.
    BEST_SCORE
  }

  /// Reciprocal rank fusion: a point's score is the sum over the stages that found it of `weight /
  /// (rankConstant + rank)`, ranks from 1.
  ///
  /// @param weights one for each stage, or none for all 1
  record Fusion(int rankConstant, List<Double> weights, List<Prefetch> prefetch)
      implements QueryNode {
    /// The constant of Cormack, Clarke and Buettcher (2009).
    public static final int RANK_CONSTANT_DEFAULT = 60;

    public Fusion {
      prefetch = List.copyOf(prefetch);
      weights = List.copyOf(weights);
      Limits.checkRange(
          "fusion.rrf.rank_constant", rankConstant, 1, Limits.FUSION_RANK_CONSTANT_MAX);
      if (prefetch.isEmpty()) {
        throw contradiction("prefetch", "none", "at least one stage, for fusion");
      }
      if (!weights.isEmpty() && weights.size() != prefetch.size()) {
        throw contradiction(
            "fusion.rrf.weights",
            weights.size() + " weights",
            "none, or one for each of " + prefetch.size() + " prefetch stages");
      }
      for (int i = 0; i < weights.size(); i++) {
        double weight = weights.get(i);
        if (!(weight >= 0 && weight <= Limits.FUSION_WEIGHT_MAX)) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT,
              "fusion.rrf.weights[" + i + "]",
              weight,
              "0 to " + Limits.FUSION_WEIGHT_MAX);
        }
      }
    }
  }

  /// Maximal marginal relevance: of the nearest points, one after the other the one with the
  /// greatest `(1 - diversity) * s - diversity * t`, where `s` is its score and `t` its greatest
  /// score with one that was taken already. A hit carries `s`; the order is that of taking.
  ///
  /// Source: Carbonell and Goldstein 1998.
  ///
  /// @param nearest finds the candidates
  /// @param diversity 0 to 1
  /// @param candidates how many are found, when there is no prefetch; 0 for ten times the hits
  record Mmr(Nearest nearest, double diversity, int candidates) implements QueryNode {
    public Mmr {
      if (!(diversity >= 0 && diversity <= 1)) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT, "mmr.diversity", diversity, "0 to 1");
      }
      Limits.checkRange("mmr.candidates", candidates, 0, Limits.MMR_CANDIDATES_MAX);
      if (candidates > 0 && !nearest.prefetch().isEmpty()) {
        throw contradiction(
            "mmr.candidates", candidates, "0 beside prefetch, which says what the candidates are");
      }
    }

    @Override
    public List<Prefetch> prefetch() {
      return nearest.prefetch();
    }
  }

  /// By a payload value: the least of a point's values, or the greatest when `descending`. Points
  /// without one are left out; equal values by the order in which the points were first written.
  /// Scores are 0, and hits carry the value.
  ///
  /// Values are those of the type that the path's index is declared with. Without one, types follow
  /// each other as in [ScalarType], and the payloads of all points in question are read.
  record OrderBy(FieldPath path, boolean descending, List<Prefetch> prefetch) implements QueryNode {
    public OrderBy {
      prefetch = List.copyOf(prefetch);
    }
  }

  /// Points drawn at random, the same for the same seed as long as the same points are there.
  /// Scores are 0.
  record Sample(long seed, List<Prefetch> prefetch) implements QueryNode {
    public Sample {
      prefetch = List.copyOf(prefetch);
    }
  }

  /// By BM25 over a declared text field of the payload.
  record Text(FieldPath path, String text, List<Prefetch> prefetch) implements QueryNode {
    public Text {
      prefetch = List.copyOf(prefetch);
      Limits.checkRange("text.text length", text.length(), 1, Limits.QUERY_TEXT_CHARS_MAX);
    }
  }

  private static WhimbrelException contradiction(String field, Object value, String expected) {
    return WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, field, value, expected);
  }
}
