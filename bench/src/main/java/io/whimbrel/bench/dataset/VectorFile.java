package io.whimbrel.bench.dataset;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/// Files of vectors. Each row is its length as a little-endian int32, then that many numbers:
/// `fvecs` float32, `f16vecs` float16, `bvecs` uint8, `ivecs` int32.
public final class VectorFile {
  /// Endings, in the order of preference.
  private static final List<String> ENDINGS = List.of(".fvecs", ".f16vecs", ".bvecs");

  private static final int DIMENSION_MAX = 65_536;

  private VectorFile() {}

  /// The file `stem` of a folder in whichever format it is there.
  public static Path find(Path folder, String stem) throws IOException {
    for (String ending : ENDINGS) {
      Path file = folder.resolve(stem + ending);
      if (Files.exists(file)) {
        return file;
      }
    }
    throw new IOException(
        ENDINGS.stream()
            .map(ending -> stem + ending)
            .collect(Collectors.joining(", ", folder + ": no ", "")));
  }

  /// How many rows a file has.
  public static long count(Path file) throws IOException {
    return Mapped.open(file, elementBytes(file), Long.MAX_VALUE).rows();
  }

  private static int elementBytes(Path file) {
    String name = file.toString();
    return name.endsWith(".bvecs") ? 1 : name.endsWith(".f16vecs") ? Short.BYTES : Integer.BYTES;
  }

  /// The first rows of a file as float32; all when it has fewer than `rowsMax`.
  public static float[][] read(Path file, long rowsMax) throws IOException {
    int size = elementBytes(file);
    Mapped mapped = Mapped.open(file, size, rowsMax);
    float[][] rows = new float[mapped.rows()][mapped.dimension()];
    for (int row = 0; row < rows.length; row++) {
      ByteBuffer in = mapped.row(row);
      for (int i = 0; i < mapped.dimension(); i++) {
        rows[row][i] =
            switch (size) {
              case Float.BYTES -> in.getFloat();
              case Short.BYTES -> Float.float16ToFloat(in.getShort());
              default -> in.get() & 0xFF;
            };
      }
    }
    return rows;
  }

  /// The first rows of a file of int32; all when it has fewer than `rowsMax`.
  public static int[][] readInts(Path file, long rowsMax) throws IOException {
    Mapped mapped = Mapped.open(file, elementBytes(file), rowsMax);
    int[][] rows = new int[mapped.rows()][mapped.dimension()];
    for (int row = 0; row < rows.length; row++) {
      mapped.row(row).asIntBuffer().get(rows[row]);
    }
    return rows;
  }

  private record Mapped(Path file, ByteBuffer bytes, int rows, int dimension, int rowBytes) {
    static Mapped open(Path file, int size, long rowsMax) throws IOException {
      try (FileChannel channel = FileChannel.open(file)) {
        if (channel.size() < Integer.BYTES || channel.size() > Integer.MAX_VALUE) {
          throw new IOException(
              file + ": " + channel.size() + " bytes (expected: 4 to " + Integer.MAX_VALUE + ")");
        }
        ByteBuffer bytes =
            channel
                .map(FileChannel.MapMode.READ_ONLY, 0, channel.size())
                .order(ByteOrder.LITTLE_ENDIAN);
        int dimension = bytes.getInt(0);
        long rowBytes = Integer.BYTES + (long) dimension * size;
        if (dimension < 1 || dimension > DIMENSION_MAX || bytes.capacity() % rowBytes != 0) {
          throw new IOException(
              file + ": " + bytes.capacity() + " bytes are no rows of dimension " + dimension);
        }
        int rows = (int) Math.min(rowsMax, bytes.capacity() / rowBytes);
        return new Mapped(file, bytes, rows, dimension, (int) rowBytes);
      }
    }

    /// The numbers of one row.
    ByteBuffer row(int row) throws IOException {
      int at = row * rowBytes;
      int length = bytes.getInt(at);
      if (length != dimension) {
        throw new IOException(
            file + ", row " + row + ": dimension " + length + " (expected: " + dimension + ")");
      }
      return bytes
          .slice(at + Integer.BYTES, rowBytes - Integer.BYTES)
          .order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
