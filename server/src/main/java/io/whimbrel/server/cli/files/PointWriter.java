package io.whimbrel.server.cli.files;

import io.whimbrel.client.Point;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

/// Writes points to a file. One thread at a time; the file is whole only after [#close].
public interface PointWriter extends AutoCloseable {
  void write(Point point) throws IOException;

  @Override
  void close() throws IOException;

  /// Points as JSON lines; closes `out`.
  static PointWriter jsonLines(OutputStream out) throws IOException {
    return new JsonLinesWriter(out);
  }

  /// The vectors of `field` as float32 rows, without ids and payload.
  static PointWriter fvecs(Path file, String field) throws IOException {
    return new MatrixWriter(file, field, false);
  }

  /// The vectors of `field` as a two-dimensional NumPy array of float32, without ids and payload.
  static PointWriter npy(Path file, String field) throws IOException {
    return new MatrixWriter(file, field, true);
  }
}
