package io.whimbrel.core.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/// One block of zeroed off-heap memory, aligned to 64 bytes, and the arena that owns it.
///
/// A shared region may be read and closed by any thread; a confined one only by the thread that
/// opened it, which makes it cheap enough for one call. Closing twice throws, and so does every
/// access after the close.
public final class Region implements AutoCloseable {
  /// A cache line, and the widest vector register.
  public static final int ALIGNMENT = 64;

  private static final AtomicLong BYTES_OPEN = new AtomicLong();

  private final Arena arena;
  private final MemorySegment segment;

  private Region(Arena arena, MemorySegment segment) {
    this.arena = arena;
    this.segment = segment;
    BYTES_OPEN.addAndGet(segment.byteSize());
  }

  /// Whether the system gives huge pages: its setting, for an operator.
  public static String hugePages() {
    return HugePages.describe();
  }

  /// A region for many threads and a long life. From 2 MiB on it lies in huge pages where the
  /// system gives them, and takes memory only as it is touched.
  @SuppressWarnings("MustBeClosedChecker") // The region is the owner.
  public static Region shared(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      return new Region(
          arena, HugePages.map(bytes, arena).orElseGet(() -> arena.allocate(bytes, ALIGNMENT)));
    } catch (Throwable failed) {
      arena.close();
      throw failed;
    }
  }

  /// A region for one thread and one call.
  @SuppressWarnings("MustBeClosedChecker") // The region is the owner.
  public static Region confined(long bytes) {
    Arena arena = Arena.ofConfined();
    try {
      return new Region(arena, arena.allocate(bytes, ALIGNMENT));
    } catch (Throwable failed) {
      arena.close();
      throw failed;
    }
  }

  /// Bytes of all regions of this process that are not closed yet.
  public static long bytesOpen() {
    return BYTES_OPEN.get();
  }

  /// The memory, lent until the region is closed.
  public MemorySegment segment() {
    return segment;
  }

  public long bytes() {
    return segment.byteSize();
  }

  @Override
  public void close() {
    arena.close();
    BYTES_OPEN.addAndGet(-segment.byteSize());
  }
}
