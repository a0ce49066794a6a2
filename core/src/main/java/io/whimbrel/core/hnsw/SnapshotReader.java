package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.zip.CRC32C;

/// Reads a snapshot into the rows of a new graph and checks all of it: lengths, checksums, counts,
/// states and edges. Nothing is allocated by a number that the file's length does not bear out.
final class SnapshotReader implements AutoCloseable {
  private final Path file;
  private final FileChannel in;
  private final GraphRows rows;
  private final RowLayout layout;
  private final CRC32C all = new CRC32C();
  private final BitSet linked = new BitSet();
  private int pending;
  private int live;

  /// @param rows with nothing but the entries
  SnapshotReader(Path file, GraphRows rows) throws IOException {
    this.file = file;
    this.in = FileChannel.open(file, StandardOpenOption.READ);
    this.rows = rows;
    this.layout = rows.layout;
  }

  /// Rows are as they were written, free ones blank, in-degrees counted.
  SnapshotHeader read(SnapshotHeader.Kind expected) throws IOException {
    SnapshotHeader header = header(expected);
    int blockRows = header.blockRows();
    try (Region region = Region.confined(header.blockBytesMax())) {
      for (int block = 0; block < header.blocks(); block++) {
        block(header, region, block, block * blockRows, header.rows(block));
      }
      end(region);
    }
    int whole = linked.cardinality() + 1;
    if (whole != header.whole() || pending != header.pending() || live != header.live()) {
      throw refused(
          "found %d whole, %d pending, %d live rows (expected: %d, %d, %d)"
              .formatted(whole, pending, live, header.whole(), header.pending(), header.live()));
    }
    checkEdges(header.rows());
    return header;
  }

  private SnapshotException refused(String message) {
    return new SnapshotException(file, message);
  }

  // -------------------------------------------------------------------------------------- blocks

  private SnapshotHeader header(SnapshotHeader.Kind expected) throws IOException {
    long size = in.size();
    byte[] prefix = new byte[SnapshotHeader.PREFIX_BYTES];
    readFully("header", ByteBuffer.wrap(prefix));
    int bytes =
        SnapshotHeader.headerBytes(file, ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN));
    byte[] block = Arrays.copyOf(prefix, bytes);
    readFully("header", ByteBuffer.wrap(block, prefix.length, bytes - prefix.length));
    SnapshotHeader header = SnapshotHeader.decode(file, block, expected);
    all.update(block, bytes - Integer.BYTES, Integer.BYTES);
    if (size != bytes + header.bodyBytes()) {
      throw refused("size: " + size + " bytes (expected: " + (bytes + header.bodyBytes()) + ")");
    }
    return header;
  }

  private void block(SnapshotHeader header, Region region, int block, int first, int count)
      throws IOException {
    String name = "block " + block;
    ByteBuffer buffer = region.segment().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    int forms = Integer.BYTES;
    readFully(name, buffer.limit(forms + count));
    int bytes = buffer.limit();
    for (int i = 0; i < count; i++) {
      bytes += formBytes(header, name, buffer.get(forms + i));
    }
    readFully(name, buffer.limit(bytes + Integer.BYTES));
    checkSum(name, buffer, bytes);
    checkNumber(name, buffer, block);
    int at = forms + count;
    for (int i = 0; i < count; i++) {
      byte form = buffer.get(forms + i);
      row(header, first + i, form, buffer, region.segment(), at);
      at += formBytes(header, name, form);
    }
  }

  private int formBytes(SnapshotHeader header, String name, byte form) throws SnapshotException {
    return switch (form) {
      case SnapshotHeader.FREE -> 0;
      case SnapshotHeader.PENDING -> header.pendingBytes();
      case SnapshotHeader.WHOLE -> header.wholeBytes();
      default -> throw refused(name + ": form of row " + form + " (expected: 0 to 2)");
    };
  }

  private void end(Region region) throws IOException {
    ByteBuffer buffer = region.segment().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    readFully("end", buffer.limit(SnapshotHeader.END_BYTES));
    // Blocks that are whole each, but from different files, differ here.
    int expected = (int) all.getValue();
    checkSum("end", buffer, SnapshotHeader.END_BYTES - Integer.BYTES);
    checkNumber("end", buffer, SnapshotHeader.END);
    if (buffer.getLong(4) != in.size() || buffer.getInt(12) != expected) {
      throw refused("end: belongs to another file");
    }
  }

  private void readFully(String name, ByteBuffer to) throws IOException {
    while (to.hasRemaining()) {
      if (in.read(to) < 0) {
        throw refused(name + ": truncated");
      }
    }
  }

  private void checkSum(String name, ByteBuffer block, int bytes) throws SnapshotException {
    CRC32C crc = new CRC32C();
    crc.update(block.duplicate().position(0).limit(bytes));
    if (block.getInt(bytes) != (int) crc.getValue()) {
      throw refused(name + ": wrong checksum");
    }
    all.update(block.duplicate().position(bytes).limit(bytes + Integer.BYTES));
  }

  private void checkNumber(String name, ByteBuffer block, int number) throws SnapshotException {
    if (block.getInt(0) != number) {
      throw refused(name + ": has number " + block.getInt(0));
    }
  }

  // ---------------------------------------------------------------------------------------- rows

  private void row(
      SnapshotHeader header, int row, byte form, ByteBuffer in, MemorySegment segment, int at)
      throws SnapshotException {
    if (row < Entry.ROWS) {
      if (form != SnapshotHeader.WHOLE) {
        throw refused("row " + row + " is no entry");
      }
      rows.overwrite(row, 0, segment, at, layout.rowBytes());
      return;
    }
    int made = rows.append();
    if (form == SnapshotHeader.FREE) {
      return;
    }
    checkState(header, row, form, in, at);
    live += in.getLong(at + RowLayout.DEATH) == GraphRows.NEVER ? 1 : 0;
    if (form == SnapshotHeader.WHOLE) {
      linked.set(row);
      rows.overwrite(made, 0, segment, at, layout.rowBytes());
    } else {
      pending++;
      int bytes = layout.codes(0);
      rows.overwrite(made, 0, segment, at, bytes);
      rows.overwrite(
          made, layout.remainders(), segment, at + (long) bytes, layout.remainderBytes());
    }
  }

  private void checkState(SnapshotHeader header, int row, byte form, ByteBuffer in, int at)
      throws SnapshotException {
    int flags = in.getInt(at + RowLayout.FLAGS);
    long birth = in.getLong(at + RowLayout.BIRTH);
    long death = in.getLong(at + RowLayout.DEATH);
    boolean lives = death == GraphRows.NEVER;
    boolean known =
        form == SnapshotHeader.PENDING
            ? flags == 0 && lives
            : flags == GraphRows.FLAG_LINKED
                || flags == (GraphRows.FLAG_LINKED | GraphRows.FLAG_BYPASSED) && !lives;
    boolean blankHeader =
        in.getInt(at + RowLayout.LOCK) == 0
            && in.getInt(at + RowLayout.VERSION) == 0
            && in.getInt(at + RowLayout.IN_DEGREE) == 0;
    if (!known || !blankHeader || birth > header.seq() || !lives && death > header.seq()) {
      throw refused(
          "row %d: flags %d, born %d, died %d, at %d"
              .formatted(row, flags, birth, death, header.seq()));
    }
  }

  /// Edges lead to linked rows, not to the row itself, and once to each.
  private void checkEdges(int count) throws SnapshotException {
    int[] inDegrees = new int[count];
    int[] seenFrom = new int[count];
    Arrays.fill(seenFrom, -1);
    checkEdges(0, seenFrom);
    for (int row = linked.nextSetBit(0); row >= 0; row = linked.nextSetBit(row + 1)) {
      checkEdges(row, seenFrom);
      if ((rows.flags(row) & GraphRows.FLAG_BYPASSED) == 0) {
        for (int lane = 0; lane < layout.degree(); lane++) {
          int to = rows.id(row, lane);
          if (to >= 0) {
            inDegrees[to]++;
          }
        }
      }
    }
    for (int row = Entry.ROWS; row < count; row++) {
      rows.addInDegree(row, inDegrees[row]);
    }
  }

  private void checkEdges(int row, int[] seenFrom) throws SnapshotException {
    for (int lane = 0; lane < layout.degree(); lane++) {
      int to = rows.id(row, lane);
      if (to == -1) {
        continue;
      }
      if (to < Entry.ROWS || to == row || !linked.get(to)) {
        throw refused("row " + row + ": edge to " + to + " (expected: another linked row)");
      }
      if (seenFrom[to] == row) {
        throw refused("row " + row + ": two edges to " + to);
      }
      seenFrom[to] = row;
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
