package io.whimbrel.server.cli.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MatrixFileTest {
  @TempDir Path directory;

  @Test
  void readsFloat32Rows() throws IOException {
    Path file =
        write(
            "a.fvecs",
            buffer(24)
                .putInt(2)
                .putFloat(1.5f)
                .putFloat(-2)
                .putInt(2)
                .putFloat(0)
                .putFloat(1e-45f));

    try (MatrixFile matrix = MatrixFile.open(file)) {
      assertThat(matrix.dimension()).isEqualTo(2);
      assertThat(matrix.rows()).isEqualTo(2);
      assertThat(matrix.next().orElseThrow()).containsExactly(1.5f, -2);
      assertThat(matrix.next().orElseThrow()).containsExactly(0, 1e-45f);
      assertThat(matrix.next()).isEmpty();
    }
  }

  @Test
  void readsBytesAsUnsigned() throws IOException {
    Path file = write("a.bvecs", buffer(7).putInt(3).put((byte) 0).put((byte) 127).put((byte) 255));

    assertThat(MatrixFile.readVectors(file)[0]).containsExactly(0, 127, 255);
  }

  @Test
  void readsFloat16Rows() throws IOException {
    // 0x3C00 is 1, 0xC000 is -2, 0x0001 the smallest subnormal, 0x7BFF the largest number.
    Path file =
        write(
            "a.f16vecs",
            buffer(12)
                .putInt(4)
                .putShort((short) 0x3C00)
                .putShort((short) 0xC000)
                .putShort((short) 1)
                .putShort((short) 0x7BFF));

    assertThat(MatrixFile.readVectors(file)[0]).containsExactly(1, -2, 0x1p-24f, 65504);
  }

  @Test
  void readsRowNumbers() throws IOException {
    Path file =
        write(
            "a.ivecs",
            buffer(24)
                .putInt(2)
                .putInt(7)
                .putInt(-1)
                .putInt(2)
                .putInt(0)
                .putInt(Integer.MAX_VALUE));

    assertThat(MatrixFile.readInts(file))
        .isDeepEqualTo(new int[][] {{7, -1}, {0, Integer.MAX_VALUE}});
    try (MatrixFile matrix = MatrixFile.open(file)) {
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(matrix::next)
          .withMessageContaining("a.ivecs")
          .withMessageContaining("hold row numbers");
    }
  }

  @Test
  void refusesVectorsAsRowNumbers() throws IOException {
    Path file = write("a.fvecs", buffer(8).putInt(1).putFloat(1));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.readInts(file))
        .withMessageContaining(".ivecs");
  }

  @Test
  void readsFilesLargerThanItsBuffer() throws IOException {
    int rows = 3_000;
    int dimension = 129;
    ByteBuffer bytes = buffer(rows * (4 + 4 * dimension));
    for (int r = 0; r < rows; r++) {
      bytes.putInt(dimension);
      for (int i = 0; i < dimension; i++) {
        bytes.putFloat(r * 1000f + i);
      }
    }
    float[][] vectors = MatrixFile.readVectors(write("big.fvecs", bytes));

    assertThat(vectors).hasNumberOfRows(rows);
    for (int r = 0; r < rows; r++) {
      assertThat(vectors[r][0]).isEqualTo(r * 1000f);
      assertThat(vectors[r][dimension - 1]).isEqualTo(r * 1000f + dimension - 1);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "2, 0", "3, 0"})
  void readsEveryNpyVersion(int major, int minor) throws IOException {
    ByteBuffer bytes =
        npy(major, minor, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24);
    for (int i = 0; i < 6; i++) {
      bytes.putFloat(i / 2f);
    }
    Path file = write("a.npy", bytes);

    assertThat(MatrixFile.readVectors(file))
        .isDeepEqualTo(new float[][] {{0, 0.5f, 1}, {1.5f, 2, 2.5f}});
  }

  @Test
  void readsOtherNpyTypes() throws IOException {
    ByteBuffer half = npy(1, 0, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2), }", 4);
    half.putShort((short) 0x3C00).putShort((short) 0xBC00);
    ByteBuffer wide = npy(1, 0, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }", 16);
    wide.putDouble(0.1).putDouble(-3);
    ByteBuffer bytes = npy(1, 0, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }", 2);
    bytes.put((byte) 200).put((byte) 1);

    assertThat(MatrixFile.readVectors(write("h.npy", half))[0]).containsExactly(1, -1);
    assertThat(MatrixFile.readVectors(write("w.npy", wide))[0]).containsExactly(0.1f, -3);
    assertThat(MatrixFile.readVectors(write("b.npy", bytes))[0]).containsExactly(200, 1);
  }

  @Test
  void readsAnNpyFileWithoutRows() throws IOException {
    Path file =
        write("a.npy", npy(1, 0, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0));

    assertThat(MatrixFile.readVectors(file)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }; <i4",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }; >f4",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }; C order",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }; two dimensions",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }; two dimensions",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }; size -1",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }; shape",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 70000), }; 1 to 65536",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0), }; 1 to 65536",
        "{'descr': '<f4', 'shape': (1, 1), }; without fortran_order",
        "{'fortran_order': False, 'shape': (1, 1), }; without descr",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }; 2 rows of 4 bytes",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }; as its"
            + " header says",
      })
  void refusesNpyHeaders(String header, String problem) throws IOException {
    Path file = write("bad.npy", npy(1, 0, header, 4).putFloat(1));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessageContaining("bad.npy")
        .withMessageContaining(problem)
        .withMessageContaining("expected: ");
  }

  @Test
  void refusesOtherNpyVersions() throws IOException {
    Path file = write("v.npy", npy(4, 0, "{}", 0));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessageContaining("npy version 4.0");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 9, 11, 20})
  void refusesAnNpyFileCutInItsHeader(int length) throws IOException {
    byte[] whole =
        npy(1, 0, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", 0).array();
    Path file = Files.write(directory.resolve("cut.npy"), java.util.Arrays.copyOf(whole, length));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessageContaining("ends within its npy header");
  }

  @Test
  void refusesAFileThatIsNoNpy() throws IOException {
    Path file = Files.writeString(directory.resolve("x.npy"), "PK not an array at all");

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessageContaining("magic");
  }

  @Test
  void refusesATruncatedFileBeforeItHandsOutARow() throws IOException {
    Path file =
        write("cut.fvecs", buffer(20).putInt(2).putFloat(1).putFloat(2).putInt(2).putFloat(1));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessage(
            file
                + ", row 1: the row has 8 bytes (expected: 12 bytes, 4 for the length and 4 for"
                + " each of 2 numbers)");
  }

  @Test
  void refusesARowOfAnotherDimension() throws IOException {
    Path file =
        write(
            "mixed.fvecs",
            buffer(24).putInt(2).putFloat(1).putFloat(2).putInt(3).putFloat(1).putFloat(2));

    try (MatrixFile matrix = MatrixFile.open(file)) {
      assertThat(matrix.next()).isPresent();
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(matrix::next)
          .withMessage(file + ", row 1: dimension 3 (expected: 2, as in row 0)");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, 65_537, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void refusesImpossibleDimensions(int dimension) throws IOException {
    Path file = write("d.fvecs", buffer(8).putInt(dimension).putFloat(1));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(file))
        .withMessageContaining("dimension " + dimension);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void refusesNumbersThatAreNotFinite(float number) throws IOException {
    Path file = write("n.fvecs", buffer(12).putInt(2).putFloat(1).putFloat(number));

    try (MatrixFile matrix = MatrixFile.open(file)) {
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(matrix::next)
          .withMessage(
              file + ", row 0: value 1 is " + number + " (expected: a finite float32 number)");
    }
  }

  @Test
  void refusesDoublesBeyondFloat32() throws IOException {
    Path file =
        write(
            "w.npy",
            npy(1, 0, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", 8)
                .putDouble(1e300));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.readVectors(file));
  }

  @Test
  void refusesEmptyFilesAndUnknownEndings() throws IOException {
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(write("e.fvecs", buffer(0))))
        .withMessageContaining("empty");
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> MatrixFile.open(write("e.hdf5", buffer(1))))
        .withMessageContaining("unknown ending");
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> PointReader.open(write("e.csv", buffer(1)), ReadingOptions.DEFAULT))
        .withMessageContaining(".parquet");
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer npy(int major, int minor, String dictionary, int dataBytes) {
    byte[] header = (dictionary + "\n").getBytes(StandardCharsets.US_ASCII);
    int lengthBytes = major == 1 ? 2 : 4;
    ByteBuffer bytes = buffer(8 + lengthBytes + header.length + dataBytes);
    bytes
        .put((byte) 0x93)
        .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
        .put((byte) major)
        .put((byte) minor);
    if (major == 1) {
      bytes.putShort((short) header.length);
    } else {
      bytes.putInt(header.length);
    }
    return bytes.put(header);
  }

  private Path write(String name, ByteBuffer bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes.array());
  }
}
