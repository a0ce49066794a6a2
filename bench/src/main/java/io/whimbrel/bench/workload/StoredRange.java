package io.whimbrel.bench.workload;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.Range;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.SizeApproximationFlag;
import org.rocksdb.Slice;

/// The rows of one version of the only collection's only field, as they lie in a store that a
/// server has open. Keys are those of the package `core.store`.
final class StoredRange {
  private static final String VECTORS = "vectors";

  /// Files that the server deletes while they are opened here make opening fail.
  private static final int ATTEMPTS_MAX = 20;

  /// Of a key of `VECTORS`: collection(4) field(2) version(4) internal id(8).
  private static final int PREFIX = 10;

  private static final int VERSION_AT = 6;

  private final byte[] from;
  private final byte[] to;

  private StoredRange(byte[] from, byte[] to) {
    this.from = from;
    this.to = to;
  }

  /// The rows of the lowest version.
  static StoredRange ofLowestVersion(Path store, Path scratch) throws IOException {
    return read(
        store,
        scratch,
        (database, family) -> {
          try (RocksIterator rows = database.newIterator(family)) {
            rows.seekToFirst();
            if (!rows.isValid()) {
              throw new IOException("the store has no vectors");
            }
            byte[] from = ByteBuffer.allocate(PREFIX).put(rows.key(), 0, PREFIX).array();
            ByteBuffer to = ByteBuffer.wrap(from.clone());
            to.putInt(VERSION_AT, to.getInt(VERSION_AT) + 1);
            return new StoredRange(from, to.array());
          }
        });
  }

  /// Bytes of keys and values of the rows that are there; reads them all. Vectors are not
  /// compressed, so it is what they take on disk.
  long rowBytes(Path store, Path scratch) throws IOException {
    return read(
        store,
        scratch,
        (database, family) -> {
          long bytes = 0;
          try (RocksIterator rows = database.newIterator(family)) {
            rows.seek(from);
            while (rows.isValid() && Arrays.compareUnsigned(rows.key(), to) < 0) {
              bytes += rows.key().length + rows.value().length;
              rows.next();
            }
            rows.status();
          }
          return bytes;
        });
  }

  /// Bytes that removed rows take too until their tables and logs are gone. An estimate of RocksDB:
  /// good to a few percent for tables, to a quarter for the log. Takes as long as reading the log
  /// does.
  long bytes(Path store, Path scratch) throws IOException {
    return read(
        store,
        scratch,
        (database, family) -> {
          try (Slice first = new Slice(from);
              Slice end = new Slice(to)) {
            return database
                .getApproximateSizes(
                    family,
                    List.of(new Range(first, end)),
                    SizeApproximationFlag.INCLUDE_FILES,
                    SizeApproximationFlag.INCLUDE_MEMTABLES)[0];
          }
        });
  }

  /// What is asked of an open store.
  private interface Question<T> {
    T ask(RocksDB database, ColumnFamilyHandle vectors) throws IOException, RocksDBException;
  }

  /// @param scratch where RocksDB writes its messages; beside the store it would move the server's
  private static <T> T read(Path store, Path scratch, Question<T> question) throws IOException {
    RocksDB.loadLibrary();
    for (int attempt = 1; ; attempt++) {
      try {
        return readOnce(store, scratch, question);
      } catch (RocksDBException e) {
        if (attempt == ATTEMPTS_MAX) {
          throw new IOException("RocksDB: " + e.getMessage(), e);
        }
      }
    }
  }

  private static <T> T readOnce(Path store, Path scratch, Question<T> question)
      throws IOException, RocksDBException {
    try (Options listing = new Options();
        DBOptions options = new DBOptions().setDbLogDir(scratch.toString())) {
      List<ColumnFamilyDescriptor> families = new ArrayList<>();
      for (byte[] name : RocksDB.listColumnFamilies(listing, store.toString())) {
        families.add(new ColumnFamilyDescriptor(name));
      }
      List<ColumnFamilyHandle> handles = new ArrayList<>();
      try (RocksDB database = RocksDB.openReadOnly(options, store.toString(), families, handles)) {
        try {
          return question.ask(database, vectors(handles));
        } finally {
          handles.forEach(ColumnFamilyHandle::close);
        }
      }
    }
  }

  private static ColumnFamilyHandle vectors(List<ColumnFamilyHandle> handles)
      throws IOException, RocksDBException {
    for (ColumnFamilyHandle handle : handles) {
      if (new String(handle.getName(), StandardCharsets.UTF_8).equals(VECTORS)) {
        return handle;
      }
    }
    throw new IOException("the store has no table of vectors");
  }
}
