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
public interface VectorIndex extends AutoCloseable {
  int dimension();

  Metric metric();

  /// Writer. Takes a vector and returns its ordinal: 0, 1, 2 and so on. Under COSINE it is stored
  /// at unit length. Refuses a wrong dimension, values that are not finite and, under COSINE, a
  /// zero vector; nothing is changed then.
  int add(float[] vector);

  /// Writer. The same from the remaining bytes of `vector`, little-endian float32; its position
  /// stays.
  int add(ByteBuffer vector);

  /// Writer. Takes a row as [#copyRow] gave it, without touching its values.
  int addStored(float[] row);

  /// Writer. Hides a live row from searches of a snapshot of `seq` or later; `seq` must be later
  /// than the last publish.
  void remove(int ordinal, long seq);

  /// Writer. Shows every add and remove so far to the searches that start from now on, all at once.
  void publish(long seq);

  /// Writer. Whether the row was added and not removed, published or not.
  boolean isLive(int ordinal);

  /// Writer. Copies a row as it is stored to the first `dimension` elements of `out`.
  void copyRow(int ordinal, float[] out);

  /// The best `k` live rows of the last publish, fewer only when fewer reach `scoreThreshold`
  /// (negative infinity: all do).
  ///
  /// `cancelled` is asked regularly and ends the search with [ErrorCode#CANCELLED]. A search that
  /// has started outlives a close; one that comes later is refused with [ErrorCode#UNAVAILABLE].
  TopK search(float[] query, int k, double scoreThreshold, BooleanSupplier cancelled);

  /// Published rows, dead ones included.
  int rows();

  /// Published rows that are live.
  int live();

  /// Memory held, in bytes.
  long bytes();

  /// Share of the live rows that are indexed; searches scan the rest.
  double coverage();

  /// Writer. Ends the index; its memory is given back when the last running search has left.
  @Override
  void close();
}
