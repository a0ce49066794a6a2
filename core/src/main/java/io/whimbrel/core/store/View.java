package io.whimbrel.core.store;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.Snapshot;

/// The store as it was at one moment; reads of several rows fit together. Used by one thread and
/// closed by it; the store cannot close before.
public final class View implements AutoCloseable {
  private final Store store;
  private final ReadOptions options;
  private final Snapshot snapshot;

  View(Store store) {
    this.store = store;
    this.snapshot = store.database().getSnapshot();
    this.options = new ReadOptions().setSnapshot(snapshot);
  }

  public Optional<byte[]> get(Table table, byte[] key) throws StorageException {
    try {
      return Optional.ofNullable(store.database().get(store.family(table), options, key));
    } catch (RocksDBException e) {
      throw new StorageException("cannot read " + table, e);
    }
  }

  /// Values in the order of `keys`; an absent row is null, in this one place where a list of
  /// `Optional` per row would cost more than the read.
  public List<byte @Nullable []> multiGet(Table table, List<byte[]> keys) throws StorageException {
    if (keys.isEmpty()) {
      return List.of();
    }
    try {
      return store
          .database()
          .multiGetAsList(options, Collections.nCopies(keys.size(), store.family(table)), keys);
    } catch (RocksDBException e) {
      throw new StorageException("cannot read " + table, e);
    }
  }

  /// Rows with `from <= key < to`, in key order.
  public Scan scan(Table table, byte[] from, byte[] to) {
    return new Scan(store, snapshot, table, from, to);
  }

  @Override
  public void close() {
    options.close();
    store.database().releaseSnapshot(snapshot);
    snapshot.close();
    store.leave();
  }
}
