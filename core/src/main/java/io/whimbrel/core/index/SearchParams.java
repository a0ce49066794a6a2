package io.whimbrel.core.index;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;

/// What one search asks of an index.
///
/// @param k hits wanted, 1 to 10,000
/// @param ef beam width of a graph search: more finds more of the true hits and costs more. `k` to
///   10,000, or 0 for [#defaultEf]. An exact scan ignores it
/// @param scoreThreshold hits below are left out; negative infinity keeps all
/// @param accept only these ordinals can be hits
/// @param exact compares every accepted row with the query instead of walking a graph
public record SearchParams(int k, int ef, double scoreThreshold, AcceptBits accept, boolean exact) {
  private static final int EF_DEFAULT_MIN = 64;

  public SearchParams {
    Limits.checkRange("k", k, 1, Limits.K_MAX);
    Limits.checkEf(ef, k);
    if (Double.isNaN(scoreThreshold)) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "score_threshold", "NaN", "a number");
    }
  }

  /// The `k` best of all rows, with the default `ef`.
  public static SearchParams of(int k) {
    return new SearchParams(k, 0, Double.NEGATIVE_INFINITY, AcceptBits.ALL, false);
  }

  /// Twice `k`, 64 at least and 10,000 at most.
  public static int defaultEf(int k) {
    return Math.clamp(2L * k, EF_DEFAULT_MIN, Limits.EF_MAX);
  }

  /// The beam width to search with: `ef`, or the default for `k`.
  public int beam() {
    return ef == 0 ? defaultEf(k) : ef;
  }

  public SearchParams withEf(int newEf) {
    return new SearchParams(k, newEf, scoreThreshold, accept, exact);
  }

  public SearchParams withScoreThreshold(double newThreshold) {
    return new SearchParams(k, ef, newThreshold, accept, exact);
  }

  public SearchParams withAccept(AcceptBits newAccept) {
    return new SearchParams(k, ef, scoreThreshold, newAccept, exact);
  }

  public SearchParams withExact(boolean newExact) {
    return new SearchParams(k, ef, scoreThreshold, accept, newExact);
  }
}
