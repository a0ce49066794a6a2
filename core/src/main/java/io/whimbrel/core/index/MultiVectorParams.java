package io.whimbrel.core.index;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MaxSimOptions.Scoring;
import io.whimbrel.core.model.WhimbrelException;

/// What one search asks of a [MultiVectorIndex].
///
/// @param k hits wanted, 1 to 10,000
/// @param shortlist documents whose token signs are compared, N1: more finds more of the true hits
///   and costs more. 0 for [#defaultShortlist]; never fewer than `candidates`
/// @param candidates documents whose tokens are compared, N2. 0 for [#defaultCandidates]; never
///   fewer than `k`
/// @param scoreThreshold hits below are left out; negative infinity keeps all
/// @param accept only these ordinals can be hits
/// @param exact compares the tokens of every accepted document
/// @param scoring how the best inner products of the query tokens make one score
/// @param align also tells which token of a hit was the best for each query token
public record MultiVectorParams(
    int k,
    int shortlist,
    int candidates,
    double scoreThreshold,
    AcceptBits accept,
    boolean exact,
    Scoring scoring,
    boolean align) {
  /// Documents up to which the default shortlist does not grow.
  private static final int STEADY_DOCUMENTS = 30_000;

  public MultiVectorParams {
    Limits.checkRange("k", k, 1, Limits.K_MAX);
    Limits.checkRange("shortlist", shortlist, 0, Limits.SHORTLIST_MAX);
    Limits.checkRange("candidates", candidates, 0, Limits.SHORTLIST_MAX);
    if (Double.isNaN(scoreThreshold)) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "score_threshold", "NaN", "a number");
    }
  }

  /// The `k` best of all documents by the sum, with the defaults.
  public static MultiVectorParams of(int k) {
    return new MultiVectorParams(
        k, 0, 0, Double.NEGATIVE_INFINITY, AcceptBits.ALL, false, Scoring.SUM, false);
  }

  /// 20 for each hit wanted, 500 at least; beyond 30,000 documents more, with the square root of
  /// their number.
  public static int defaultShortlist(int k, int documents) {
    double growth = Math.max(1, Math.sqrt((double) documents / STEADY_DOCUMENTS));
    return (int) Math.ceil(Math.max(500, 20L * k) * growth);
  }

  /// 16 for each hit wanted up to 20 hits, 160 at least; 5 beyond, 320 at least. Among 50,000
  /// documents of which each has a hundred near duplicates, 10 for each hit left 0.96 of the best.
  public static int defaultCandidates(int k) {
    return k <= 20 ? Math.max(160, 16 * k) : Math.max(320, 5 * k);
  }

  /// Documents of the second stage among `documents`.
  public int candidatesWanted() {
    return Math.max(k, candidates == 0 ? defaultCandidates(k) : candidates);
  }

  /// Documents of the first stage among `documents`.
  public int shortlistWanted(int documents) {
    return Math.max(
        candidatesWanted(), shortlist == 0 ? defaultShortlist(k, documents) : shortlist);
  }

  public MultiVectorParams withSizes(int newShortlist, int newCandidates) {
    return new MultiVectorParams(
        k, newShortlist, newCandidates, scoreThreshold, accept, exact, scoring, align);
  }

  public MultiVectorParams withScoreThreshold(double newThreshold) {
    return new MultiVectorParams(
        k, shortlist, candidates, newThreshold, accept, exact, scoring, align);
  }

  public MultiVectorParams withAccept(AcceptBits newAccept) {
    return new MultiVectorParams(
        k, shortlist, candidates, scoreThreshold, newAccept, exact, scoring, align);
  }

  public MultiVectorParams withExact(boolean newExact) {
    return new MultiVectorParams(
        k, shortlist, candidates, scoreThreshold, accept, newExact, scoring, align);
  }

  public MultiVectorParams withScoring(Scoring newScoring) {
    return new MultiVectorParams(
        k, shortlist, candidates, scoreThreshold, accept, exact, newScoring, align);
  }

  public MultiVectorParams withAlign(boolean newAlign) {
    return new MultiVectorParams(
        k, shortlist, candidates, scoreThreshold, accept, exact, scoring, newAlign);
  }
}
