package io.whimbrel.core.model;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/// A payload value. Whole numbers and doubles are different kinds and are never converted into each
/// other.
public sealed interface Value {
  /// An explicit null, which is not the same as an absent field.
  record NullValue() implements Value {
    public static final NullValue INSTANCE = new NullValue();
  }

  record BoolValue(boolean value) implements Value {}

  record IntValue(long value) implements Value {}

  /// Any double, NaN and negative zero included, kept bit for bit.
  record DoubleValue(double value) implements Value {}

  record StringValue(String value) implements Value {}

  /// Nanosecond resolution, years 0001 to 9999.
  record TimestampValue(Instant value) implements Value {
    private static final Instant MIN = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant MAX = Instant.parse("9999-12-31T23:59:59.999999999Z");

    public TimestampValue {
      if (value.isBefore(MIN) || value.isAfter(MAX)) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT, "timestamp", value, MIN + " to " + MAX);
      }
    }
  }

  record ListValue(List<Value> values) implements Value {
    public ListValue {
      values = List.copyOf(values);
    }
  }

  record ObjectValue(Map<String, Value> fields) implements Value {
    public ObjectValue {
      fields = Map.copyOf(fields);
    }
  }
}
