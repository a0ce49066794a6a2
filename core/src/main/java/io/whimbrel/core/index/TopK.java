package io.whimbrel.core.index;

/// The hits of one search, best first; equal scores by ordinal.
public final class TopK {
  private final int[] ordinals;
  private final long[] labels;
  private final float[] scores;
  private final long seq;

  /// Takes the arrays over, which are of one length and in order already.
  public TopK(int[] ordinals, long[] labels, float[] scores, long seq) {
    assert ordinals.length == labels.length && ordinals.length == scores.length;
    this.ordinals = ordinals;
    this.labels = labels;
    this.scores = scores;
    this.seq = seq;
  }

  public int count() {
    return ordinals.length;
  }

  /// The row; by now it may belong to another vector.
  public int ordinal(int rank) {
    return ordinals[rank];
  }

  /// What the vector was added with.
  public long label(int rank) {
    return labels[rank];
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
