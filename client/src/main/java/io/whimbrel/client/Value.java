package io.whimbrel.client;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A payload value. Whole numbers and doubles are different kinds and are never converted into each
 * other.
 */
public sealed interface Value {
  /**
   * The value for a plain Java object: null, a {@link Value}, Boolean, Byte, Short, Integer, Long,
   * Float, Double, CharSequence, {@link Instant}, a Collection of these, or a Map from text to
   * these. Anything else is refused with INVALID_ARGUMENT; nothing is turned into text in silence.
   */
  static Value of(@Nullable Object object) {
    if (object == null) {
      return NullValue.INSTANCE;
    } else if (object instanceof Value value) {
      return value;
    } else if (object instanceof Boolean bool) {
      return new BoolValue(bool);
    } else if (object instanceof Long
        || object instanceof Integer
        || object instanceof Short
        || object instanceof Byte) {
      return new IntValue(((Number) object).longValue());
    } else if (object instanceof Double || object instanceof Float) {
      return new DoubleValue(((Number) object).doubleValue());
    } else if (object instanceof CharSequence text) {
      return new StringValue(text.toString());
    } else if (object instanceof Instant instant) {
      return new TimestampValue(instant);
    } else if (object instanceof Collection<?> collection) {
      List<Value> values = new ArrayList<>(collection.size());
      for (Object element : collection) {
        values.add(of(element));
      }
      return new ListValue(values);
    } else if (object instanceof Map<?, ?> map) {
      return new ObjectValue(payload(map));
    }
    throw WhimbrelException.refusal(
        ErrorCode.INVALID_ARGUMENT,
        "payload",
        object.getClass().getName(),
        "null, a boolean, a number of up to 64 bits, text, Instant, Collection, Map or Value");
  }

  /** A payload from plain Java objects, see {@link #of}. */
  static Map<String, Value> payload(Map<?, ?> fields) {
    Map<String, Value> values = new LinkedHashMap<>();
    fields.forEach((name, value) -> {
      if (!(name instanceof String key)) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT, "payload", name, "field names of type String");
      }
      values.put(key, of(value));
    });
    return values;
  }

  /** An explicit null, which is not the same as an absent field. */
  record NullValue() implements Value {
    public static final NullValue INSTANCE = new NullValue();
  }

  record BoolValue(boolean value) implements Value {}

  record IntValue(long value) implements Value {}

  /**
   * Any double, kept bit for bit. Two are equal as by {@link Double#equals}: NaN is NaN, 0.0 is not
   * -0.0.
   */
  record DoubleValue(double value) implements Value {}

  record StringValue(String value) implements Value {
    public StringValue {
      Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "payload", value);
    }
  }

  /** A moment in nanoseconds, years 0001 to 9999. */
  record TimestampValue(Instant value) implements Value {
    private static final Instant MIN = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant MAX = Instant.parse("9999-12-31T23:59:59.999999999Z");

    public TimestampValue {
      if (value.isBefore(MIN) || value.isAfter(MAX)) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT, "payload", value, MIN + " to " + MAX);
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
      fields.keySet().forEach(key -> Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "payload", key));
      fields = Map.copyOf(fields);
    }
  }
}
