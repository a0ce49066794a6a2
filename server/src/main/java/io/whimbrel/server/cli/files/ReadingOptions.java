package io.whimbrel.server.cli.files;

import java.nio.file.Path;
import java.util.Optional;

/// How rows become points.
///
/// @param field vector field that takes the vectors of files that do not name one
/// @param idStart id of row 0 where rows have no id, unsigned
/// @param idColumn Parquet: column of ids; empty for `id` when there is one, otherwise row numbers
/// @param vectorColumn Parquet: column of vectors; empty for the only column that can be one
/// @param lengths matrices: a file of how many rows each point has; without it one
public record ReadingOptions(
    String field, long idStart, String idColumn, String vectorColumn, Optional<Path> lengths) {
  /// Field `default`, ids from zero, columns found by themselves, one row a point.
  public static final ReadingOptions DEFAULT =
      new ReadingOptions("default", 0, "", "", Optional.empty());

  public ReadingOptions withLengths(Path file) {
    return new ReadingOptions(field, idStart, idColumn, vectorColumn, Optional.of(file));
  }
}
