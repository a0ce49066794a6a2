package io.whimbrel.bench.dataset;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// Rows, queries and what is true of them.
///
/// @param name the folder's, with the prefix
/// @param exactHere whether the exact answers were computed here rather than read
public record SearchSet(
    String name, Metric metric, float[][] base, float[][] queries, Truth truth, boolean exactHere) {
  /// Opens `PREFIXbase`, `PREFIXquery` and `PREFIXgroundtruth.ivecs` of a folder. Without that last
  /// one, and for a part of the base, the exact answers are computed.
  ///
  /// @param rowsMax how many rows of the base
  public static SearchSet open(Path folder, String prefix, Metric metric, long rowsMax, int k)
      throws IOException {
    Path baseFile = VectorFile.find(folder, prefix + "base");
    float[][] base = VectorFile.read(baseFile, rowsMax);
    float[][] queries = VectorFile.read(VectorFile.find(folder, prefix + "query"), Long.MAX_VALUE);
    checkSame(base, queries, k);
    if (metric == Metric.COSINE) {
      checkDirections("base", base);
      checkDirections("query", queries);
    }
    Distances distances = new Distances(metric, base, queries);
    Path truthFile = folder.resolve(prefix + "groundtruth.ivecs");
    boolean exactHere = VectorFile.count(baseFile) > base.length || !Files.exists(truthFile);
    Truth truth =
        exactHere
            ? Truth.exact(distances, k)
            : Truth.of(distances, VectorFile.readInts(truthFile, Long.MAX_VALUE), k);
    String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    return new SearchSet(
        prefix.isEmpty() ? name : name + "/" + prefix, metric, base, queries, truth, exactHere);
  }

  private static void checkSame(float[][] base, float[][] queries, int k) {
    if (queries[0].length != base[0].length) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          "query",
          queries[0].length,
          base[0].length + ", the base's");
    }
    if (base.length < k) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "base", base.length + " rows", "at least k = " + k);
    }
  }

  private static void checkDirections(String field, float[][] rows) {
    for (int row = 0; row < rows.length; row++) {
      if (norm(rows[row]) == 0) {
        throw WhimbrelException.of(
            ErrorCode.ZERO_VECTOR, field + "[" + row + "]", "all zero", "a direction, for COSINE");
      }
    }
  }

  public int dimension() {
    return base[0].length;
  }

  /// The same with at most so many queries, the first.
  public SearchSet first(int queriesMax) {
    if (queriesMax >= queries.length) {
      return this;
    }
    float[][] some = Arrays.copyOf(queries, queriesMax);
    return new SearchSet(name, metric, base, some, truth.first(queriesMax), exactHere);
  }

  /// Writes rows as the systems read them: float32, little-endian, nothing else; under COSINE of
  /// unit length.
  public void write(float[][] rows, Path file) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(dimension() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      for (float[] row : rows) {
        double scale = metric == Metric.COSINE ? 1 / norm(row) : 1;
        for (int i = 0; i < row.length; i++) {
          bytes.putFloat(i * Float.BYTES, (float) (row[i] * scale));
        }
        out.write(bytes.array());
      }
    }
  }

  private static double norm(float[] row) {
    double squares = 0;
    for (float value : row) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }
}
