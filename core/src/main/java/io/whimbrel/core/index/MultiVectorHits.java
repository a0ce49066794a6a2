package io.whimbrel.core.index;

import java.util.List;

/// The hits of one search of a [MultiVectorIndex].
///
/// @param best the documents, best first
/// @param alignments one for each hit, in the same order; empty when none were asked for
public record MultiVectorHits(TopK best, List<Alignment> alignments) {
  public MultiVectorHits {
    alignments = List.copyOf(alignments);
  }

  /// Which token of a document was the best for each token of the query.
  public static final class Alignment {
    private final int[] tokens;
    private final float[] scores;

    /// Takes the arrays over, which are of one length.
    public Alignment(int[] tokens, float[] scores) {
      assert tokens.length == scores.length;
      this.tokens = tokens;
      this.scores = scores;
    }

    /// Tokens of the query.
    public int count() {
      return tokens.length;
    }

    /// The document's token that is nearest to token `i` of the query, counted from zero.
    public int token(int i) {
      return tokens[i];
    }

    /// Their inner product.
    public float score(int i) {
      return scores[i];
    }
  }
}
