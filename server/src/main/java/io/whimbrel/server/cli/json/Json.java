package io.whimbrel.server.cli.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.TreeMap;

/// The words that the JSON of this program shares, and the writing side. See the package for the
/// spelling.
public final class Json {
  static final String TIMESTAMP = "$timestamp";
  static final String DOUBLE = "$double";
  static final String OBJECT = "$object";

  static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .build();

  private Json() {}

  /// A generator of UTF-8 that leaves `out` open.
  public static JsonGenerator generator(OutputStream out) throws IOException {
    return FACTORY.createGenerator(out);
  }

  static boolean isSpecial(String key) {
    return key.equals(TIMESTAMP) || key.equals(DOUBLE) || key.equals(OBJECT);
  }

  public static void writeId(JsonGenerator json, PointId id) throws IOException {
    switch (id) {
      case PointId.Text(String text) -> json.writeString(text);
      case PointId.Number(long number) -> json.writeNumber(Long.toUnsignedString(number));
    }
  }

  /// Writes the fields in the order of their names, so that equal payloads give equal text.
  public static void writePayload(JsonGenerator json, Map<String, Value> payload)
      throws IOException {
    json.writeStartObject();
    for (Map.Entry<String, Value> field : new TreeMap<>(payload).entrySet()) {
      json.writeFieldName(field.getKey());
      writeValue(json, field.getValue());
    }
    json.writeEndObject();
  }

  /// Writes an object of vectors by field name.
  public static void writeVectors(JsonGenerator json, Map<String, Vector> vectors)
      throws IOException {
    json.writeStartObject();
    for (Map.Entry<String, Vector> field : new TreeMap<>(vectors).entrySet()) {
      json.writeFieldName(field.getKey());
      writeVector(json, field.getValue());
    }
    json.writeEndObject();
  }

  public static void writeVector(JsonGenerator json, Vector vector) throws IOException {
    boolean matrix = vector.rows() > 1;
    int dimension = vector.dimension();
    float[] values = vector.values();
    json.writeStartArray();
    for (int row = 0; row < vector.rows(); row++) {
      if (matrix) {
        json.writeStartArray();
      }
      for (int i = row * dimension; i < (row + 1) * dimension; i++) {
        json.writeNumber(values[i]);
      }
      if (matrix) {
        json.writeEndArray();
      }
    }
    json.writeEndArray();
  }

  /// Writes the fields of a point into the object that is open.
  public static void writePointFields(
      JsonGenerator json, PointId id, Map<String, Value> payload, Map<String, Vector> vectors)
      throws IOException {
    json.writeFieldName("id");
    writeId(json, id);
    json.writeFieldName("payload");
    writePayload(json, payload);
    if (!vectors.isEmpty()) {
      json.writeFieldName("vectors");
      writeVectors(json, vectors);
    }
  }

  public static void writeValue(JsonGenerator json, Value value) throws IOException {
    switch (value) {
      case Value.NullValue _ -> json.writeNull();
      case Value.BoolValue(boolean bool) -> json.writeBoolean(bool);
      case Value.IntValue(long number) -> json.writeNumber(number);
      case Value.DoubleValue(double number) -> {
        if (Double.isFinite(number)) {
          json.writeNumber(number);
        } else {
          writeSpecial(json, DOUBLE, Double.toString(number));
        }
      }
      case Value.StringValue(String text) -> json.writeString(text);
      case Value.TimestampValue(var instant) -> writeSpecial(json, TIMESTAMP, instant.toString());
      case Value.ListValue(var values) -> {
        json.writeStartArray();
        for (Value element : values) {
          writeValue(json, element);
        }
        json.writeEndArray();
      }
      case Value.ObjectValue(var fields) -> {
        boolean wrapped = fields.keySet().stream().anyMatch(Json::isSpecial);
        if (wrapped) {
          json.writeStartObject();
          json.writeFieldName(OBJECT);
        }
        writePayload(json, fields);
        if (wrapped) {
          json.writeEndObject();
        }
      }
    }
  }

  private static void writeSpecial(JsonGenerator json, String key, String text) throws IOException {
    json.writeStartObject();
    json.writeStringField(key, text);
    json.writeEndObject();
  }
}
