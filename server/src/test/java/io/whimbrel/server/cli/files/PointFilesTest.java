package io.whimbrel.server.cli.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Points read from and written to files of every kind.
class PointFilesTest {
  @TempDir Path directory;

  @Test
  void numbersMatrixRowsFromTheStart() throws IOException {
    Path file = directory.resolve("a.fvecs");
    try (PointWriter writer = PointWriter.fvecs(file, "v")) {
      writer.write(Point.of(PointId.of("x"), Map.of(), Map.of("v", Vector.of(1, 2))));
      writer.write(Point.of(PointId.of("y"), Map.of(), Map.of("v", Vector.of(3, 4))));
    }

    assertThat(read(file, new ReadingOptions("v", 40, "", "", Optional.empty())))
        .containsExactly(
            Point.of(PointId.of(40), Map.of(), Map.of("v", Vector.of(1, 2))),
            Point.of(PointId.of(41), Map.of(), Map.of("v", Vector.of(3, 4))));
  }

  @Test
  void writesNpyThatIsReadBack() throws IOException {
    Path file = directory.resolve("a.npy");
    try (PointWriter writer = PointWriter.npy(file, "default")) {
      for (int i = 0; i < 1000; i++) {
        writer.write(Point.of(PointId.of(i), Vector.of(i, -i, 0.1f * i)));
      }
    }

    float[][] vectors = MatrixFile.readVectors(file);
    assertThat(vectors).hasNumberOfRows(1000);
    assertThat(vectors[999]).containsExactly(999, -999, 0.1f * 999);
    assertThat(Files.size(file) % 4).isZero();
  }

  @Test
  void refusesPointsThatAreNoRow() throws IOException {
    try (PointWriter writer = PointWriter.fvecs(directory.resolve("a.fvecs"), "v")) {
      assertThatIOException()
          .isThrownBy(() -> writer.write(Point.of(PointId.of("x"), Vector.of(1))))
          .withMessageContaining("point x has no vector in field \"v\"");
      writer.write(Point.of(PointId.of("y"), Map.of(), Map.of("v", Vector.of(1, 2))));
      assertThatIOException()
          .isThrownBy(
              () -> writer.write(Point.of(PointId.of("z"), Map.of(), Map.of("v", Vector.of(1)))))
          .withMessageContaining("dimension 1 (expected: 2)");
    }
  }

  @Test
  void jsonLinesComeBackAsTheyWere() throws IOException {
    List<Point> points =
        List.of(
            Point.of(
                PointId.of("text \u00e4 \"q\""),
                Map.of(
                    "int", new Value.IntValue(Long.MIN_VALUE),
                    "double", new Value.DoubleValue(1),
                    "at",
                        new Value.TimestampValue(Instant.parse("2026-01-31T12:00:00.000000001Z"))),
                Map.of(
                    "a",
                    Vector.of(0.1f, Float.MIN_VALUE),
                    "b",
                    new Vector(new float[] {1, 2, 3, 4}, 2, ""))),
            Point.of(PointId.of(-1), Vector.of(1)));
    Path file = directory.resolve("a.jsonl");
    try (PointWriter writer = PointWriter.jsonLines(Files.newOutputStream(file))) {
      for (Point point : points) {
        writer.write(point);
      }
    }

    assertThat(read(file, ReadingOptions.DEFAULT)).isEqualTo(points);
  }

  @Test
  void passesOverEmptyLinesAndNeedsNoLastLineFeed() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("a.jsonl"),
            "\n"
                + "{\"id\":1,\"vector\":[1]}\r\n"
                + "  \r\n"
                + "{\"id\":\"b\",\"vectors\":{\"x\":[[1],[2]]},\"seq\":9}");

    assertThat(read(file, ReadingOptions.DEFAULT))
        .containsExactly(
            Point.of(PointId.of(1), Vector.of(1)),
            Point.of(
                PointId.of("b"), Map.of(), Map.of("x", new Vector(new float[] {1, 2}, 2, ""))));
  }

  @Test
  void namesTheLineThatIsMalformed() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("a.jsonl"),
            "{\"id\":1,\"vector\":[1]}\n\n{\"id\":2,\"vector\":[1,}\n");

    try (PointReader reader = PointReader.open(file, ReadingOptions.DEFAULT)) {
      assertThat(reader.next()).isPresent();
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(reader::next)
          .withMessageStartingWith(file + ", line 3: ");
    }
  }

  @Test
  void readsLinesLongerThanItsBuffer() throws IOException {
    String text = "x".repeat(3 << 20);
    Path file =
        Files.writeString(
            directory.resolve("a.jsonl"),
            "{\"id\":1,\"payload\":{\"t\":\"" + text + "\"}}\n{\"id\":2}\n");

    List<Point> points = read(file, ReadingOptions.DEFAULT);
    assertThat(points).hasSize(2);
    assertThat(points.get(0).payload()).containsEntry("t", new Value.StringValue(text));
  }

  @Test
  void readsParquetOfEveryKind() throws Exception {
    List<Point> points = read(resource("points-snappy.parquet"), ReadingOptions.DEFAULT);

    assertThat(points).hasSize(3);
    Map<String, Value> first = points.get(0).payload();
    assertThat(points.get(0).id()).isEqualTo(PointId.of("a"));
    assertThat(points.get(0).vectors())
        .containsOnly(Map.entry("default", Vector.of(0.5f, -1.25f, 3)));
    assertThat(first)
        .containsOnly(
            Map.entry("count", new Value.IntValue(1)),
            Map.entry("small", new Value.IntValue(1)),
            Map.entry("price", new Value.DoubleValue(1)),
            Map.entry("flag", new Value.BoolValue(true)),
            Map.entry("at", new Value.TimestampValue(Instant.parse("2026-01-31T12:00:00.123456Z"))),
            Map.entry("day", new Value.StringValue("2026-01-31")),
            Map.entry("tags", Value.of(List.of("x", "y"))),
            Map.entry("nested", Value.of(Map.of("n", 1, "s", "q"))));
    assertThat(points.get(1).payload())
        .containsEntry("count", new Value.IntValue(-9007199254740993L))
        .containsEntry("at", new Value.TimestampValue(Instant.parse("1969-12-31T23:59:59Z")))
        .containsEntry("tags", Value.of(List.of()))
        .containsEntry("nested", Value.of(Map.of("n", 2)));
    assertThat(points.get(2).payload())
        .containsOnly(Map.entry("small", new Value.IntValue(4294967295L)));
    assertThat(points.get(2).vectors().get("default")).isEqualTo(Vector.of(0, 0.25f, -8));
  }

  @Test
  void numbersParquetRowsWithoutIds() throws Exception {
    List<Point> points =
        read(
            resource("numbers-zstd.parquet"),
            new ReadingOptions("f", 100, "", "vec", Optional.empty()));

    assertThat(points).hasSize(5);
    assertThat(points.get(4))
        .isEqualTo(
            Point.of(
                PointId.of(104),
                Map.of("label", new Value.IntValue(4)),
                Map.of("f", Vector.of(4, 4.5f))));
  }

  @Test
  void takesRunsOfRowsForMatrices() throws IOException {
    Path file = directory.resolve("tokens.npy");
    try (PointWriter writer = PointWriter.npy(file, "default")) {
      for (int i = 0; i < 6; i++) {
        writer.write(Point.of(PointId.of(i), Vector.of(i, -i)));
      }
    }
    Path lengths = Files.writeString(directory.resolve("lengths.txt"), "1\n3\n 2 \n");
    ReadingOptions options = ReadingOptions.DEFAULT.withLengths(lengths);
    try (PointReader reader = PointReader.open(file, options)) {
      assertThat(reader.total()).hasValue(3);
    }
    assertThat(read(file, options))
        .containsExactly(
            Point.of(PointId.of(0), Vector.ofRows(new float[][] {{0, 0}})),
            Point.of(PointId.of(1), Vector.ofRows(new float[][] {{1, -1}, {2, -2}, {3, -3}})),
            Point.of(PointId.of(2), Vector.ofRows(new float[][] {{4, -4}, {5, -5}})));

    refusedLengths(file, "1\n3\n", "2 lengths of 4 rows in all (expected: 6 in ");
    refusedLengths(file, "1\n0\n5\n", "row 1: \"0\" (expected: a number from 1 to 2097152");
    refusedLengths(file, "1\n\n5\n", "row 1: \"\"");
    refusedLengths(file, "6\n2097153\n", "row 1: \"2097153\"");
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> PointReader.open(directory.resolve("a.jsonl"), options))
        .withMessageContaining("a file beside lengths");
  }

  private void refusedLengths(Path file, String text, String message) throws IOException {
    Path lengths = Files.writeString(directory.resolve("bad.txt"), text);
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> PointReader.open(file, ReadingOptions.DEFAULT.withLengths(lengths)))
        .withMessageContaining(message);
  }

  @Test
  void readsMatricesOfParquet() throws Exception {
    List<Point> points = read(resource("tokens.parquet"), ReadingOptions.DEFAULT);
    assertThat(points.subList(0, 2))
        .containsExactly(
            Point.of(
                PointId.of("a"),
                Map.of("title", Value.of("one")),
                Vector.ofRows(new float[][] {{1, 2, 3}, {4, 5, 6}})),
            Point.of(
                PointId.of("b"),
                Map.of("title", Value.of("two")),
                Vector.ofRows(new float[][] {{0.25f, 0, -1}})));
    try (PointReader reader =
        PointReader.open(resource("ragged.parquet"), ReadingOptions.DEFAULT)) {
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(reader::next)
          .withMessageContaining("row 0: vector 1 of 2 numbers (expected: 3, as in vector 0)");
    }
  }

  @Test
  void asksWhichParquetColumnIsMeant() throws Exception {
    Path file = resource("two-vectors.parquet");

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> PointReader.open(file, ReadingOptions.DEFAULT))
        .withMessageContaining("2 columns can be the vector (a, b)")
        .withMessageContaining("--vector-column");
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(
            () -> PointReader.open(file, new ReadingOptions("d", 0, "", "nope", Optional.empty())))
        .withMessageContaining("\"nope\" is not a vector column");
    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(
            () -> PointReader.open(file, new ReadingOptions("d", 0, "key", "a", Optional.empty())))
        .withMessageContaining("no column \"key\"");
  }

  @Test
  void readsUnsignedParquetIdsAndRefusesNaN() throws Exception {
    Path file = resource("two-vectors.parquet");
    try (PointReader reader =
        PointReader.open(file, new ReadingOptions("d", 0, "", "b", Optional.empty()))) {
      assertThat(reader.total()).hasValue(2);
      assertThat(reader.next().map(Point::id)).contains(PointId.of(0));
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(reader::next)
          .withMessageContaining("row 1: value 0 is NaN");
    }
    try (PointReader reader =
        PointReader.open(file, new ReadingOptions("d", 0, "", "a", Optional.empty()))) {
      assertThat(reader.next()).isPresent();
      // The largest id: all 64 bits set.
      assertThat(reader.next().map(Point::id)).contains(PointId.of(-1));
      assertThat(reader.next()).isEmpty();
    }
    try (PointReader reader =
        PointReader.open(file, new ReadingOptions("d", 0, "a", "b", Optional.empty()))) {
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(reader::next)
          .withMessageContaining("row 0: id");
    }
  }

  @Test
  void refusesParquetTypesWithoutACounterpart() throws Exception {
    try (PointReader reader =
        PointReader.open(resource("raw-bytes.parquet"), ReadingOptions.DEFAULT)) {
      assertThatExceptionOfType(FileFormatException.class)
          .isThrownBy(reader::next)
          .withMessageContaining("row 0: column raw holds");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 100, 2000, 4600})
  void refusesATruncatedParquetFile(int length) throws Exception {
    byte[] whole = Files.readAllBytes(resource("points-snappy.parquet"));
    Path file = Files.write(directory.resolve("cut.parquet"), Arrays.copyOf(whole, length));

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> read(file, ReadingOptions.DEFAULT))
        .withMessageContaining("cut.parquet");
  }

  @Test
  void refusesADamagedParquetPage() throws Exception {
    Path file = directory.resolve("damaged.parquet");
    Files.copy(resource("points-snappy.parquet"), file);
    byte[] bytes = Files.readAllBytes(file);
    Arrays.fill(bytes, 4, 60, (byte) 0xFF);
    Files.write(file, bytes, StandardOpenOption.TRUNCATE_EXISTING);

    assertThatExceptionOfType(FileFormatException.class)
        .isThrownBy(() -> read(file, ReadingOptions.DEFAULT))
        .withMessageContaining("damaged.parquet");
  }

  private static List<Point> read(Path file, ReadingOptions options) throws IOException {
    List<Point> points = new ArrayList<>();
    try (PointReader reader = PointReader.open(file, options)) {
      for (Optional<Point> point = reader.next(); point.isPresent(); point = reader.next()) {
        points.add(point.get());
      }
    }
    return points;
  }

  private static Path resource(String name) throws URISyntaxException {
    var url = PointFilesTest.class.getResource(name);
    if (url == null) {
      throw new UncheckedIOException(new IOException("no resource " + name));
    }
    return Path.of(url.toURI());
  }
}
