package io.whimbrel.core.evaluation;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// A score threshold of the candidate that lets through as many hits as one of the baseline does.
/// Scores of two models are not comparable: the same number can let through everything or nothing.
///
/// @param baseline the threshold in use
/// @param candidate half way between the last score that passes and the first that does not
/// @param hitsPerQuery mean number of exact hits of the baseline at or above its threshold
/// @param truncated queries of which all hits asked for pass, in either version: the match is a
///   guess if there are any
public record ThresholdMatch(
    double baseline, double candidate, double hitsPerQuery, int truncated) {

  /// Matches `threshold` by the exact answers of both versions to the same queries, each `depth`
  /// hits deep.
  static ThresholdMatch of(double threshold, Run baseline, Run candidate, int depth) {
    Collection<Ranking> before = baseline.rankings().values();
    long passing = before.stream().mapToLong(ranking -> passing(ranking, threshold)).sum();
    List<Double> scores =
        candidate.rankings().values().stream()
            .flatMap(ranking -> ranking.hits().stream())
            .map(Ranking.Hit::score)
            .sorted(Comparator.reverseOrder())
            .toList();
    double matched = cut(scores, (int) Math.min(passing, scores.size()));
    int truncated = 0;
    for (String query : baseline.rankings().keySet()) {
      truncated +=
          passing(baseline.of(query), threshold) >= depth
                  || passing(candidate.of(query), matched) >= depth
              ? 1
              : 0;
    }
    return new ThresholdMatch(
        threshold, matched, (double) passing / Math.max(1, before.size()), truncated);
  }

  private static long passing(Ranking ranking, double threshold) {
    return ranking.hits().stream().filter(hit -> hit.score() >= threshold).count();
  }

  /// A threshold that the first `passing` of the descending `scores` pass.
  private static double cut(List<Double> scores, int passing) {
    if (scores.isEmpty()) {
      return 0;
    }
    if (passing == 0) {
      return Math.nextUp(scores.getFirst());
    }
    if (passing == scores.size()) {
      return scores.getLast();
    }
    return scores.get(passing - 1) / 2 + scores.get(passing) / 2;
  }
}
