package io.whimbrel.bench.workload;

import io.whimbrel.bench.dataset.Rows;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.rocksdb.CompressionType;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/// What the disk and RocksDB give without a database around them: the same rows as plain values
/// under ascending 8-byte keys, with a write-ahead log.
final class RocksBaseline {
  static final int BATCH_ROWS = 1_000;

  private RocksBaseline() {}

  /// Writes all rows and returns the seconds until they are on stable storage: after each batch
  /// with `sync`, otherwise at the end.
  static double write(Path directory, Rows rows, boolean sync, LongConsumer progress)
      throws IOException {
    RocksDB.loadLibrary();
    // As the server keeps its vectors: they do not compress.
    try (Options options =
            new Options()
                .setCreateIfMissing(true)
                .setCompressionType(CompressionType.NO_COMPRESSION);
        RocksDB database = RocksDB.open(options, directory.toString());
        WriteOptions write = new WriteOptions().setSync(sync);
        WriteBatch batch = new WriteBatch()) {
      ByteBuffer key = ByteBuffer.allocate(Long.BYTES);
      ByteBuffer value =
          ByteBuffer.allocate(rows.dimension() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      long started = System.nanoTime();
      for (long row = 0; row < rows.count(); row++) {
        key.putLong(0, row);
        value.asFloatBuffer().put(rows.row(row));
        batch.put(key.array(), value.array());
        if (batch.count() == BATCH_ROWS || row == rows.count() - 1) {
          database.write(write, batch);
          batch.clear();
          progress.accept(row + 1);
        }
      }
      database.syncWal();
      return (System.nanoTime() - started) / 1e9;
    } catch (RocksDBException e) {
      throw new IOException("RocksDB: " + e.getMessage(), e);
    }
  }
}
