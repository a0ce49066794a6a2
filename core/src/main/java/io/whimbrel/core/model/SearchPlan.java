package io.whimbrel.core.model;

/// How a search was answered.
///
/// @param method what was done with the vectors
/// @param matches points that could be hits: that have a vector and meet the filter
/// @param payloadsRead payloads read because no index answers a condition
public record SearchPlan(Method method, long matches, long payloadsRead) {
  /// What was done with the vectors.
  public enum Method {
    /// Nothing can be a hit.
    NOTHING,
    /// Every match was compared with the query: the answer is exact.
    SCAN,
    /// The graph was walked, and matches were kept.
    WALK,
    /// Coarse forms of the matches chose those whose tokens were compared.
    CASCADE
  }
}
