package io.whimbrel.server.cli.files;

import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Vector;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// Runs of rows of a matrix as points of many vectors, without payload; the ids count up.
///
/// A text file beside the matrix says how many rows each point has, one number a line. Opening
/// checks that they add up to the rows there are.
final class TokenPoints implements PointReader {
  private final Path file;
  private final Path lengthsFile;
  private final MatrixFile matrix;
  private final BufferedReader lengths;
  private final String field;
  private final long points;
  private long id;
  private long line;

  private TokenPoints(
      Path file,
      Path lengthsFile,
      MatrixFile matrix,
      BufferedReader lengths,
      long points,
      ReadingOptions options) {
    this.file = file;
    this.lengthsFile = lengthsFile;
    this.matrix = matrix;
    this.lengths = lengths;
    this.points = points;
    this.field = options.field();
    this.id = options.idStart();
  }

  static TokenPoints open(Path file, Path lengthsFile, ReadingOptions options) throws IOException {
    MatrixFile matrix = MatrixFile.open(file);
    try {
      long rows = 0;
      long points = 0;
      try (BufferedReader lines = Files.newBufferedReader(lengthsFile)) {
        for (String text = lines.readLine(); text != null; text = lines.readLine()) {
          rows += length(lengthsFile, points++, text, matrix.dimension());
        }
      }
      if (rows != matrix.rows()) {
        throw FileFormatException.of(
            lengthsFile,
            points + " lengths of " + rows + " rows in all",
            matrix.rows() + " in " + file);
      }
      return new TokenPoints(
          file, lengthsFile, matrix, Files.newBufferedReader(lengthsFile), points, options);
    } catch (IOException | RuntimeException e) {
      matrix.close();
      throw e;
    }
  }

  private static int length(Path lengthsFile, long line, String text, int dimension)
      throws FileFormatException {
    int most = JsonReader.VECTOR_VALUES_MAX / dimension;
    try {
      int length = Integer.parseInt(text.strip());
      if (length >= 1 && length <= most) {
        return length;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one refusal below.
    }
    throw FileFormatException.atRow(
        lengthsFile, line, "\"" + text + '"', "a number from 1 to " + most);
  }

  @Override
  public Optional<Point> next() throws IOException {
    String text = lengths.readLine();
    if (text == null) {
      return Optional.empty();
    }
    int length = length(lengthsFile, line++, text, matrix.dimension());
    float[] values = new float[length * matrix.dimension()];
    for (int row = 0; row < length; row++) {
      float[] token =
          matrix
              .next()
              .orElseThrow(() ->
                  FileFormatException.of(
                      file, "the rows end early", "as many as " + lengthsFile + " says"));
      System.arraycopy(token, 0, values, row * token.length, token.length);
    }
    return Optional.of(
        Point.of(PointId.of(id++), Map.of(), Map.of(field, new Vector(values, length, ""))));
  }

  @Override
  public OptionalLong total() {
    return OptionalLong.of(points);
  }

  @Override
  public void close() throws IOException {
    lengths.close();
    matrix.close();
  }
}
