package io.whimbrel.core.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A growing matrix of float32 rows, off-heap.
///
/// Layout: row-major, little-endian, each row padded with zeros to a whole number of 64-byte lines;
/// `strideBytes` apart. Where rows lie and which thread may do what: [RowChunks].
public final class VectorMatrix implements AutoCloseable {
  /// How values are stored, whatever the machine.
  public static final ValueLayout.OfFloat VALUE =
      JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LINE_VALUES = Region.ALIGNMENT / Float.BYTES;

  private final int dimension;
  private final RowChunks chunks;

  public VectorMatrix(int dimension) {
    if (dimension < 1) {
      throw new IllegalArgumentException("dimension: " + dimension + " (expected: at least 1)");
    }
    this.dimension = dimension;
    this.chunks = new RowChunks(paddedDimension(dimension) * Float.BYTES);
  }

  /// `dimension` rounded up to whole 64-byte lines.
  public static int paddedDimension(int dimension) {
    return Math.ceilDiv(dimension, LINE_VALUES) * LINE_VALUES;
  }

  public int dimension() {
    return dimension;
  }

  public int paddedDimension() {
    return strideBytes() / Float.BYTES;
  }

  public int strideBytes() {
    return chunks.strideBytes();
  }

  /// Rows appended so far. Writer only.
  public int rows() {
    return chunks.rows();
  }

  /// Bytes of all chunks. Writer only.
  public long bytes() {
    return chunks.bytes();
  }

  /// Appends `row` and returns its index.
  public int append(float[] row) {
    checkLength(row.length);
    int index = chunks.reserve();
    MemorySegment.copy(row, 0, segment(index), VALUE, offset(index), dimension);
    chunks.commit();
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
    int index = chunks.reserve();
    MemorySegment.copy(from, offset, segment(index), offset(index), (long) dimension * Float.BYTES);
    chunks.commit();
    return index;
  }

  private void checkLength(int length) {
    if (length != dimension) {
      throw new IllegalArgumentException("values: " + length + " (expected: " + dimension + ")");
    }
  }

  /// The memory that holds `row`, at byte [#offset] of it. Lent; gone when the matrix is closed.
  public MemorySegment segment(int row) {
    return chunks.segment(row);
  }

  public long offset(int row) {
    return chunks.offset(row);
  }

  /// How many rows lie one after the other in [#segment], from `row` on, with or without content.
  public int contiguous(int row) {
    return chunks.contiguous(row);
  }

  /// Copies `row` to the first `dimension` elements of `out`.
  public void copyRow(int row, float[] out) {
    MemorySegment.copy(segment(row), VALUE, offset(row), out, 0, dimension);
  }

  @Override
  public void close() {
    chunks.close();
  }
}
