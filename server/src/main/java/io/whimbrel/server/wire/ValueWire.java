package io.whimbrel.server.wire;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ListValue;
import io.whimbrel.proto.v1.NullValue;
import io.whimbrel.proto.v1.ObjectValue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Payload values. Depth is bounded by the protobuf parser (100) before it is by the core.
public final class ValueWire {
  private ValueWire() {}

  static Map<String, Value> fields(Map<String, io.whimbrel.proto.v1.Value> messages) {
    Map<String, Value> fields = HashMap.newHashMap(messages.size());
    for (Map.Entry<String, io.whimbrel.proto.v1.Value> entry : messages.entrySet()) {
      try {
        fields.put(entry.getKey(), value(entry.getValue()));
      } catch (WhimbrelException e) {
        throw Form.within(entry.getKey(), e);
      }
    }
    return fields;
  }

  public static Map<String, Value> object(ObjectValue message) {
    Form.known(message);
    return fields(message.getFieldsMap());
  }

  static Value value(io.whimbrel.proto.v1.Value message) {
    Form.known(message);
    return switch (message.getKindCase()) {
      case NULL_VALUE -> nullValue(message);
      case BOOL_VALUE -> new Value.BoolValue(message.getBoolValue());
      case INT_VALUE -> new Value.IntValue(message.getIntValue());
      case DOUBLE_VALUE -> new Value.DoubleValue(message.getDoubleValue());
      case STRING_VALUE -> new Value.StringValue(message.getStringValue());
      case TIMESTAMP_VALUE -> new Value.TimestampValue(instant(message.getTimestampValue()));
      case LIST_VALUE -> list(message.getListValue());
      case OBJECT_VALUE -> new Value.ObjectValue(object(message.getObjectValue()));
      case KIND_NOT_SET -> throw Form.missing("kind", "a value; an explicit null is null_value");
    };
  }

  private static Value nullValue(io.whimbrel.proto.v1.Value message) {
    if (message.getNullValue() != NullValue.NULL_VALUE_NULL) {
      throw Form.unknownEnum("null_value", message.getNullValueValue(), "NULL_VALUE_NULL");
    }
    return Value.NullValue.INSTANCE;
  }

  private static Instant instant(Timestamp message) {
    Form.known(message);
    if (!Timestamps.isValid(message)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "timestamp_value",
          message.getSeconds() + " s and " + message.getNanos() + " ns",
          "years 0001 to 9999, 0 to 999,999,999 ns");
    }
    return Instant.ofEpochSecond(message.getSeconds(), message.getNanos());
  }

  private static Value list(ListValue message) {
    Form.known(message);
    List<Value> values = new ArrayList<>(message.getValuesCount());
    for (int i = 0; i < message.getValuesCount(); i++) {
      try {
        values.add(value(message.getValues(i)));
      } catch (WhimbrelException e) {
        throw Form.within("[" + i + "]", e);
      }
    }
    return new Value.ListValue(values);
  }

  public static io.whimbrel.proto.v1.Value message(Value value) {
    io.whimbrel.proto.v1.Value.Builder out = io.whimbrel.proto.v1.Value.newBuilder();
    return switch (value) {
      case Value.NullValue _ -> out.setNullValue(NullValue.NULL_VALUE_NULL).build();
      case Value.BoolValue(boolean v) -> out.setBoolValue(v).build();
      case Value.IntValue(long v) -> out.setIntValue(v).build();
      case Value.DoubleValue(double v) -> out.setDoubleValue(v).build();
      case Value.StringValue(String v) -> out.setStringValue(v).build();
      case Value.TimestampValue(Instant v) ->
          out.setTimestampValue(
                  Timestamp.newBuilder().setSeconds(v.getEpochSecond()).setNanos(v.getNano()))
              .build();
      case Value.ListValue(List<Value> values) -> {
        ListValue.Builder list = ListValue.newBuilder();
        values.forEach(v -> list.addValues(message(v)));
        yield out.setListValue(list).build();
      }
      case Value.ObjectValue(Map<String, Value> fields) -> {
        ObjectValue.Builder object = ObjectValue.newBuilder();
        fields.forEach((name, v) -> object.putFields(name, message(v)));
        yield out.setObjectValue(object).build();
      }
    };
  }
}
