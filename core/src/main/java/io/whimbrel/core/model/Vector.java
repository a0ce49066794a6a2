package io.whimbrel.core.model;

import java.util.Arrays;

/// One vector, or one token matrix: `rows` rows of `dimension` float32 values, row after row.
///
/// Holds the array it is given and compares by content; the giver must not change it afterwards.
/// `spaceId` is empty when the sender did not say which embedding space the vector belongs to.
public record Vector(float[] values, int rows, String spaceId) {
  public Vector {
    if (rows < 1 || values.length == 0 || values.length % rows != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "vector",
          values.length + " values in " + rows + " rows",
          "at least one row, rows of equal length");
    }
  }

  public static Vector of(float... values) {
    return new Vector(values, 1, "");
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
