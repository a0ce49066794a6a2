package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.PointId;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Two versions compared by one golden set.
///
/// @param verdict WORSE if any comparison of what users get is, else that of the first measure over
///   all queries
/// @param served comparisons of the answers users get, by slice (all queries first), then measure
/// @param model comparisons of the exact answers: the embeddings alone, whatever the index loses
/// @param unjudged hits of either version among the first `k` that nobody has judged, bounded by
///   [#UNJUDGED_MAX]
/// @param unjudgedCount all of them
/// @param threshold for the threshold in the options
/// @param warnings what the reader should know before believing the numbers
public record EvaluationReport(
    Verdict verdict,
    List<Comparison> served,
    List<Comparison> model,
    VersionSummary baseline,
    VersionSummary candidate,
    List<UnjudgedHit> unjudged,
    long unjudgedCount,
    Optional<ThresholdMatch> threshold,
    List<String> warnings) {
  public static final int UNJUDGED_MAX = 10_000;

  public EvaluationReport {
    served = List.copyOf(served);
    model = List.copyOf(model);
    unjudged = List.copyOf(unjudged);
    warnings = List.copyOf(warnings);
  }

  /// One measure over one slice.
  ///
  /// @param slice `key=value`, empty for all queries
  /// @param queries in the slice
  /// @param baseline mean score of the baseline
  /// @param candidate mean score of the candidate
  /// @param test of the differences, candidate minus baseline
  /// @param pCorrected p-value corrected for all comparisons that were tested; 1 when this one was
  ///   not
  /// @param smallestDetectable smallest true difference that this many queries show four times in
  ///   five, were this the only comparison
  /// @param tested whether the slice has the [Evaluator#TESTED_QUERIES_MIN] queries that a test
  ///   needs
  public record Comparison(
      Measure measure,
      String slice,
      int queries,
      double baseline,
      double candidate,
      PairedTest.Result test,
      double pCorrected,
      double smallestDetectable,
      boolean tested,
      Verdict verdict) {
    public double difference() {
      return test.mean();
    }
  }

  /// One version alone.
  ///
  /// @param version its number
  /// @param indexRecall share of the first `k` exact hits that the index found, mean over the
  ///   queries
  /// @param indexLoss by measure, mean score of the exact answers minus that of the answers users
  ///   get
  /// @param judged share of the first `k` places of the answers users get whose point is judged
  /// @param served what users get
  /// @param exact the exact answers
  public record VersionSummary(
      int version,
      double indexRecall,
      Map<Measure, Double> indexLoss,
      double judged,
      Run served,
      Run exact) {
    public VersionSummary {
      indexLoss = Map.copyOf(indexLoss);
    }
  }

  /// A hit that nobody has judged.
  ///
  /// @param baselineRank its place in the baseline's answer from 1, 0 when not among the first `k`
  /// @param candidateRank its place in the candidate's answer, likewise
  public record UnjudgedHit(String queryId, PointId id, int baselineRank, int candidateRank) {}
}
