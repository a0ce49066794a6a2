package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// A score of one ranked answer in [0, 1], by the definitions of trec_eval. Bigger is better.
///
/// @param k hits that count, 1 to 10,000; 0 for all of the answer, written without `@`
public record Measure(Kind kind, int k) {
  /// What is scored. A point is relevant with a grade of 1 or more; nDCG takes the grade itself as
  /// gain.
  public enum Kind {
    /// Relevant hits of all relevant points; trec_eval `recall_k`.
    RECALL,
    /// Relevant hits of `k`, also when fewer were found; trec_eval `P_k`.
    PRECISION,
    /// 1 / rank of the first relevant hit; trec_eval `recip_rank`, with `-M k`.
    MRR,
    /// Gain discounted by log2(rank + 1), of that of the best order of all judged points; trec_eval
    /// `ndcg_cut_k`.
    NDCG,
    /// Mean over all relevant points of the precision at their rank, 0 when not found; trec_eval
    /// `map_cut_k`.
    MAP,
    /// 1 with a relevant hit, else 0; trec_eval `success_k`.
    HIT_RATE
  }

  public Measure {
    Limits.checkRange("measure.k", k, kind == Kind.PRECISION ? 1 : 0, Limits.K_MAX);
  }

  /// For example `ndcg@10` or `map`.
  public static Measure parse(String name) {
    int at = name.indexOf('@');
    String kind = at < 0 ? name : name.substring(0, at);
    try {
      return new Measure(
          Kind.valueOf(kind.toUpperCase(Locale.ROOT)),
          at < 0 ? 0 : Integer.parseInt(name.substring(at + 1)));
    } catch (IllegalArgumentException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "measure",
          name,
          Arrays.stream(Kind.values())
                  .map(known -> known.name().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", "))
              + ", each with @k");
    }
  }

  /// As [#parse] reads it.
  public String name() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return k == 0 ? name : name + "@" + k;
  }

  /// The score of `ranking`; 0 when nothing is relevant.
  public double score(Ranking ranking, Judgments judgments) {
    List<Ranking.Hit> hits = ranking.top(k);
    int relevant = judgments.relevant();
    if (relevant == 0) {
      return 0;
    }
    return switch (kind) {
      case RECALL -> (double) found(hits, judgments) / relevant;
      case PRECISION -> (double) found(hits, judgments) / k;
      case MRR -> reciprocalRank(hits, judgments);
      case NDCG -> gain(hits, judgments) / judgments.idealGain(k);
      case MAP -> precisions(hits, judgments) / relevant;
      case HIT_RATE -> found(hits, judgments) > 0 ? 1 : 0;
    };
  }

  private static int found(List<Ranking.Hit> hits, Judgments judgments) {
    int found = 0;
    for (Ranking.Hit hit : hits) {
      found += judgments.isRelevant(hit.id()) ? 1 : 0;
    }
    return found;
  }

  private static double reciprocalRank(List<Ranking.Hit> hits, Judgments judgments) {
    for (int i = 0; i < hits.size(); i++) {
      if (judgments.isRelevant(hits.get(i).id())) {
        return 1.0 / (i + 1);
      }
    }
    return 0;
  }

  private static double gain(List<Ranking.Hit> hits, Judgments judgments) {
    double sum = 0;
    for (int i = 0; i < hits.size(); i++) {
      sum += Judgments.discounted(judgments.gain(hits.get(i).id()), i);
    }
    return sum;
  }

  private static double precisions(List<Ranking.Hit> hits, Judgments judgments) {
    double sum = 0;
    int found = 0;
    for (int i = 0; i < hits.size(); i++) {
      if (judgments.isRelevant(hits.get(i).id())) {
        found++;
        sum += (double) found / (i + 1);
      }
    }
    return sum;
  }
}
