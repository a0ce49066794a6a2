package io.whimbrel.client.migration;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Two versions compared by a golden set.
 *
 * @param verdict WORSE if any comparison of what users get is, else that of the first measure
 * @param served comparisons of what users get, by slice (all queries first), then measure
 * @param model comparisons of the exact answers: the embeddings alone, whatever the index loses
 * @param unjudged hits that nobody has judged
 * @param warnings what the reader should know before believing the numbers
 */
public record EvaluationReport(
    Verdict verdict,
    List<Comparison> served,
    List<Comparison> model,
    Version baseline,
    Version candidate,
    long unjudged,
    Optional<Threshold> threshold,
    List<String> warnings) {
  public EvaluationReport {
    served = List.copyOf(served);
    model = List.copyOf(model);
    warnings = List.copyOf(warnings);
  }

  /** What a comparison allows to say of the candidate. */
  public enum Verdict {
    BETTER,
    NON_INFERIOR,
    INCONCLUSIVE,
    WORSE
  }

  /**
   * One measure over one slice.
   *
   * @param measure for example {@code ndcg@10}
   * @param slice empty for all queries
   * @param difference candidate minus baseline, with its 95 % interval
   * @param pValue corrected for all comparisons
   * @param smallestDetectable the smallest true difference that these queries show four times in
   *     five
   * @param tested whether the slice has queries enough for a test
   */
  public record Comparison(
      String measure,
      String slice,
      int queries,
      double baseline,
      double candidate,
      double difference,
      double intervalLow,
      double intervalHigh,
      double pValue,
      double smallestDetectable,
      boolean tested,
      Verdict verdict) {}

  /**
   * One version alone.
   *
   * @param indexRecall share of the exact hits that the index found
   * @param indexLoss by measure: the exact answers' score minus that of the answers users get
   * @param judged share of the first hits that are judged
   * @param run a TREC run file, when asked for; else empty
   */
  public record Version(
      int number, double indexRecall, Map<String, Double> indexLoss, double judged, String run) {
    public Version {
      indexLoss = Map.copyOf(indexLoss);
    }
  }

  /**
   * A threshold of the candidate that lets as many hits pass as one of the baseline.
   *
   * @param truncated queries of which all hits asked for pass: a guess if there are any
   */
  public record Threshold(double baseline, double candidate, double hitsPerQuery, int truncated) {}
}
