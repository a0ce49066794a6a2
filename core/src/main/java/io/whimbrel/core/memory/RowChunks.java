package io.whimbrel.core.memory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A growing number of rows of one size, off-heap and zeroed.
///
/// Rows lie `strideBytes` apart in chunks that double in size from 16 KiB to 32 MiB, so that few
/// rows are cheap, many waste little of their huge pages, and a row never moves. A chunk starts on
/// a 64-byte line. The first chunk is made with the first row.
///
/// One thread appends; any number of threads read. A reader may touch the rows whose count it was
/// told with a happens-before edge, for example through a volatile field of the owner. The writer
/// calls [#close] when no reader is left.
public final class RowChunks implements AutoCloseable {
  public static final int ROWS_MAX = Integer.MAX_VALUE - 8;

  private static final int FIRST_CHUNK_BYTES_MAX = 16 << 10;
  private static final int CHUNK_BYTES_MAX = 32 << 20;

  private final int strideBytes;

  /// The first chunk holds `1 << firstShift` rows, each next one twice as many, up to `1 <<
  /// lastShift`.
  private final int firstShift;

  private final int lastShift;

  /// First row of the first chunk of the largest size.
  private final int steadyRow;

  private final List<Region> regions = new ArrayList<>();
  private int rows;
  private long bytes;
  private boolean closed;

  /// Replaced, never changed, when a chunk is added: written by the writer, read by all.
  private volatile MemorySegment[] chunks = {};

  public RowChunks(int strideBytes) {
    if (strideBytes < 1) {
      throw new IllegalArgumentException("strideBytes: " + strideBytes + " (expected: at least 1)");
    }
    this.strideBytes = strideBytes;
    this.firstShift = log2(FIRST_CHUNK_BYTES_MAX / strideBytes);
    this.lastShift = log2(CHUNK_BYTES_MAX / strideBytes);
    this.steadyRow = ((1 << (lastShift - firstShift)) - 1) << firstShift;
  }

  private static int log2(int count) {
    return count < 2 ? 0 : 31 - Integer.numberOfLeadingZeros(count);
  }

  public int strideBytes() {
    return strideBytes;
  }

  /// Rows so far. Writer only.
  public int rows() {
    return rows;
  }

  /// Bytes of all chunks, of the last one up to the huge page that its last row begins in: the rest
  /// takes no memory before it is touched. Writer only.
  public long bytes() {
    if (regions.isEmpty()) {
      return 0;
    }
    long last = regions.getLast().bytes();
    if (last < HugePages.PAGE_BYTES) {
      return bytes;
    }
    int inLast = Math.max(1, rows - firstRow(regions.size() - 1));
    long touched =
        Math.ceilDiv((long) inLast * strideBytes, HugePages.PAGE_BYTES) * HugePages.PAGE_BYTES;
    return bytes - last + Math.min(last, touched);
  }

  /// Makes room for one row and returns its index. The row counts from [#commit] on; without it the
  /// next call gives the same room again. Writer only.
  public int reserve() {
    checkOpen();
    int index = rows;
    if (index == ROWS_MAX) {
      throw new IllegalStateException("rows: " + index + " (expected: fewer)");
    }
    int chunk = chunk(index);
    if (chunk == chunks.length) {
      int shift = Math.min(firstShift + chunk, lastShift);
      Region region = Region.shared((long) strideBytes << shift);
      regions.add(region);
      bytes += region.bytes();
      MemorySegment[] more = Arrays.copyOf(chunks, chunk + 1);
      more[chunk] = region.segment();
      chunks = more;
    }
    return index;
  }

  /// Counts the row that was reserved last. Writer only.
  public void commit() {
    rows++;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("rows: closed (expected: open)");
    }
  }

  /// The memory that holds `row`, at byte [#offset] of it. Lent; gone when this is closed.
  public MemorySegment segment(int row) {
    return chunks[chunk(row)];
  }

  public long offset(int row) {
    return (long) (row - firstRow(chunk(row))) * strideBytes;
  }

  /// How many rows lie one after the other in [#segment], from `row` on, with or without content.
  public int contiguous(int row) {
    int chunk = chunk(row);
    int capacity = 1 << Math.min(firstShift + chunk, lastShift);
    return capacity - (row - firstRow(chunk));
  }

  private int chunk(int row) {
    if (row < steadyRow) {
      return log2((row >> firstShift) + 1);
    }
    return lastShift - firstShift + ((row - steadyRow) >> lastShift);
  }

  private int firstRow(int chunk) {
    int doublings = lastShift - firstShift;
    return chunk <= doublings
        ? ((1 << chunk) - 1) << firstShift
        : steadyRow + ((chunk - doublings) << lastShift);
  }

  @Override
  public void close() {
    checkOpen();
    closed = true;
    regions.forEach(Region::close);
    regions.clear();
    chunks = new MemorySegment[0];
  }
}
