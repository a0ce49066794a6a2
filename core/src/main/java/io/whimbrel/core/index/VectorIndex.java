package io.whimbrel.core.index;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/// The vectors of one version, searchable by nearness.
///
/// Methods marked *writer* are called by one thread at a time, with a happens-before edge between
/// callers; all others by any thread at any time. Nothing a writer does is seen by a search before
/// [#publish].
///
/// Every vector carries a label of the caller's choice, which comes back with a hit. Labels are not
/// looked at, so that ordinals can be reused while a reader needs no table to translate them.
public interface VectorIndex extends AutoCloseable {
  int dimension();

  Metric metric();

  /// Writer. Takes a vector and returns its ordinal, which may have been that of a removed one.
  /// Under COSINE it is stored at unit length. Refuses a wrong dimension, values that are not
  /// finite and, under COSINE, a zero vector; nothing is changed then.
  int add(float[] vector, long label);

  /// Writer. The same from the remaining bytes of `vector`, little-endian float32; its position
  /// stays.
  int add(ByteBuffer vector, long label);

  /// Writer. Hides a live row from searches of a snapshot of `seq` or later; `seq` must be later
  /// than the last publish.
  void remove(int ordinal, long seq);

  /// Writer. Gives each row that the last publish shows to `each`, in order of ordinals.
  void forEachLive(LiveRow each);

  /// Takes a row that searches see.
  @FunctionalInterface
  interface LiveRow {
    void accept(long label, int ordinal);
  }

  /// Writer. Shows every add and remove so far to the searches that start from now on, all at once.
  void publish(long seq);

  /// The rows of the last publish, held still until the reader is closed. Refused with
  /// [ErrorCode#UNAVAILABLE] once the index is closed; a reader that was opened before outlives it.
  Reader reader();

  /// One publish, for one thread at a time. While it is open no row that it shows is used again.
  interface Reader extends AutoCloseable {
    /// The best live and accepted rows, at most `params.k()`, each with a score of at least
    /// `params.scoreThreshold()`.
    ///
    /// An exact index, and every index when `params.exact()`, finds the true best. Others find most
    /// of them, more with a larger `ef`; they too give `k` hits when `k` rows are live and accepted
    /// and no threshold cuts them off. Every score is that of the stored row, never an estimate.
    ///
    /// `cancelled` is asked regularly and ends the search with [ErrorCode#CANCELLED].
    TopK search(float[] query, SearchParams params, BooleanSupplier cancelled);

    /// Whether [#searchPrefix] works.
    default boolean searchesPrefixes() {
      return false;
    }

    /// The best live and accepted rows by the first `dims` values of row and query, each scaled to
    /// unit length under COSINE: every such row is compared, of which so much is read. `query` is a
    /// whole one. Otherwise as [#search].
    default TopK searchPrefix(
        float[] query, int dims, SearchParams params, BooleanSupplier cancelled) {
      throw new UnsupportedOperationException("an index that keeps no prefixes");
    }

    /// Whether a search with these parameters compares every accepted row.
    boolean scans(SearchParams params);

    /// Whether the row was added after this publish, so that what this publish shows of its point
    /// is an earlier row.
    boolean isLater(int ordinal);

    /// Rows that are live.
    int live();

    /// The publish.
    long seq();

    @Override
    void close();
  }

  /// [Reader#search] on the last publish.
  default TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
    try (Reader reader = reader()) {
      return reader.search(query, params, cancelled);
    }
  }

  /// Does one piece of background work, such as linking pending rows into a graph or mending it
  /// after removes, on about `rowsMax` rows at most; returns whether more waits. Several threads
  /// may work at once. Hits are right without it, only slower. Nothing is left to do once closed.
  boolean work(int rowsMax);

  /// Labels of live rows that no search but an exact one can find, after the index has mended what
  /// it can. One that scans has none; a graph looks at every edge, holding its work up meanwhile.
  default long[] unreachable() {
    return new long[0];
  }

  /// Published live rows that each search scans, since they are not indexed yet.
  int pending();

  /// The last publish.
  long seq();

  /// One above the largest ordinal published so far.
  int rows();

  /// Published rows that are live.
  int live();

  /// Memory held, in bytes.
  long bytes();

  /// Share of the live rows that are indexed; searches scan the rest. 1 when there are none.
  double coverage();

  /// Writer. Ends the index; its memory is given back when the last running search has left.
  @Override
  void close();
}
