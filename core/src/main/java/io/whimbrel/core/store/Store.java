package io.whimbrel.core.store;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.BackgroundErrorReason;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ChecksumType;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBufferManager;
import org.rocksdb.WriteOptions;

/// One RocksDB with the fixed tables. Safe for any number of threads; writes come from the
/// sequencer alone, apart from the removal of dropped ranges.
///
/// Options differ from RocksDB's defaults where those lose acknowledged writes without notice:
/// damaged logs are refused (`kTolerateCorruptedTailRecords` with `track_and_verify_wals`), and no
/// memory of a closed store is ever touched, since every access holds a share of the guard that
/// `close` waits for.
public final class Store implements AutoCloseable {
  /// Format 2 has the table of migrations; records say their own format, and older ones are read.
  private static final int FORMAT = 2;

  private static final long WAL_BYTES_MAX = 256L << 20;
  private static final long WRITE_BUFFER_BYTES = 64L << 20;
  private static final long WRITE_BUFFERS_BYTES_MAX = 384L << 20;
  private static final int LOG_FILES_MAX = 10;

  private final Path directory;
  private final ReentrantReadWriteLock guard = new ReentrantReadWriteLock();
  private final Deque<AutoCloseable> closeables = new ArrayDeque<>();
  private final Map<Table, ColumnFamilyHandle> families = new EnumMap<>(Table.class);
  private final RocksDB database;
  private final WriteOptions syncWrite;
  private final WriteOptions asyncWrite;
  private boolean closed;

  /// Written by threads of RocksDB.
  private volatile String backgroundError = "";

  static {
    RocksDB.loadLibrary();
  }

  private Store(Path directory, long blockCacheBytes, boolean acceptDataLoss)
      throws StorageException {
    this.directory = directory;
    try {
      Cache cache = own(new LRUCache(blockCacheBytes));
      List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
      for (Table table : Table.values()) {
        descriptors.add(
            new ColumnFamilyDescriptor(
                table.familyName().getBytes(StandardCharsets.UTF_8), familyOptions(table, cache)));
      }
      List<ColumnFamilyHandle> handles = new ArrayList<>();
      DBOptions options = databaseOptions(cache, acceptDataLoss);
      this.database = own(RocksDB.open(options, directory.toString(), descriptors, handles));
      for (Table table : Table.values()) {
        families.put(table, own(handles.get(table.ordinal())));
      }
      this.syncWrite = own(new WriteOptions().setSync(true));
      this.asyncWrite = own(new WriteOptions().setSync(false));
    } catch (RocksDBException e) {
      closeAll();
      throw new StorageException(
          "cannot open the store in "
              + directory
              + "; if another process has it open, stop that one; if files are damaged, restore a"
              + " backup or accept the loss of what is behind the damage with accept-data-loss",
          e);
    }
  }

  /// Opens or makes the store. `acceptDataLoss` reads damaged logs up to the damage instead of
  /// refusing them.
  public static Store open(Path directory, long blockCacheBytes, boolean acceptDataLoss)
      throws StorageException {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new StorageException("cannot make " + directory, e);
    }
    Store store = new Store(directory, blockCacheBytes, acceptDataLoss);
    try {
      store.checkFormat();
      return store;
    } catch (StorageException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  private void checkFormat() throws StorageException {
    Optional<byte[]> format;
    try (View view = view()) {
      format = view.get(Table.SYSTEM, Keys.FORMAT);
    }
    if (format.isPresent()) {
      int found = new RecordReader(format.get()).u8();
      Records.checkFormat("database", found, FORMAT);
      if (found == FORMAT) {
        return;
      }
    }
    try (Batch batch = batch()) {
      batch.put(Table.SYSTEM, Keys.FORMAT, new RecordWriter().u8(FORMAT).toBytes());
      write(batch, true);
    }
  }

  private DBOptions databaseOptions(Cache cache, boolean acceptDataLoss) throws StorageException {
    Properties properties = new Properties();
    // No setter in the Java API; without it a deleted log opens as an empty database.
    properties.setProperty("track_and_verify_wals", Boolean.toString(!acceptDataLoss));
    DBOptions options = DBOptions.getDBOptionsFromProps(properties);
    if (options == null) {
      throw new StorageException("RocksDB does not know track_and_verify_wals");
    }
    return own(options)
        .setCreateIfMissing(true)
        .setCreateMissingColumnFamilies(true)
        .setWalRecoveryMode(
            acceptDataLoss
                ? WALRecoveryMode.PointInTimeRecovery
                : WALRecoveryMode.TolerateCorruptedTailRecords)
        .setRecycleLogFileNum(0)
        .setMaxTotalWalSize(WAL_BYTES_MAX)
        .setParanoidChecks(true)
        .setMaxOpenFiles(-1)
        .setMaxBackgroundJobs(Math.max(2, Runtime.getRuntime().availableProcessors()))
        .setBytesPerSync(1 << 20)
        .setAvoidFlushDuringShutdown(false)
        .setKeepLogFileNum(LOG_FILES_MAX)
        .setWriteBufferManager(own(new WriteBufferManager(WRITE_BUFFERS_BYTES_MAX, cache)))
        .setListeners(List.of(own(new BackgroundErrors())));
  }

  private ColumnFamilyOptions familyOptions(Table table, Cache cache) {
    BlockBasedTableConfig blocks =
        new BlockBasedTableConfig()
            .setFormatVersion(6)
            .setChecksumType(ChecksumType.kXXH3)
            .setBlockCache(cache)
            .setCacheIndexAndFilterBlocks(true);
    ColumnFamilyOptions options =
        own(new ColumnFamilyOptions())
            .setLevelCompactionDynamicLevelBytes(true)
            .setWriteBufferSize(WRITE_BUFFER_BYTES)
            .setMaxWriteBufferNumber(3);
    if (table == Table.VECTORS) {
      // Scanned whole or read by known key; float vectors do not compress.
      blocks.setBlockSize(32 << 10);
      options.setTargetFileSizeBase(128 << 20).setCompressionType(CompressionType.NO_COMPRESSION);
    } else {
      blocks.setBlockSize(8 << 10).setFilterPolicy(own(new BloomFilter(10)));
      options.setCompressionType(CompressionType.LZ4_COMPRESSION);
    }
    return options.setTableFormatConfig(blocks);
  }

  /// Rows to be filled and written; the caller closes it.
  public Batch batch() {
    return new Batch(this);
  }

  /// Writes all rows of `batch` as one step. With `sync` it returns after they are on stable
  /// storage. After an exception the rows may or may not be there.
  public void write(Batch batch, boolean sync) throws StorageException {
    enter();
    try {
      database.write(sync ? syncWrite : asyncWrite, batch.nativeBatch());
    } catch (RocksDBException e) {
      throw new StorageException("cannot write", e);
    } finally {
      leave();
    }
  }

  /// Brings every write so far to stable storage.
  public void sync() throws StorageException {
    enter();
    try {
      database.syncWal();
    } catch (RocksDBException e) {
      throw new StorageException("cannot sync", e);
    } finally {
      leave();
    }
  }

  /// The store as it is now. The caller closes the view, in the same thread.
  public View view() throws StorageException {
    enter();
    return new View(this);
  }

  /// Removes the rows `from <= key < to` and gives their space back. Can be repeated after a crash.
  public void removeRange(Table table, byte[] from, byte[] to) throws StorageException {
    enter();
    try {
      ColumnFamilyHandle family = family(table);
      database.deleteFilesInRanges(family, List.of(from, to), false);
      database.deleteRange(family, syncWrite, from, to);
      database.compactRange(family, from, to);
    } catch (RocksDBException e) {
      throw new StorageException("cannot remove a range of " + table, e);
    } finally {
      leave();
    }
  }

  /// Writes every table's memory to its files, so that logs of what has been removed since go away.
  public void flush() throws StorageException {
    enter();
    try (FlushOptions options = new FlushOptions().setWaitForFlush(true)) {
      database.flush(options, List.copyOf(families.values()));
    } catch (RocksDBException e) {
      throw new StorageException("cannot flush", e);
    } finally {
      leave();
    }
  }

  /// Bytes of all files of the store.
  public long diskBytes() throws StorageException {
    // RocksDB keeps one flat directory; files come and go while compaction runs, and a vanished one
    // has no length.
    File[] files = directory.toFile().listFiles();
    if (files == null) {
      throw new StorageException("cannot list " + directory);
    }
    return Arrays.stream(files).mapToLong(File::length).sum();
  }

  /// Bytes that the file system of the store has free.
  public long freeBytes() {
    return directory.toFile().getUsableSpace();
  }

  /// Why a flush or compaction failed; empty while none did.
  public String backgroundError() {
    return backgroundError;
  }

  ColumnFamilyHandle family(Table table) {
    return Objects.requireNonNull(families.get(table));
  }

  RocksDB database() {
    return database;
  }

  private void enter() throws StorageException {
    guard.readLock().lock();
    if (closed) {
      guard.readLock().unlock();
      throw new StorageException("the store is closed");
    }
  }

  void leave() {
    guard.readLock().unlock();
  }

  /// Waits for running calls and views, then closes. Once only.
  @Override
  public void close() {
    guard.writeLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("the store is closed twice");
      }
      closed = true;
      database.cancelAllBackgroundWork(true);
      closeAll();
    } finally {
      guard.writeLock().unlock();
    }
  }

  private <T extends AutoCloseable> T own(T closeable) {
    closeables.push(closeable);
    return closeable;
  }

  private void closeAll() {
    while (!closeables.isEmpty()) {
      try {
        closeables.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("closing native memory failed", e);
      }
    }
  }

  private final class BackgroundErrors extends AbstractEventListener {
    BackgroundErrors() {
      super(EnabledEventCallback.ON_BACKGROUND_ERROR);
    }

    @Override
    public void onBackgroundError(BackgroundErrorReason reason, @Nullable Status status) {
      backgroundError = reason + ": " + (status == null ? "unknown" : status.getCodeString());
    }
  }
}
