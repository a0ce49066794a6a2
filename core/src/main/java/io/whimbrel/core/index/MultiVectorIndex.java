package io.whimbrel.core.index;

import io.whimbrel.core.model.MaxSimOptions;
import java.util.function.BooleanSupplier;

/// The documents of one multi-vector version, each a matrix of token vectors, searchable by MaxSim:
/// the sum over the tokens of a query of the best inner product with any token of the document.
///
/// What [VectorIndex] calls a vector is a matrix `[tokens][dimension]` here, row-major; a row of it
/// is a document. The order of a document's tokens, and a token that appears twice, make no
/// difference to its score. A refusal names the token at fault.
public interface MultiVectorIndex extends VectorIndex {
  /// Tokens in a document.
  int TOKENS_MAX = 8192;

  /// Tokens in a query.
  int QUERY_TOKENS_MAX = 1024;

  /// Values in a token.
  int TOKEN_DIMENSION_MAX = 4096;

  /// The best live and accepted documents of the last publish, at most `params.k()`, each with a
  /// score of at least `params.scoreThreshold()`: `k` of them when `k` are live and accepted and no
  /// threshold cuts them off. `query` is a matrix of 1 to [#QUERY_TOKENS_MAX] tokens.
  ///
  /// Every score is MaxSim over the tokens as they are stored, never an estimate. The documents are
  /// the true best when `params.exact()`; else most of them are. Cancelling and closing are as in
  /// the search of [VectorIndex], which is this one with the default sizes.
  MultiVectorHits search(float[] query, MultiVectorParams params, BooleanSupplier cancelled);

  @Override
  MatrixReader reader();

  /// A [VectorIndex.Reader] of documents.
  interface MatrixReader extends Reader {
    /// The search of [MultiVectorIndex] over this publish.
    MultiVectorHits search(float[] query, MultiVectorParams params, BooleanSupplier cancelled);

    /// MaxSim of the query with each of these documents, over the tokens as they are stored: the
    /// scores that a search gives. `ordinals` are live in this publish, in any order, which is that
    /// of the scores too. Cost: every token of every document, once.
    float[] scores(
        float[] query, int[] ordinals, MaxSimOptions.Scoring scoring, BooleanSupplier cancelled);
  }
}
