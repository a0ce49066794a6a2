package io.whimbrel.core.store;

import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/// Rows to be written together, over all tables. Owned by one thread; close gives its native memory
/// back.
public final class Batch implements AutoCloseable {
  private final Store store;
  private final WriteBatch batch = new WriteBatch();

  Batch(Store store) {
    this.store = store;
  }

  public void put(Table table, byte[] key, byte[] value) throws StorageException {
    try {
      batch.put(store.family(table), key, value);
    } catch (RocksDBException e) {
      throw new StorageException("cannot prepare a write", e);
    }
  }

  public void delete(Table table, byte[] key) throws StorageException {
    try {
      batch.delete(store.family(table), key);
    } catch (RocksDBException e) {
      throw new StorageException("cannot prepare a write", e);
    }
  }

  public void deleteRange(Table table, byte[] from, byte[] to) throws StorageException {
    try {
      batch.deleteRange(store.family(table), from, to);
    } catch (RocksDBException e) {
      throw new StorageException("cannot prepare a write", e);
    }
  }

  public void clear() {
    batch.clear();
  }

  WriteBatch nativeBatch() {
    return batch;
  }

  @Override
  public void close() {
    batch.close();
  }
}
