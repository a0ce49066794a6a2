package io.whimbrel.core.hnsw;

import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/// The first block of a snapshot, and what follows from it. Bytes: see the package.
///
/// @param kind what is in the file
/// @param rows all rows, those of the entry and free ones included
/// @param whole rows written with their edges, the entry's included
/// @param pending rows written without edges
/// @param live rows that searches see
record SnapshotHeader(Kind kind, long seq, int rows, int whole, int pending, int live) {
  /// The index that a snapshot is of; equal ones can be exchanged.
  ///
  /// @param identity opaque
  record Kind(
      String identity,
      int dimension,
      Metric metric,
      Storage storage,
      IndexSpec.Hnsw spec,
      RowLayout layout) {
    Kind {
      int bytes = identity.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > IDENTITY_BYTES_MAX) {
        throw new IllegalArgumentException(
            "identity: " + bytes + " bytes (expected: at most " + IDENTITY_BYTES_MAX + ")");
      }
    }

    /// As messages show it. Layout numbers follow from the rest, in one version of this code.
    private String text() {
      String form =
          "identity \"%s\", dimension %d, metric %s, storage %s, m %d, ef_construction %d,"
              + " layout %d+%dx%d=%d";
      return form.formatted(
          identity,
          dimension,
          metric,
          storage,
          spec.m(),
          spec.efConstruction(),
          layout.codes(0),
          layout.degree(),
          layout.codeDimension(),
          layout.rowBytes());
    }
  }

  static final int IDENTITY_BYTES_MAX = 1024;

  /// "WHGRAPH" and a zero.
  static final long MAGIC = 0x00_48_50_41_52_47_48_57L;

  static final int FORMAT = 3;

  /// Magic, format, bytes of the header.
  static final int PREFIX_BYTES = 16;

  static final int END_BYTES = 20;

  /// Number of the end block.
  static final int END = -1;

  /// Beside its rows, a block has its number and its checksum.
  static final int BLOCK_EXTRA_BYTES = 8;

  /// How a row is written.
  static final byte FREE = 0;

  static final byte PENDING = 1;
  static final byte WHOLE = 2;

  private static final int BLOCK_BYTES = 1 << 20;
  private static final int HEADER_BYTES_MAX = 2 * IDENTITY_BYTES_MAX;

  /// Rows of each block but the last: about 1 MiB, but one row at least.
  int blockRows() {
    return Math.max(1, BLOCK_BYTES / wholeBytes());
  }

  /// Bytes of a block with its number and checksum.
  long blockBytesMax() {
    return BLOCK_EXTRA_BYTES + (long) blockRows() * (1 + wholeBytes());
  }

  int wholeBytes() {
    return kind.layout().rowBytes();
  }

  /// Bytes of a row up to its vector's end, with its remainders.
  int pendingBytes() {
    return kind.layout().codes(0) + kind.layout().remainderBytes();
  }

  int blocks() {
    return Math.ceilDiv(rows, blockRows());
  }

  /// Rows of a block.
  int rows(int block) {
    int full = blockRows();
    return Math.min(full, rows - block * full);
  }

  /// Bytes of the file after this header.
  long bodyBytes() {
    return (long) blocks() * BLOCK_EXTRA_BYTES
        + rows
        + (long) whole * wholeBytes()
        + (long) pending * pendingBytes()
        + END_BYTES;
  }

  /// The block, checksum included.
  ByteBuffer encode() {
    byte[] text = kind.text().getBytes(StandardCharsets.UTF_8);
    byte[] bytes = new byte[PREFIX_BYTES + 28 + text.length + 4];
    ByteBuffer out =
        ByteBuffer.wrap(bytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(MAGIC)
            .putInt(FORMAT)
            .putInt(bytes.length)
            .putLong(seq)
            .putInt(rows)
            .putInt(whole)
            .putInt(pending)
            .putInt(live)
            .putInt(text.length)
            .put(text);
    return out.putInt(checksum(bytes)).flip();
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, bytes.length - 4);
    return (int) crc.getValue();
  }

  /// Bytes of the header that begins with `prefix`.
  static int headerBytes(Path file, ByteBuffer prefix) throws SnapshotException {
    if (prefix.getLong(0) != MAGIC) {
      throw new SnapshotException(file, "is no snapshot of a graph index");
    }
    int format = prefix.getInt(8);
    if (format != FORMAT) {
      throw new SnapshotException(file, "format: " + format + " (expected: " + FORMAT + ")");
    }
    int bytes = prefix.getInt(12);
    if (bytes <= PREFIX_BYTES || bytes > HEADER_BYTES_MAX) {
      throw new SnapshotException(file, "header: " + bytes + " bytes");
    }
    return bytes;
  }

  /// @param bytes the whole block
  static SnapshotHeader decode(Path file, byte[] bytes, Kind expected) throws SnapshotException {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (in.getInt(bytes.length - 4) != checksum(bytes)) {
      throw new SnapshotException(file, "header: wrong checksum");
    }
    try {
      in.position(PREFIX_BYTES);
      long seq = in.getLong();
      int rows = in.getInt();
      int whole = in.getInt();
      int pending = in.getInt();
      int live = in.getInt();
      byte[] text = new byte[Math.clamp(in.getInt(), 0, in.remaining())];
      in.get(text);
      String found = new String(text, StandardCharsets.UTF_8);
      if (!found.equals(expected.text())) {
        throw new SnapshotException(file, found + " (expected: " + expected.text() + ")");
      }
      return new SnapshotHeader(expected, seq, rows, whole, pending, live).checked(file);
    } catch (BufferUnderflowException e) {
      throw new SnapshotException(file, "header: " + bytes.length + " bytes are too few");
    }
  }

  private SnapshotHeader checked(Path file) throws SnapshotException {
    if (seq < 0
        || seq == GraphRows.NEVER
        || rows < Entry.ROWS
        || whole < 1
        || pending < 0
        || (long) whole + pending > rows - Entry.ROWS + 1L
        || live < 0
        || live > whole - 1L + pending) {
      throw new SnapshotException(
          file,
          "header: at %d, %d rows, %d whole, %d pending, %d live"
              .formatted(seq, rows, whole, pending, live));
    }
    return this;
  }
}
