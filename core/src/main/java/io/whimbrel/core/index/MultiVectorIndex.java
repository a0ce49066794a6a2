package io.whimbrel.core.index;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/// The documents of one multi-vector version, each a matrix of token vectors, searchable by MaxSim:
/// the sum over the tokens of a query of the best inner product with any token of the document.
///
/// Labels, ordinals, publishing and threads are those of [VectorIndex]. A matrix is `[tokens][
/// dimension]`, row-major. The order of a document's tokens, and a token that appears twice, make
/// no difference to its score.
public interface MultiVectorIndex extends AutoCloseable {
  /// Tokens in a document.
  int TOKENS_MAX = 8192;

  /// Tokens in a query.
  int QUERY_TOKENS_MAX = 1024;

  /// Values in a token.
  int TOKEN_DIMENSION_MAX = 4096;

  /// Values in a token.
  int dimension();

  /// COSINE or DOT.
  Metric metric();

  /// Writer. Takes the tokens of one document and returns its ordinal. Under COSINE each is stored
  /// at unit length. Refuses no tokens, too many, an incomplete one, values that are not finite and,
  /// under COSINE, a zero token; nothing is changed then.
  int add(float[] tokens, long label);

  /// Writer. The same from the remaining bytes of `tokens`, little-endian float32; its position
  /// stays.
  int add(ByteBuffer tokens, long label);

  /// Writer. Hides a live document from searches of a snapshot of `seq` or later; `seq` must be
  /// later than the last publish.
  void remove(int ordinal, long seq);

  /// Writer. Gives each document that the last publish shows to `each`, in order of ordinals.
  void forEachLive(VectorIndex.LiveRow each);

  /// Writer. Shows every add and remove so far to the searches that start from now on, all at once.
  void publish(long seq);

  /// The best live and accepted documents of the last publish, at most `params.k()`, each with a
  /// score of at least `params.scoreThreshold()`: `k` of them when `k` are live and accepted and no
  /// threshold cuts them off. `query` is a matrix of 1 to [#QUERY_TOKENS_MAX] tokens.
  ///
  /// Every score is MaxSim over the tokens as they are stored, never an estimate. The documents are
  /// the true best when `params.exact()`; else most of them are.
  ///
  /// `cancelled` is asked regularly and ends the search with [ErrorCode#CANCELLED]. A search that
  /// has started outlives a close; one that comes later is refused with [ErrorCode#UNAVAILABLE].
  MultiVectorHits search(float[] query, MultiVectorParams params, BooleanSupplier cancelled);

  /// Does one piece of background work on about `documentsMax` documents at most; returns whether
  /// more waits. Hits are right without it, only slower. Nothing is left to do once closed.
  boolean work(int documentsMax);

  /// Published documents that are not indexed yet: searches look at the signs of all their tokens.
  int pending();

  /// The last publish.
  long seq();

  /// One above the largest ordinal published so far.
  int rows();

  /// Published documents that are live.
  int live();

  /// Memory held, in bytes.
  long bytes();

  /// Share of the published documents that are indexed. 1 when there are none.
  double coverage();

  /// Writer. Ends the index; its memory is given back when the last running search has left.
  @Override
  void close();
}
