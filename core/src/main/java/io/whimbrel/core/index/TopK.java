package io.whimbrel.core.index;

/// The hits of one search, best first; equal scores by ordinal.
public final class TopK {
  private final int[] ordinals;
  private final float[] scores;
  private final long seq;

  /// Takes the arrays over.
  TopK(int[] ordinals, float[] scores, long seq) {
    this.ordinals = ordinals;
    this.scores = scores;
    this.seq = seq;
  }

  public int count() {
    return ordinals.length;
  }

  public int ordinal(int rank) {
    return ordinals[rank];
  }

  /// Finite; in [-1, 1] under COSINE.
  public float score(int rank) {
    return scores[rank];
  }

  /// The publish that the search saw.
  public long seq() {
    return seq;
  }
}
