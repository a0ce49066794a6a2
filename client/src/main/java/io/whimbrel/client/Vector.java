package io.whimbrel.client;

import java.util.Arrays;

/**
 * One vector, or one token matrix: {@code rows} rows of {@code dimension} float32 values, row after
 * row.
 *
 * <p>Holds the array it is given, without a copy, and compares by content; nobody may change the
 * array afterwards.
 *
 * @param spaceId the embedding space the vector lives in, see {@link EmbeddingSpec#spaceId}; empty
 *     when not said. The server refuses a vector that names another space than the version that
 *     takes it.
 */
@SuppressWarnings(
    "ArrayRecordComponent") // Compares by content; a copy of every vector would cost too much.
public record Vector(float[] values, int rows, String spaceId) {
  public Vector {
    if (rows < 1 || values.length == 0 || values.length % rows != 0) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT,
          "vector",
          values.length + " values in " + rows + " rows",
          "at least one row, rows of equal length");
    }
  }

  /** A single vector. */
  public static Vector of(float... values) {
    return new Vector(values, 1, "");
  }

  /** A token matrix; copies the rows. */
  public static Vector ofRows(float[][] rows) {
    int dimension = rows.length == 0 ? 0 : rows[0].length;
    float[] values = new float[rows.length * dimension];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != dimension) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT,
            "vector",
            rows[i].length + " values in row " + i,
            dimension + " values, as in row 0");
      }
      System.arraycopy(rows[i], 0, values, i * dimension, dimension);
    }
    return new Vector(values, rows.length, "");
  }

  /** The same values, said to live in {@code spaceId}. */
  public Vector inSpace(String spaceId) {
    return new Vector(values, rows, spaceId);
  }

  public int dimension() {
    return values.length / rows;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Vector v
        && v.rows == rows
        && v.spaceId.equals(spaceId)
        && Arrays.equals(v.values, values);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(values) + rows;
  }

  @Override
  public String toString() {
    return "Vector[" + rows + " x " + dimension() + "]";
  }
}
