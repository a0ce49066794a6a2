package io.whimbrel.core.memory;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/// A file of blocks with checksums, for what can be made again when it is damaged.
///
/// Numbers are little-endian, every checksum is the CRC32C of its block's bytes before it:
///
/// ```
/// blocks   4  number of the block, from 0
///          4  bytes of content n, 1 to 1 MiB
///          n  content
///          4  checksum
/// end      4  -1
///          8  bytes of the file
///          4  CRC32C of the checksums of all blocks
///          4  checksum
/// ```
///
/// Contents of all blocks together are what was written, in any portions.
public final class BlockFile {
  private static final int CONTENT_BYTES_MAX = 1 << 20;
  private static final int BLOCK_HEADER_BYTES = 8;
  private static final int END = -1;
  private static final int END_BYTES = 20;

  private BlockFile() {}

  /// A file is damaged or not what was asked for.
  public static final class DamagedException extends IOException {
    private static final long serialVersionUID = 1L;

    public DamagedException(Path file, String message) {
      super(file + ": " + message);
    }
  }

  private static int checksum(ByteBuffer bytes, int end) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.duplicate().position(0).limit(end));
    return (int) crc.getValue();
  }

  /// Adds the checksum of a block to that of all.
  private static void chain(CRC32C all, int checksum) {
    all.update(ByteBuffer.allocate(Integer.BYTES).putInt(checksum).flip());
  }

  /// Writes one file, in one thread.
  public static final class Writer {
    private final FileChannel out;
    private final CRC32C all = new CRC32C();
    private final ByteBuffer block =
        ByteBuffer.allocate(BLOCK_HEADER_BYTES + CONTENT_BYTES_MAX + Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    private int number;

    /// Begins at the position of `out`, which is lent.
    public Writer(FileChannel out) {
      this.out = out;
      block.position(BLOCK_HEADER_BYTES);
    }

    /// Room for `bytes` of content at the position of a little-endian buffer, to be filled before
    /// the next call.
    public ByteBuffer room(int bytes) throws IOException {
      if (bytes > CONTENT_BYTES_MAX) {
        throw new IllegalArgumentException(
            "bytes: " + bytes + " (expected: at most " + CONTENT_BYTES_MAX + ")");
      }
      if (block.position() + bytes > BLOCK_HEADER_BYTES + CONTENT_BYTES_MAX) {
        write();
      }
      return block;
    }

    private void write() throws IOException {
      int end = block.position();
      block.putInt(0, number++).putInt(4, end - BLOCK_HEADER_BYTES);
      write(end);
      block.clear().position(BLOCK_HEADER_BYTES);
    }

    private void write(int end) throws IOException {
      int checksum = checksum(block, end);
      chain(all, checksum);
      block.putInt(end, checksum).limit(end + Integer.BYTES).position(0);
      while (block.hasRemaining()) {
        int _ = out.write(block);
      }
    }

    /// Writes what is left and the end.
    public void end() throws IOException {
      if (block.position() > BLOCK_HEADER_BYTES) {
        write();
      }
      block.clear().putInt(END).putLong(out.position() + END_BYTES).putInt((int) all.getValue());
      write(block.position());
    }
  }

  /// Reads one file, in one thread. Every read fails with [DamagedException] where the file is not
  /// as it was written.
  public static final class Reader implements AutoCloseable {
    private final Path file;
    private final FileChannel in;
    private final CRC32C all = new CRC32C();
    private final ByteBuffer block =
        ByteBuffer.allocate(BLOCK_HEADER_BYTES + CONTENT_BYTES_MAX + Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    private ByteBuffer content = ByteBuffer.allocate(0);
    private int number;

    public Reader(Path file) throws IOException {
      this.file = file;
      this.in = FileChannel.open(file, StandardOpenOption.READ);
    }

    public DamagedException damaged(String message) {
      return new DamagedException(file, message);
    }

    /// Bytes of the file.
    public long size() throws IOException {
      return in.size();
    }

    /// The next `bytes` of content at the position of a little-endian buffer, which must be taken
    /// before the next call. A portion is read as it was written: it lies in one block.
    public ByteBuffer next(int bytes) throws IOException {
      if (!content.hasRemaining()) {
        read();
      }
      if (content.remaining() < bytes) {
        throw damaged(
            "block " + (number - 1) + ": " + content.remaining() + " bytes left of " + bytes);
      }
      return content;
    }

    private void read() throws IOException {
      String name = "block " + number;
      fill(name, block.clear().limit(BLOCK_HEADER_BYTES));
      int bytes = block.getInt(4);
      if (block.getInt(0) != number || bytes < 1 || bytes > CONTENT_BYTES_MAX) {
        throw damaged(name + ": number " + block.getInt(0) + ", " + bytes + " bytes");
      }
      int end = BLOCK_HEADER_BYTES + bytes;
      fill(name, block.limit(end + Integer.BYTES));
      check(name, end);
      number++;
      content = block.duplicate().order(ByteOrder.LITTLE_ENDIAN);
      content.position(BLOCK_HEADER_BYTES).limit(end);
    }

    private void check(String name, int end) throws IOException {
      int checksum = checksum(block, end);
      if (block.getInt(end) != checksum) {
        throw damaged(name + ": wrong checksum");
      }
      chain(all, checksum);
    }

    private void fill(String name, ByteBuffer to) throws IOException {
      while (to.hasRemaining()) {
        if (in.read(to) < 0) {
          throw damaged(name + ": truncated");
        }
      }
    }

    /// Checks that all content was read and that the file ends here.
    public void end() throws IOException {
      if (content.hasRemaining()) {
        throw damaged("block " + (number - 1) + ": " + content.remaining() + " bytes too many");
      }
      int expected = (int) all.getValue();
      fill("end", block.clear().limit(END_BYTES));
      check("end", END_BYTES - Integer.BYTES);
      // Blocks that are whole each, but from different files, differ here.
      if (block.getInt(0) != END || block.getLong(4) != in.size() || block.getInt(12) != expected) {
        throw damaged("end: belongs to another file");
      }
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
