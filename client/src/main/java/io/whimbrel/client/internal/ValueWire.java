package io.whimbrel.client.internal;

import com.google.protobuf.Timestamp;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.proto.v1.ListValue;
import io.whimbrel.proto.v1.NullValue;
import io.whimbrel.proto.v1.ObjectValue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Ids and payload values to messages and back. */
public final class ValueWire {
  private ValueWire() {}

  public static io.whimbrel.proto.v1.PointId encode(PointId id) {
    io.whimbrel.proto.v1.PointId.Builder message = io.whimbrel.proto.v1.PointId.newBuilder();
    if (id instanceof PointId.Text text) {
      message.setText(text.text());
    } else if (id instanceof PointId.Number number) {
      message.setNumber(number.number());
    }
    return message.build();
  }

  public static List<io.whimbrel.proto.v1.PointId> encodeIds(List<PointId> ids) {
    List<io.whimbrel.proto.v1.PointId> messages = new ArrayList<>(ids.size());
    for (PointId id : ids) {
      messages.add(encode(id));
    }
    return messages;
  }

  public static PointId decode(io.whimbrel.proto.v1.PointId message) {
    return switch (message.getIdCase()) {
      case TEXT -> PointId.of(message.getText());
      case NUMBER -> PointId.of(message.getNumber());
      case ID_NOT_SET -> throw newerServer("id", message.getIdCase());
    };
  }

  public static io.whimbrel.proto.v1.Value encode(Value value) {
    io.whimbrel.proto.v1.Value.Builder message = io.whimbrel.proto.v1.Value.newBuilder();
    if (value instanceof Value.NullValue) {
      message.setNullValue(NullValue.NULL_VALUE_NULL);
    } else if (value instanceof Value.BoolValue bool) {
      message.setBoolValue(bool.value());
    } else if (value instanceof Value.IntValue number) {
      message.setIntValue(number.value());
    } else if (value instanceof Value.DoubleValue number) {
      message.setDoubleValue(number.value());
    } else if (value instanceof Value.StringValue text) {
      message.setStringValue(text.value());
    } else if (value instanceof Value.TimestampValue time) {
      Instant instant = time.value();
      message.setTimestampValue(
          Timestamp.newBuilder().setSeconds(instant.getEpochSecond()).setNanos(instant.getNano()));
    } else if (value instanceof Value.ListValue list) {
      ListValue.Builder values = ListValue.newBuilder();
      list.values().forEach(element -> values.addValues(encode(element)));
      message.setListValue(values);
    } else if (value instanceof Value.ObjectValue object) {
      message.setObjectValue(encodeObject(object.fields()));
    }
    return message.build();
  }

  public static ObjectValue encodeObject(Map<String, Value> fields) {
    ObjectValue.Builder message = ObjectValue.newBuilder();
    fields.forEach((name, value) -> message.putFields(name, encode(value)));
    return message.build();
  }

  public static Value decode(io.whimbrel.proto.v1.Value message) {
    return switch (message.getKindCase()) {
      case NULL_VALUE -> Value.NullValue.INSTANCE;
      case BOOL_VALUE -> new Value.BoolValue(message.getBoolValue());
      case INT_VALUE -> new Value.IntValue(message.getIntValue());
      case DOUBLE_VALUE -> new Value.DoubleValue(message.getDoubleValue());
      case STRING_VALUE -> new Value.StringValue(message.getStringValue());
      case TIMESTAMP_VALUE ->
          new Value.TimestampValue(
              Instant.ofEpochSecond(
                  message.getTimestampValue().getSeconds(),
                  message.getTimestampValue().getNanos()));
      case LIST_VALUE ->
          new Value.ListValue(
              message.getListValue().getValuesList().stream().map(ValueWire::decode).toList());
      case OBJECT_VALUE ->
          new Value.ObjectValue(decodeFields(message.getObjectValue().getFieldsMap()));
      case KIND_NOT_SET -> throw newerServer("payload", message.getKindCase());
    };
  }

  public static Map<String, Value> decodeFields(Map<String, io.whimbrel.proto.v1.Value> fields) {
    Map<String, Value> values = new HashMap<>(fields.size() * 2);
    fields.forEach((name, value) -> values.put(name, decode(value)));
    return values;
  }

  /**
   * What to throw on an answer that holds a variant this client was not built with: guessing would
   * change data.
   */
  static WhimbrelException newerServer(String field, Object variant) {
    return WhimbrelException.refusal(
        ErrorCode.UNKNOWN, field, variant, "a variant this client knows; use a newer client");
  }
}
