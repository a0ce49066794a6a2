package io.whimbrel.core.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A growing matrix of float32 rows, off-heap.
///
/// Layout: row-major, little-endian, each row padded with zeros to a whole number of 64-byte lines;
/// `strideBytes` apart. Rows lie in chunks that double in size from 16 KiB to 32 MiB, so that a
/// small matrix is cheap, a large one wastes little, and a row never moves. The first chunk is made
/// with the first row.
///
/// One thread appends; any number of threads read. A reader may touch the rows whose count it was
/// told with a happens-before edge, for example through a volatile field of the owner. The writer
/// calls [#close] when no reader is left.
public final class VectorMatrix implements AutoCloseable {
  public static final int ROWS_MAX = Integer.MAX_VALUE - 8;

  /// How values are stored, whatever the machine.
  public static final ValueLayout.OfFloat VALUE =
      JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LINE_VALUES = Region.ALIGNMENT / Float.BYTES;
  private static final int FIRST_CHUNK_BYTES_MAX = 16 << 10;
  private static final int CHUNK_BYTES_MAX = 32 << 20;

  private final int dimension;
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

  public VectorMatrix(int dimension) {
    if (dimension < 1) {
      throw new IllegalArgumentException("dimension: " + dimension + " (expected: at least 1)");
    }
    this.dimension = dimension;
    this.strideBytes = paddedDimension(dimension) * Float.BYTES;
    this.firstShift = log2(FIRST_CHUNK_BYTES_MAX / strideBytes);
    this.lastShift = log2(CHUNK_BYTES_MAX / strideBytes);
    this.steadyRow = ((1 << (lastShift - firstShift)) - 1) << firstShift;
  }

  /// `dimension` rounded up to whole 64-byte lines.
  public static int paddedDimension(int dimension) {
    return Math.ceilDiv(dimension, LINE_VALUES) * LINE_VALUES;
  }

  private static int log2(int count) {
    return count < 2 ? 0 : 31 - Integer.numberOfLeadingZeros(count);
  }

  public int dimension() {
    return dimension;
  }

  public int paddedDimension() {
    return strideBytes / Float.BYTES;
  }

  public int strideBytes() {
    return strideBytes;
  }

  /// Rows appended so far. Writer only.
  public int rows() {
    return rows;
  }

  /// Bytes of all chunks. Writer only.
  public long bytes() {
    return bytes;
  }

  /// Appends `row` and returns its index.
  public int append(float[] row) {
    checkLength(row.length);
    int index = reserve();
    MemorySegment.copy(row, 0, segment(index), VALUE, offset(index), dimension);
    rows = index + 1;
    return index;
  }

  /// Appends the `dimension` little-endian values at the position of `row`, whose position and
  /// order do not matter and stay.
  public int append(ByteBuffer row) {
    if (row.remaining() != dimension * Float.BYTES) {
      throw new IllegalArgumentException(
          "bytes: " + row.remaining() + " (expected: " + dimension * Float.BYTES + ")");
    }
    return append(MemorySegment.ofBuffer(row), 0);
  }

  /// Appends the `dimension` little-endian values at byte `offset` of `from`, which is lent.
  public int append(MemorySegment from, long offset) {
    int index = reserve();
    MemorySegment.copy(from, offset, segment(index), offset(index), (long) dimension * Float.BYTES);
    rows = index + 1;
    return index;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("matrix: closed (expected: open)");
    }
  }

  private void checkLength(int length) {
    if (length != dimension) {
      throw new IllegalArgumentException("values: " + length + " (expected: " + dimension + ")");
    }
  }

  /// Makes room for one row and returns its index; the row does not count yet.
  private int reserve() {
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

  /// The memory that holds `row`, at byte [#offset] of it. Lent; gone when the matrix is closed.
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

  /// Copies `row` to the first `dimension` elements of `out`.
  public void copyRow(int row, float[] out) {
    MemorySegment.copy(segment(row), VALUE, offset(row), out, 0, dimension);
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
