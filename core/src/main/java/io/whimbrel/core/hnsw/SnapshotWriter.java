package io.whimbrel.core.hnsw;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.whimbrel.core.memory.Region;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.zip.CRC32C;

/// Writes the rows of a graph as of one publish, while the writer goes on.
///
/// The edges stand still meanwhile, and no row is retired. So a row that is visible at `seq`, or
/// linked, keeps its content; what the writer may do is to let it die later, and to fill rows that
/// were free. Both show in the row's birth and death.
final class SnapshotWriter {
  private final GraphRows rows;
  private final RowLayout layout;
  private final int count;
  private final long seq;

  /// @param count rows made by the publish of `seq`
  SnapshotWriter(GraphRows rows, int count, long seq) {
    this.rows = rows;
    this.layout = rows.layout;
    this.count = count;
    this.seq = seq;
  }

  /// @param live rows that the publish showed
  void write(FileChannel out, SnapshotHeader.Kind kind, int live) throws IOException {
    SnapshotHeader header = header(kind, live);
    ByteBuffer first = header.encode();
    long headerBytes = first.remaining();
    CRC32C all = new CRC32C();
    all.update(first.array(), first.limit() - Integer.BYTES, Integer.BYTES);
    writeFully(out, first);
    int blockRows = header.blockRows();
    try (Region region = Region.confined(header.blockBytesMax())) {
      for (int block = 0; block < header.blocks(); block++) {
        ByteBuffer buffer = buffer(region);
        int row = block * blockRows;
        fill(buffer, region.segment(), block, row, row + header.rows(block));
        finish(buffer, all);
        writeFully(out, buffer);
      }
      ByteBuffer end =
          buffer(region)
              .putInt(SnapshotHeader.END)
              .putLong(out.position() + SnapshotHeader.END_BYTES)
              .putInt((int) all.getValue());
      finish(end, all);
      writeFully(out, end);
    }
    if (out.position() != headerBytes + header.bodyBytes()) {
      throw new IllegalStateException(
          "wrote " + out.position() + " bytes (expected: " + header + ")");
    }
  }

  private static ByteBuffer buffer(Region region) {
    return region.segment().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  private SnapshotHeader header(SnapshotHeader.Kind kind, int live) {
    int whole = 0;
    int pending = 0;
    int alive = 0;
    for (int row = 0; row < count; row++) {
      switch (form(row)) {
        case SnapshotHeader.WHOLE -> {
          whole++;
          alive += row >= Entry.ROWS && rows.death(row) > seq ? 1 : 0;
        }
        case SnapshotHeader.PENDING -> {
          pending++;
          alive++;
        }
        default -> {}
      }
    }
    if (alive != live) {
      throw new IllegalStateException("live rows: " + alive + " (expected: " + live + ")");
    }
    return new SnapshotHeader(kind, seq, count, whole, pending, live);
  }

  private byte form(int row) {
    if (row < Entry.ROWS) {
      return SnapshotHeader.WHOLE;
    }
    // Birth is read last: a row that the writer takes for reuse loses its birth first.
    boolean linked = rows.isLinked(row);
    long death = rows.death(row);
    if (rows.birth(row) > seq) {
      return SnapshotHeader.FREE;
    }
    if (linked) {
      return SnapshotHeader.WHOLE;
    }
    return death > seq ? SnapshotHeader.PENDING : SnapshotHeader.FREE;
  }

  private void fill(ByteBuffer out, MemorySegment segment, int block, int from, int to) {
    out.putInt(block);
    for (int row = from; row < to; row++) {
      out.put(form(row));
    }
    int forms = Integer.BYTES - from;
    for (int row = from; row < to; row++) {
      byte form = segment.get(JAVA_BYTE, forms + row);
      if (form != SnapshotHeader.FREE) {
        put(out, segment, row, form == SnapshotHeader.WHOLE);
      }
    }
  }

  private void put(ByteBuffer out, MemorySegment segment, int row, boolean whole) {
    int at = out.position();
    int bytes = whole ? layout.rowBytes() : layout.codes(0);
    int remainderBytes = whole ? 0 : layout.remainderBytes();
    MemorySegment from = rows.segment(row);
    long offset = rows.offset(row);
    MemorySegment.copy(from, offset, segment, at, bytes);
    MemorySegment.copy(
        from, offset + layout.remainders(), segment, at + (long) bytes, remainderBytes);
    long death = rows.death(row);
    out.putInt(at + RowLayout.LOCK, 0);
    out.putInt(at + RowLayout.VERSION, 0);
    out.putInt(at + RowLayout.IN_DEGREE, 0);
    out.putInt(
        at + RowLayout.FLAGS,
        whole ? rows.flags(row) & (GraphRows.FLAG_LINKED | GraphRows.FLAG_BYPASSED) : 0);
    out.putLong(at + RowLayout.DEATH, death > seq ? GraphRows.NEVER : death);
    out.position(at + bytes + remainderBytes);
  }

  /// Adds the checksum and makes the block ready to be written.
  private static void finish(ByteBuffer block, CRC32C all) {
    CRC32C crc = new CRC32C();
    crc.update(block.duplicate().flip());
    int value = (int) crc.getValue();
    block.putInt(value);
    all.update(block.duplicate().flip().position(block.position() - Integer.BYTES));
    block.flip();
  }

  private static void writeFully(FileChannel out, ByteBuffer from) throws IOException {
    while (from.hasRemaining()) {
      int _ = out.write(from);
    }
  }
}
