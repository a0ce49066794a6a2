package io.whimbrel.core.model;

/// How a field of many vectors a point is searched. Other fields refuse all but [#DEFAULT].
///
/// @param shortlist points of the first stage, N1: more finds more of the true hits and costs more.
///   0 for 20 times `k` and at least 500, more in large fields
/// @param candidates points of the second stage, N2. 0 for 16 times `k` and at least 160 up to `k`
///   = 20, else 5 times `k` and at least 320
/// @param scoring how the best inner products of the query's tokens make one score
/// @param align each hit also tells which of its tokens was the best for each token of the query
public record MaxSimOptions(int shortlist, int candidates, Scoring scoring, boolean align) {
  public static final MaxSimOptions DEFAULT = new MaxSimOptions(0, 0, Scoring.SUM, false);

  /// What is made of the best inner product of each query token.
  public enum Scoring {
    /// Their sum.
    SUM,
    /// Their mean, so that queries of any length share a scale.
    MEAN
  }

  public MaxSimOptions {
    Limits.checkRange("shortlist", shortlist, 0, Limits.SHORTLIST_MAX);
    Limits.checkRange("candidates", candidates, 0, Limits.SHORTLIST_MAX);
    if (shortlist != 0 && shortlist < candidates) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "shortlist",
          shortlist,
          "0, or at least the " + candidates + " candidates that are taken from it");
    }
  }

  /// Refuses sizes below the `k` hits that are wanted.
  public void checkAgainst(int k) {
    checkSize("shortlist", shortlist, k);
    checkSize("candidates", candidates, k);
  }

  private static void checkSize(String field, int size, int k) {
    if (size != 0 && size < k) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, size, "0, or at least k, which is " + k);
    }
  }
}
