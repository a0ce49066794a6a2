package io.whimbrel.core.model;

import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;

/// Which near points that are no known answers become negatives of a query, for training.
///
/// The window is what lies nearest to a query among the points that meet the filter and are neither
/// its positives nor itself, from rank `rangeMin + 1` to `rangeMax`. What scores too near to the
/// best positive, or more than `maxScore`, may be an answer that nobody knows of, and is left out.
/// Under a margin a query without a scored positive has no negatives.
///
/// Names follow `mine_hard_negatives` of sentence-transformers.
///
/// @param negatives of a query, 1 to 1,000
/// @param absoluteMargin a negative scores less than the best positive less this
/// @param relativeMargin a negative scores less than `1 - relativeMargin` times the best positive,
///   0 to 1; not under L2
/// @param random draw from all that are allowed, rather than take the nearest
/// @param exact scan rather than ask the index
public record NegativeMining(
    String field,
    int version,
    int negatives,
    int rangeMin,
    int rangeMax,
    OptionalDouble absoluteMargin,
    OptionalDouble relativeMargin,
    OptionalDouble maxScore,
    OptionalDouble minScore,
    boolean random,
    long seed,
    Filter filter,
    int ef,
    boolean exact) {
  public static final int RANGE_MAX_DEFAULT = 100;
  public static final int NEGATIVES_DEFAULT = 10;

  public NegativeMining {
    Limits.checkRange("negatives", negatives, 1, Limits.NEGATIVES_MAX);
    Limits.checkRange("range_max", rangeMax, 1, Limits.K_MAX);
    Limits.checkEf(ef, rangeMax);
    if (rangeMin < 0 || rangeMin >= rangeMax) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "range_min", rangeMin, "0 to below range_max, " + rangeMax);
    }
    checkNumber("absolute_margin", absoluteMargin, 0, Double.MAX_VALUE);
    checkNumber("relative_margin", relativeMargin, 0, 1);
    checkNumber("max_score", maxScore, -Double.MAX_VALUE, Double.MAX_VALUE);
    checkNumber("min_score", minScore, -Double.MAX_VALUE, Double.MAX_VALUE);
    if (maxScore.isPresent()
        && minScore.isPresent()
        && minScore.getAsDouble() > maxScore.getAsDouble()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "min_score",
          minScore.getAsDouble(),
          "at most max_score, " + maxScore.getAsDouble());
    }
    Filter.check("filter", filter);
  }

  private static void checkNumber(String field, OptionalDouble number, double min, double max) {
    if (number.isPresent() && !(number.getAsDouble() >= min && number.getAsDouble() <= max)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, number.getAsDouble(), min + " to " + max);
    }
  }

  /// Ten negatives out of the nearest hundred.
  public static NegativeMining of(String field) {
    return new NegativeMining(
        field,
        0,
        NEGATIVES_DEFAULT,
        0,
        RANGE_MAX_DEFAULT,
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        false,
        0,
        Filter.ALL,
        0,
        false);
  }

  /// A query with its known answers.
  ///
  /// @param name comes back with the answer; may be empty
  public record Query(String name, QueryInput input, Set<PointId> positives) {
    public Query {
      positives = Set.copyOf(positives);
      Limits.checkRange("positives", positives.size(), 0, Limits.K_MAX);
    }

    public Query(QueryInput input, List<PointId> positives) {
      this("", input, new HashSet<>(positives));
    }
  }
}
