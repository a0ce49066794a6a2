package io.whimbrel.core.model;

import java.util.OptionalDouble;

/// A stage whose best points are what the stage above ranks.
///
/// @param limit points that it hands on, 1 to 10,000
/// @param filter what they must meet, beside the filters above
/// @param scoreThreshold points below are left out
/// @param ef as of [SearchRequest]
/// @param exact whether this stage and those below scan
public record Prefetch(
    QueryNode query,
    int limit,
    Filter filter,
    OptionalDouble scoreThreshold,
    int ef,
    boolean exact) {
  /// When a request does not say.
  public static final int LIMIT_DEFAULT = 100;

  public Prefetch {
    Limits.checkRange("limit", limit, 1, Limits.K_MAX);
    Limits.checkEf(ef, limit);
    Filter.check("filter", filter);
    if (scoreThreshold.isPresent() && Double.isNaN(scoreThreshold.getAsDouble())) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "score_threshold", "NaN", "a number");
    }
  }

  public static Prefetch of(QueryNode query, int limit) {
    return new Prefetch(query, limit, Filter.ALL, OptionalDouble.empty(), 0, false);
  }

  public Prefetch withFilter(Filter newFilter) {
    return new Prefetch(query, limit, newFilter, scoreThreshold, ef, exact);
  }
}
