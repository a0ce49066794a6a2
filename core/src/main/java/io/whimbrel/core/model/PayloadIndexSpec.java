package io.whimbrel.core.model;

/// A declared index over the values of one type that a path leads to. Values of other types are
/// passed over; conditions of other types on the path are refused.
public record PayloadIndexSpec(FieldPath path, ScalarType type) {
  /// `path` as text.
  public static PayloadIndexSpec of(String path, ScalarType type) {
    return new PayloadIndexSpec(FieldPath.of(path), type);
  }
}
