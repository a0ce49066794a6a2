package io.whimbrel.core.model;

import java.util.Optional;

/// The types of values that conditions compare and that payload indexes hold.
public enum ScalarType {
  /// Strings, whole and case-sensitive.
  KEYWORD,
  INT64,
  DOUBLE,
  BOOL,
  TIMESTAMP;

  /// Empty for null, lists and objects.
  public static Optional<ScalarType> of(Value value) {
    return switch (value) {
      case Value.StringValue _ -> Optional.of(KEYWORD);
      case Value.IntValue _ -> Optional.of(INT64);
      case Value.DoubleValue _ -> Optional.of(DOUBLE);
      case Value.BoolValue _ -> Optional.of(BOOL);
      case Value.TimestampValue _ -> Optional.of(TIMESTAMP);
      case Value.NullValue _, Value.ListValue _, Value.ObjectValue _ -> Optional.empty();
    };
  }
}
