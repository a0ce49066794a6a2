package io.whimbrel.bench.peers;

import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.io.IOException;
import java.util.function.IntConsumer;

/// One index: built once from all rows by one thread, then searched by any number of threads, each
/// with a searcher of its own.
interface Peer extends AutoCloseable {
  /// What to build.
  ///
  /// @param base under COSINE of unit length
  record Setup(
      FloatRows base, Metric metric, int m, int efConstruction, Storage storage, int threads) {}

  /// Adds all rows in order, so that the id of a hit is the number of its row.
  ///
  /// @param progress takes the number of rows that are in, now and then
  void build(Setup setup, IntConsumer progress) throws IOException;

  /// A searcher that is reused for all queries of one thread.
  Searcher searcher() throws IOException;

  /// Memory that the index holds, vectors included.
  ///
  /// @param heapGrowth of the used heap over the build, for an index that lives there
  long residentBytes(long heapGrowth) throws IOException;

  /// How it was set up, in a few words.
  String note();

  @Override
  void close() throws IOException;

  /// Answers one query after the other.
  interface Searcher {
    /// Puts the ids of the best `k` to `out` from `at` on; elements beyond the hits stay.
    void search(float[] query, int ef, int k, int[] out, int at) throws IOException;
  }
}
