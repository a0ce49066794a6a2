package io.whimbrel.server.cli.files;

import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Vector;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// Rows of a matrix as points without payload; the ids count up.
final class MatrixPoints implements PointReader {
  private final MatrixFile matrix;
  private final String field;
  private long id;

  MatrixPoints(MatrixFile matrix, ReadingOptions options) {
    this.matrix = matrix;
    this.field = options.field();
    this.id = options.idStart();
  }

  @Override
  public Optional<Point> next() throws IOException {
    return matrix
        .next()
        .map(values -> Point.of(PointId.of(id++), Map.of(), Map.of(field, Vector.of(values))));
  }

  @Override
  public OptionalLong total() {
    return OptionalLong.of(matrix.rows());
  }

  @Override
  public void close() throws IOException {
    matrix.close();
  }
}
