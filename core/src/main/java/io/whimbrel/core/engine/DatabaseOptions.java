package io.whimbrel.core.engine;

import io.whimbrel.core.model.Limits;
import java.time.Duration;
import java.time.InstantSource;

/// Options of an embedded database; none is stored on disk, all take effect at open.
///
/// @param acceptDataLoss open although acknowledged writes are missing from the data directory;
///   default false
/// @param writeQueueBytesMax bytes of writes that may wait for the store before writers are held
///   back; default 64 MiB
/// @param writeWaitMax how long a writer is held back before it is refused with OVERLOADED; default
///   10 s
/// @param asyncFlush longest time until an ASYNC write is on stable storage; default 500 ms
/// @param blockCacheBytes memory for blocks of the store; default 128 MiB
/// @param indexThreads threads that move new vectors into graphs, 1 or more; default half the
///   processors
/// @param clock by which points expire; default the system's
public record DatabaseOptions(
    boolean acceptDataLoss,
    long writeQueueBytesMax,
    Duration writeWaitMax,
    Duration asyncFlush,
    long blockCacheBytes,
    int indexThreads,
    InstantSource clock) {
  private static final int INDEX_THREADS_MAX = 1024;

  public static final DatabaseOptions DEFAULT =
      new DatabaseOptions(
          false,
          64L << 20,
          Duration.ofSeconds(10),
          Duration.ofMillis(500),
          128L << 20,
          Math.max(1, Runtime.getRuntime().availableProcessors() / 2));

  /// With the system's clock.
  public DatabaseOptions(
      boolean acceptDataLoss,
      long writeQueueBytesMax,
      Duration writeWaitMax,
      Duration asyncFlush,
      long blockCacheBytes,
      int indexThreads) {
    this(
        acceptDataLoss,
        writeQueueBytesMax,
        writeWaitMax,
        asyncFlush,
        blockCacheBytes,
        indexThreads,
        InstantSource.system());
  }

  public DatabaseOptions withClock(InstantSource newClock) {
    return new DatabaseOptions(
        acceptDataLoss,
        writeQueueBytesMax,
        writeWaitMax,
        asyncFlush,
        blockCacheBytes,
        indexThreads,
        newClock);
  }

  public DatabaseOptions {
    Limits.checkRange("index_threads", indexThreads, 1, INDEX_THREADS_MAX);
  }
}
