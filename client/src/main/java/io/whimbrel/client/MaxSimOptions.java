package io.whimbrel.client;

import java.util.OptionalInt;

/**
 * How a field of many vectors a point is searched. Other fields refuse all but {@link #DEFAULT}.
 *
 * @param shortlist points of the first stage, {@code k} to 1,000,000: more finds more of the true
 *     hits and costs more. When empty, 20 times {@code k} and at least 500, more in large fields
 * @param candidates points whose tokens are compared. When empty, 16 times {@code k} and at least
 *     160 up to a {@code k} of 20, else 5 times {@code k} and at least 320
 * @param scoring what is made of the best inner product of each query token
 * @param align each hit also tells which of its tokens was the best for each token of the query
 */
public record MaxSimOptions(
    OptionalInt shortlist, OptionalInt candidates, Scoring scoring, boolean align) {
  /** The sum, with the sizes of the server. */
  public static final MaxSimOptions DEFAULT =
      new MaxSimOptions(OptionalInt.empty(), OptionalInt.empty(), Scoring.SUM, false);

  /** What is made of the best inner product of each query token. */
  public enum Scoring {
    /** Their sum. */
    SUM,
    /** Their mean, so that queries of any length share a scale. */
    MEAN
  }

  public MaxSimOptions {
    if (shortlist.isPresent()) {
      Checks.atLeast("params.shortlist", shortlist.getAsInt(), 1);
    }
    if (candidates.isPresent()) {
      Checks.atLeast("params.candidates", candidates.getAsInt(), 1);
    }
  }

  public MaxSimOptions withSizes(int newShortlist, int newCandidates) {
    return new MaxSimOptions(
        OptionalInt.of(newShortlist), OptionalInt.of(newCandidates), scoring, align);
  }

  public MaxSimOptions withScoring(Scoring newScoring) {
    return new MaxSimOptions(shortlist, candidates, newScoring, align);
  }

  public MaxSimOptions withAlign(boolean newAlign) {
    return new MaxSimOptions(shortlist, candidates, scoring, newAlign);
  }
}
