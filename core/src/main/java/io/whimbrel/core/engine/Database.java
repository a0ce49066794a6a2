package io.whimbrel.core.engine;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.DatabaseStatus;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/// The embeddable database: one data directory, any number of collections.
///
/// Safe for any number of threads. Refusals are `WhimbrelException`s.
public abstract class Database implements AutoCloseable {
  /// Opens or makes the database in `directory`. Fails with DATA_LOSS when acknowledged writes are missing.
  public static Database open(Path directory, DatabaseOptions options) throws IOException {
    throw new UnsupportedOperationException();
  }

  public abstract CollectionInfo createCollection(CollectionSpec spec);

  public abstract CollectionInfo describe(String collection);

  public abstract List<CollectionInfo> collections();

  /// Returns the number of points that were in it.
  public abstract long deleteCollection(String collection);

  /// Submits a write. Holds the caller back while the write queue is full, then refuses with OVERLOADED.
  /// The future completes once the write is as durable as asked and visible; it fails with a `WhimbrelException`.
  public abstract CompletableFuture<WriteResult> write(
      String collection, Mutation mutation, WriteOptions options);

  /// Points in the order of `ids`; absent ones are left out.
  public abstract List<Point> get(String collection, List<PointId> ids, ReadOptions read);

  /// A page of up to `limit` points in id order; `cursor` is empty or from the page before.
  public abstract Page scroll(String collection, byte[] cursor, int limit, ReadOptions read);

  public abstract long count(String collection, long minSeq);

  /// Runs in the caller's thread; `cancelled` is asked regularly and ends the search with CANCELLED.
  public abstract SearchResult search(
      String collection, SearchRequest request, BooleanSupplier cancelled);

  public abstract DatabaseStatus status();

  /// Sequence number of the last visible write.
  public abstract long seq();

  /// Returns the sequence number up to which everything is on stable storage.
  public abstract long flush();

  /// Finishes waiting writes, then closes. Later calls are refused with UNAVAILABLE.
  @Override
  public abstract void close();
}
