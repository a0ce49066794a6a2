package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Snapshot;

/// An ordered walk over rows of one table. `advance()` moves to the next row and tells whether
/// there is one; `key()` and `value()` are views of reused buffers, good until the next
/// `advance()`.
public final class Scan implements AutoCloseable {
  /// Longer than any key: an id of 512 bytes behind its prefix.
  private static final int KEY_BYTES_MAX = 1024;

  private final Table table;
  private final Slice end;
  private final ReadOptions options;
  private final RocksIterator rows;
  private ByteBuffer key = ByteBuffer.allocateDirect(KEY_BYTES_MAX);
  private ByteBuffer value = ByteBuffer.allocateDirect(4096);
  private boolean started;

  Scan(Store store, Snapshot snapshot, Table table, byte[] from, byte[] to) {
    this.table = table;
    this.end = new Slice(to);
    // A long scan must not push the working set out of the cache.
    this.options =
        new ReadOptions()
            .setSnapshot(snapshot)
            .setIterateUpperBound(end)
            .setFillCache(false)
            .setVerifyChecksums(true)
            .setReadaheadSize(4 << 20);
    this.rows = store.database().newIterator(store.family(table), options);
    rows.seek(from);
  }

  public boolean advance() throws StorageException {
    if (started) {
      rows.next();
    }
    started = true;
    if (rows.isValid()) {
      return true;
    }
    try {
      rows.status();
      return false;
    } catch (RocksDBException e) {
      throw new StorageException("cannot read " + table, e);
    }
  }

  public ByteBuffer key() {
    key.clear();
    int size = rows.key(key);
    // The buffer is filled without notice when it is too short.
    if (size > key.capacity()) {
      key = ByteBuffer.allocateDirect(size);
      size = rows.key(key);
    }
    return key.limit(size).position(0);
  }

  public ByteBuffer value() {
    value.clear();
    int size = rows.value(value);
    if (size > value.capacity()) {
      value = ByteBuffer.allocateDirect(size);
      size = rows.value(value);
    }
    return value.order(ByteOrder.BIG_ENDIAN).limit(size).position(0);
  }

  public byte[] keyBytes() {
    return rows.key();
  }

  public byte[] valueBytes() {
    return rows.value();
  }

  @Override
  public void close() {
    rows.close();
    options.close();
    end.close();
  }
}
