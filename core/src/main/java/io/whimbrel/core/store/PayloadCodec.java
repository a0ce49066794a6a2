package io.whimbrel.core.store;

import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Value;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Payloads as bytes: fields in name order, each value behind a tag that names its type, so that
/// equal payloads have equal bytes and int64 and double never meet.
public final class PayloadCodec {
  private static final int NULL = 0;
  private static final int FALSE = 1;
  private static final int TRUE = 2;
  private static final int INT = 3;
  private static final int DOUBLE = 4;
  private static final int STRING = 5;
  private static final int TIMESTAMP = 6;
  private static final int LIST = 7;
  private static final int OBJECT = 8;

  private PayloadCodec() {}

  /// Refuses payloads deeper or larger than the limits; `field` is the request field to blame.
  public static byte[] encode(String field, Map<String, Value> payload) {
    RecordWriter out = new RecordWriter();
    writeFields(out, field, payload, 1);
    return out.toBytes();
  }

  public static Map<String, Value> decode(byte[] bytes) throws StorageException {
    return readFields(new RecordReader(bytes), 1);
  }

  private static void writeFields(
      RecordWriter out, String field, Map<String, Value> fields, int depth) {
    out.varint(fields.size());
    for (Map.Entry<String, Value> entry : new TreeMap<>(fields).entrySet()) {
      out.text(entry.getKey());
      write(out, field, entry.getValue(), depth);
    }
    Limits.checkRange(field + " bytes", out.size(), 0, Limits.PAYLOAD_BYTES_MAX);
  }

  private static void write(RecordWriter out, String field, Value value, int depth) {
    Limits.checkRange(field + " depth", depth, 1, Limits.PAYLOAD_DEPTH_MAX);
    switch (value) {
      case Value.NullValue _ -> out.u8(NULL);
      case Value.BoolValue v -> out.u8(v.value() ? TRUE : FALSE);
      case Value.IntValue v -> out.u8(INT).i64(v.value());
      case Value.DoubleValue v -> out.u8(DOUBLE).i64(Double.doubleToRawLongBits(v.value()));
      case Value.StringValue v -> out.u8(STRING).text(v.value());
      case Value.TimestampValue v ->
          out.u8(TIMESTAMP).i64(v.value().getEpochSecond()).varint(v.value().getNano());
      case Value.ListValue v -> {
        out.u8(LIST).varint(v.values().size());
        for (Value element : v.values()) {
          write(out, field, element, depth + 1);
        }
      }
      case Value.ObjectValue v -> {
        out.u8(OBJECT);
        writeFields(out, field, v.fields(), depth + 1);
      }
    }
  }

  private static Map<String, Value> readFields(RecordReader in, int depth) throws StorageException {
    int count = in.count();
    Map<String, Value> fields = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      fields.put(in.text(), read(in, depth));
    }
    return fields;
  }

  private static Value read(RecordReader in, int depth) throws StorageException {
    if (depth > Limits.PAYLOAD_DEPTH_MAX) {
      throw new StorageException("a stored payload is nested too deep");
    }
    int tag = in.u8();
    return switch (tag) {
      case NULL -> Value.NullValue.INSTANCE;
      case FALSE -> new Value.BoolValue(false);
      case TRUE -> new Value.BoolValue(true);
      case INT -> new Value.IntValue(in.i64());
      case DOUBLE -> new Value.DoubleValue(Double.longBitsToDouble(in.i64()));
      case STRING -> new Value.StringValue(in.text());
      case TIMESTAMP -> new Value.TimestampValue(Instant.ofEpochSecond(in.i64(), in.varint()));
      case LIST -> {
        int count = in.count();
        List<Value> values = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          values.add(read(in, depth + 1));
        }
        yield new Value.ListValue(values);
      }
      case OBJECT -> new Value.ObjectValue(readFields(in, depth + 1));
      default -> throw new StorageException("a stored payload has the unknown tag " + tag);
    };
  }
}
