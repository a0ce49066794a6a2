package io.whimbrel.server.cli.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;

/// A file of rows of equal length, read from front to back: `.fvecs`, `.bvecs`, `.f16vecs`,
/// `.ivecs` and `.npy`.
///
/// The `vecs` formats put a little-endian int32 length before the numbers of each row; npy has one
/// header. Opening checks the size of the file against its rows. One thread at a time; the file
/// must not change meanwhile.
public final class MatrixFile implements AutoCloseable {
  /// Largest vector dimension; the database takes no larger one.
  public static final int DIMENSION_MAX = 65_536;

  private static final int BUFFER_BYTES = 1 << 20;

  private final Path file;
  private final FileChannel channel;
  private final Element element;
  private final boolean lengthPrefixed;
  private final int dimension;
  private final long rows;
  private final ByteBuffer buffer;
  private long row;

  private MatrixFile(
      Path file,
      FileChannel channel,
      Element element,
      boolean lengthPrefixed,
      int dimension,
      long rows) {
    this.file = file;
    this.channel = channel;
    this.element = element;
    this.lengthPrefixed = lengthPrefixed;
    this.dimension = dimension;
    this.rows = rows;
    int rowBytes = rowBytes(element, lengthPrefixed, dimension);
    this.buffer =
        ByteBuffer.allocateDirect(Math.max(BUFFER_BYTES, rowBytes))
            .order(ByteOrder.LITTLE_ENDIAN)
            .limit(0);
  }

  /// Whether the name of `file` ends like one of the formats read here.
  public static boolean isMatrix(Path file) {
    return switch (suffix(file)) {
      case "fvecs", "bvecs", "f16vecs", "ivecs", "npy" -> true;
      default -> false;
    };
  }

  /// Opens `file` by the ending of its name.
  public static MatrixFile open(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      return switch (suffix(file)) {
        case "fvecs" -> openVecs(file, channel, Element.FLOAT32);
        case "f16vecs" -> openVecs(file, channel, Element.FLOAT16);
        case "bvecs" -> openVecs(file, channel, Element.UINT8);
        case "ivecs" -> openVecs(file, channel, Element.INT32);
        case "npy" -> openNpy(file, channel);
        default ->
            throw FileFormatException.of(
                file, "an unknown ending", ".fvecs, .bvecs, .f16vecs, .ivecs or .npy");
      };
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /// Opens `file` and returns all its rows, for query sets and the like.
  public static float[][] readVectors(Path file) throws IOException {
    try (MatrixFile matrix = open(file)) {
      float[][] vectors = new float[matrix.countForMemory()][];
      for (int i = 0; i < vectors.length; i++) {
        vectors[i] = matrix.next().orElseThrow();
      }
      return vectors;
    }
  }

  /// Opens an `.ivecs` file and returns all its rows, for ground truth.
  public static int[][] readInts(Path file) throws IOException {
    try (MatrixFile matrix = open(file)) {
      if (matrix.element != Element.INT32) {
        throw FileFormatException.of(file, "vectors", "row numbers in an .ivecs file");
      }
      int[][] rows = new int[matrix.countForMemory()][matrix.dimension];
      for (int[] values : rows) {
        matrix.seekRow();
        for (int i = 0; i < values.length; i++) {
          values[i] = matrix.buffer.getInt();
        }
        matrix.row++;
      }
      return rows;
    }
  }

  public int dimension() {
    return dimension;
  }

  public long rows() {
    return rows;
  }

  /// The next vector, or nothing after the last. The array is the caller's.
  public Optional<float[]> next() throws IOException {
    if (!element.isVector()) {
      throw FileFormatException.of(file, "rows of int32", "vectors; .ivecs files hold row numbers");
    }
    if (row == rows) {
      return Optional.empty();
    }
    seekRow();
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      float value = element.readFloat(buffer);
      if (!Float.isFinite(value)) {
        throw FileFormatException.atRow(
            file, row, "value " + i + " is " + value, "a finite float32 number");
      }
      vector[i] = value;
    }
    row++;
    return Optional.of(vector);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static MatrixFile openVecs(Path file, FileChannel channel, Element element)
      throws IOException {
    long size = channel.size();
    if (size == 0) {
      throw FileFormatException.of(file, "an empty file", "at least one row");
    }
    ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    while (length.hasRemaining()) {
      if (channel.read(length, length.position()) < 0) {
        throw FileFormatException.atRow(
            file, 0, size + " bytes", "a length of 4 bytes before each row");
      }
    }
    int dimension = length.flip().getInt();
    checkDimension(file, dimension);
    int rowBytes = rowBytes(element, true, dimension);
    if (size % rowBytes != 0) {
      throw FileFormatException.atRow(
          file,
          size / rowBytes,
          "the row has " + size % rowBytes + " bytes",
          rowBytes
              + " bytes, 4 for the length and "
              + element.size()
              + " for each of "
              + dimension
              + " numbers");
    }
    return new MatrixFile(file, channel, element, true, dimension, size / rowBytes);
  }

  private static MatrixFile openNpy(Path file, FileChannel channel) throws IOException {
    NpyHeader header = NpyHeader.read(file, channel);
    checkDimension(file, header.dimension());
    int rowBytes = rowBytes(header.element(), false, header.dimension());
    long data = channel.size() - header.dataStart();
    if (header.rows() > Long.MAX_VALUE / rowBytes || data != header.rows() * rowBytes) {
      throw FileFormatException.atRow(
          file,
          Math.max(0, data) / rowBytes,
          "the file has " + data + " bytes of numbers",
          header.rows() + " rows of " + rowBytes + " bytes, as its header says");
    }
    channel.position(header.dataStart());
    return new MatrixFile(
        file, channel, header.element(), false, header.dimension(), header.rows());
  }

  private static void checkDimension(Path file, int dimension) throws FileFormatException {
    if (dimension < 1 || dimension > DIMENSION_MAX) {
      throw FileFormatException.atRow(file, 0, "dimension " + dimension, "1 to " + DIMENSION_MAX);
    }
  }

  private static int rowBytes(Element element, boolean lengthPrefixed, int dimension) {
    return (lengthPrefixed ? 4 : 0) + dimension * element.size();
  }

  private static String suffix(Path file) {
    String name = file.toString();
    return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
  }

  private int countForMemory() throws FileFormatException {
    if (rows * dimension > Integer.MAX_VALUE / 4) {
      throw FileFormatException.of(
          file, rows + " rows of " + dimension, "a file of less than 2 GiB to be held in memory");
    }
    return (int) rows;
  }

  /// Brings the whole next row into the buffer and leaves the position at its first number.
  private void seekRow() throws IOException {
    int rowBytes = rowBytes(element, lengthPrefixed, dimension);
    if (buffer.remaining() < rowBytes) {
      buffer.compact();
      while (buffer.position() < rowBytes) {
        if (channel.read(buffer) < 0) {
          throw FileFormatException.atRow(
              file, row, "the file ends", rows + " rows, as there were when it was opened");
        }
      }
      buffer.flip();
    }
    if (lengthPrefixed) {
      int length = buffer.getInt();
      if (length != dimension) {
        throw FileFormatException.atRow(
            file, row, "dimension " + length, dimension + ", as in row 0");
      }
    }
  }
}
