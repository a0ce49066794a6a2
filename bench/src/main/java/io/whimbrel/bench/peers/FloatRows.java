package io.whimbrel.bench.peers;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/// Rows of a mapped file of little-endian float32; nothing of it is in the heap. Any thread.
final class FloatRows {
  private final ByteBuffer bytes;
  private final int dimension;

  private FloatRows(ByteBuffer bytes, int dimension) {
    this.bytes = bytes;
    this.dimension = dimension;
  }

  static FloatRows open(Path file, int dimension) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      if (channel.size() > Integer.MAX_VALUE || channel.size() % (dimension * Float.BYTES) != 0) {
        throw new IOException(
            file + ": " + channel.size() + " bytes (expected: rows of " + dimension + " float32)");
      }
      return new FloatRows(
          channel
              .map(FileChannel.MapMode.READ_ONLY, 0, channel.size())
              .order(ByteOrder.LITTLE_ENDIAN),
          dimension);
    }
  }

  int dimension() {
    return dimension;
  }

  int count() {
    return bytes.capacity() / (dimension * Float.BYTES);
  }

  /// Copies row `row` to `out`.
  void copy(int row, float[] out) {
    bytes
        .slice(row * dimension * Float.BYTES, dimension * Float.BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(out);
  }

  /// All rows as arrays.
  float[][] all() {
    float[][] rows = new float[count()][dimension];
    for (int row = 0; row < rows.length; row++) {
      copy(row, rows[row]);
    }
    return rows;
  }
}
