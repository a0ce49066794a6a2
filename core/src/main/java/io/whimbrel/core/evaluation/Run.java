package io.whimbrel.core.evaluation;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/// What one version answered: query id to ranking, in the order of the ids.
///
/// @param tag names the run in its TREC form, without white space
public record Run(String tag, Map<String, Ranking> rankings) {
  public Run {
    rankings = Collections.unmodifiableMap(new TreeMap<>(rankings));
  }

  /// Empty when the query was not answered.
  public Ranking of(String queryId) {
    return rankings.getOrDefault(queryId, Ranking.EMPTY);
  }
}
