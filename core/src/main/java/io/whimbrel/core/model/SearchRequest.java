package io.whimbrel.core.model;

import java.util.OptionalDouble;

/// The `k` points nearest to `vector` in one field.
///
/// @param field vector field
/// @param version the version to ask; 0 for the one the read policy names
/// @param k 1 to 10,000
/// @param scoreThreshold hits below are left out
/// @param ef beam width of a graph search, `k` to 10,000, or 0 for twice `k` and at least 64: more
///   finds more of the true hits and costs more. An exact scan ignores it
/// @param exact scan all vectors instead of asking the index
/// @param read what the hits carry
/// @param routing how the version is found when the request does not name one
/// @param filter what hits must meet
/// @param maxSim of a field of many vectors a point
public record SearchRequest(
    String field,
    int version,
    Vector vector,
    int k,
    OptionalDouble scoreThreshold,
    int ef,
    boolean exact,
    ReadOptions read,
    QueryRouting routing,
    Filter filter,
    MaxSimOptions maxSim) {
  public SearchRequest {
    Limits.checkRange("k", k, 1, Limits.K_MAX);
    Limits.checkEf(ef, k);
    Filter.check("filter", filter);
    maxSim.checkAgainst(k);
    if (scoreThreshold.isPresent() && Double.isNaN(scoreThreshold.getAsDouble())) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "score_threshold", "NaN", "a number");
    }
  }

  /// A search without a filter.
  public SearchRequest(
      String field,
      int version,
      Vector vector,
      int k,
      OptionalDouble scoreThreshold,
      int ef,
      boolean exact,
      ReadOptions read,
      QueryRouting routing) {
    this(
        field,
        version,
        vector,
        k,
        scoreThreshold,
        ef,
        exact,
        read,
        routing,
        Filter.ALL,
        MaxSimOptions.DEFAULT);
  }

  /// For a caller that knows nothing of migrations.
  public SearchRequest(
      String field,
      int version,
      Vector vector,
      int k,
      OptionalDouble scoreThreshold,
      int ef,
      boolean exact,
      ReadOptions read) {
    this(field, version, vector, k, scoreThreshold, ef, exact, read, QueryRouting.NONE);
  }

  public SearchRequest withRouting(QueryRouting newRouting) {
    return new SearchRequest(
        field, version, vector, k, scoreThreshold, ef, exact, read, newRouting, filter, maxSim);
  }

  /// Asks the field "default".
  public static SearchRequest of(Vector vector, int k) {
    return new SearchRequest(
        FieldSpec.DEFAULT_NAME,
        0,
        vector,
        k,
        OptionalDouble.empty(),
        0,
        false,
        ReadOptions.DEFAULT);
  }

  public SearchRequest withFilter(Filter newFilter) {
    return new SearchRequest(
        field, version, vector, k, scoreThreshold, ef, exact, read, routing, newFilter, maxSim);
  }

  public SearchRequest withMaxSim(MaxSimOptions newMaxSim) {
    return new SearchRequest(
        field, version, vector, k, scoreThreshold, ef, exact, read, routing, filter, newMaxSim);
  }
}
