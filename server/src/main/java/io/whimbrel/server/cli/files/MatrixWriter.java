package io.whimbrel.server.cli.files;

import io.whimbrel.client.Point;
import io.whimbrel.client.Vector;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// float32 rows as `.fvecs` or `.npy`. The header of an npy file is written at the end, when the
/// number of rows is known.
final class MatrixWriter implements PointWriter {
  private static final int BUFFER_BYTES = 1 << 20;

  private final Path file;
  private final String field;
  private final boolean npy;
  private final FileChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long rows;
  private int dimension;

  MatrixWriter(Path file, String field, boolean npy) throws IOException {
    this.file = file;
    this.field = field;
    this.npy = npy;
    this.channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    if (npy) {
      channel.position(NpyHeader.WRITTEN_BYTES);
    }
  }

  @Override
  public void write(Point point) throws IOException {
    @Nullable Vector vector = point.vectors().get(field);
    if (vector == null || vector.rows() != 1) {
      throw new IOException(
          "point "
              + point.id()
              + (vector == null ? " has no vector" : " has " + vector.rows() + " vectors")
              + " in field \""
              + field
              + "\" (expected: one, as a row of "
              + file.getFileName()
              + "); export to .jsonl instead");
    }
    float[] values = vector.values();
    if (rows == 0) {
      dimension = values.length;
    }
    if (values.length != dimension) {
      throw new IOException(
          "point "
              + point.id()
              + ": dimension "
              + values.length
              + " (expected: "
              + dimension
              + ")");
    }
    if (!npy) {
      reserve(4);
      buffer.putInt(dimension);
    }
    for (float value : values) {
      reserve(4);
      buffer.putFloat(value);
    }
    rows++;
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      drain();
      if (npy) {
        channel.position(0);
        ByteBuffer header = NpyHeader.write(rows, dimension);
        while (header.hasRemaining()) {
          channel.write(header);
        }
      }
    }
  }

  private void reserve(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      drain();
    }
  }

  private void drain() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }
}
