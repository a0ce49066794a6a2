package io.whimbrel.core.model;

import java.util.Arrays;

/// Which token of a document was the best for each token of a query.
public final class TokenAlignment {
  private final int[] tokens;
  private final float[] scores;

  /// Takes the arrays over, which are of one length.
  public TokenAlignment(int[] tokens, float[] scores) {
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

  /// Their inner product; under COSINE their cosine.
  public float score(int i) {
    return scores[i];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenAlignment that
        && Arrays.equals(tokens, that.tokens)
        && Arrays.equals(scores, that.scores);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(tokens) + Arrays.hashCode(scores);
  }
}
