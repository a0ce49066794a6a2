package io.whimbrel.core.text;

/// The hits of one text search, best first; equal scores by internal id.
///
/// Takes the arrays over, which are of one length.
public final class TextHits {
  public static final TextHits NONE = new TextHits(new long[0], new float[0]);

  private final long[] ids;
  private final float[] scores;

  TextHits(long[] ids, float[] scores) {
    this.ids = ids;
    this.scores = scores;
  }

  public int count() {
    return ids.length;
  }

  /// The internal id of the point.
  public long id(int rank) {
    return ids[rank];
  }

  /// Above 0.
  public float score(int rank) {
    return scores[rank];
  }
}
