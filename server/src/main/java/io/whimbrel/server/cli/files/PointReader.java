package io.whimbrel.server.cli.files;

import io.whimbrel.client.Point;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/// Points of a file, from front to back. One thread at a time.
public interface PointReader extends AutoCloseable {
  /// The next point, or nothing after the last.
  Optional<Point> next() throws IOException;

  /// How many points the file holds in all, when it can be told without reading it.
  OptionalLong total();

  @Override
  void close() throws IOException;

  /// Opens `file` by the ending of its name.
  static PointReader open(Path file, ReadingOptions options) throws IOException {
    if (MatrixFile.isMatrix(file)) {
      return options.lengths().isPresent()
          ? TokenPoints.open(file, options.lengths().get(), options)
          : new MatrixPoints(MatrixFile.open(file), options);
    }
    if (options.lengths().isPresent()) {
      throw FileFormatException.of(
          file, "a file beside lengths", "fvecs, bvecs, f16vecs or npy; others say their rows");
    }
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
      return new JsonLinesReader(file);
    }
    if (name.endsWith(".parquet")) {
      return new ParquetPoints(file, options);
    }
    throw FileFormatException.of(
        file, "an unknown ending", ".fvecs, .bvecs, .f16vecs, .npy, .jsonl, .ndjson or .parquet");
  }
}
