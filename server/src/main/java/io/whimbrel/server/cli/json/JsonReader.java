package io.whimbrel.server.cli.json;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads points, payloads and vectors from one JSON document in memory.
///
/// Every failure is a [JsonParseException] whose original message reads `path: found (expected:
/// expectation)`.
public final class JsonReader implements AutoCloseable {
  /// Most numbers in one vector or token matrix: 16 MiB as float32, what one request may carry.
  public static final int VECTOR_VALUES_MAX = 4 << 20;

  private static final BigInteger UINT64_MAX = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
  private static final BigInteger INT64_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger INT64_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  private final JsonParser parser;

  public JsonReader(byte[] json, int length) throws IOException {
    this.parser = Json.FACTORY.createParser(json, 0, length);
  }

  /// Reads the whole document as a point. The keys are `id`, `vector` or `vectors`, `payload`;
  /// `seq` is passed over, so that what a read prints can be imported.
  public Point readPoint() throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "a point", "an object");
    @Nullable PointId id = null;
    Map<String, Value> payload = Map.of();
    Map<String, Vector> vectors = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "id" -> id = id();
        case "vector" -> putVector(vectors, FieldSpec.DEFAULT_NAME);
        case "vectors" -> {
          expect(parser.currentToken(), JsonToken.START_OBJECT, key, "an object of vectors");
          while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            parser.nextToken();
            putVector(vectors, field);
          }
        }
        case "payload" -> {
          expect(parser.currentToken(), JsonToken.START_OBJECT, key, "an object");
          payload = fields(key);
        }
        case "seq" -> parser.skipChildren();
        default -> throw refuse("key \"" + key + '"', "", "id, vector or vectors, payload");
      }
    }
    expectEnd();
    if (id == null) {
      throw refuse("id", "missing", "a string or a number from 0 to 2^64 - 1");
    }
    return Point.of(id, payload, vectors);
  }

  /// Reads the whole document as a vector or a token matrix.
  public Vector readVector() throws IOException {
    parser.nextToken();
    Vector vector = vector("vector");
    expectEnd();
    return vector;
  }

  /// Reads the whole document as a payload.
  public Map<String, Value> readPayload() throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "payload", "an object");
    Map<String, Value> payload = fields("payload");
    expectEnd();
    return payload;
  }

  /// Reads the whole document as a point id.
  public PointId readId() throws IOException {
    parser.nextToken();
    PointId id = id();
    expectEnd();
    return id;
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }

  @Nullable JsonToken next() throws IOException {
    return parser.nextToken();
  }

  @Nullable JsonToken current() {
    return parser.currentToken();
  }

  /// The name before the current value.
  String key() throws IOException {
    return parser.currentName();
  }

  /// The current value as a text.
  String string(String path) throws IOException {
    expect(JsonToken.VALUE_STRING, path, "a string");
    return parser.getText();
  }

  boolean truth(String path) throws IOException {
    JsonToken token = parser.currentToken();
    if (token != JsonToken.VALUE_TRUE && token != JsonToken.VALUE_FALSE) {
      throw refuse(path, found(), "true or false");
    }
    return token == JsonToken.VALUE_TRUE;
  }

  /// A whole number from `min` to `max`.
  long whole(String path, long min, long max) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
      BigInteger number = parser.getBigIntegerValue();
      if (number.compareTo(BigInteger.valueOf(min)) >= 0
          && number.compareTo(BigInteger.valueOf(max)) <= 0) {
        return number.longValue();
      }
    }
    throw refuse(path, found(), "a whole number from " + min + " to " + max);
  }

  double real(String path) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == JsonToken.VALUE_NUMBER_FLOAT || token == JsonToken.VALUE_NUMBER_INT) {
      double value = Double.parseDouble(parser.getText());
      if (Double.isFinite(value)) {
        return value;
      }
    }
    throw refuse(path, found(), "a number");
  }

  /// Refuses another token than this as the current one.
  void expect(JsonToken token, String path, String expected) throws IOException {
    expect(parser.currentToken(), token, path, expected);
  }

  PointId id() throws IOException {
    JsonToken token = parser.currentToken();
    if (token == JsonToken.VALUE_STRING) {
      return checked(() -> PointId.of(parser.getText()));
    }
    if (token == JsonToken.VALUE_NUMBER_INT) {
      BigInteger number = parser.getBigIntegerValue();
      if (number.signum() >= 0 && number.compareTo(UINT64_MAX) <= 0) {
        return PointId.of(number.longValue());
      }
    }
    throw refuse("id", found(), "a string or a number from 0 to 2^64 - 1");
  }

  private void putVector(Map<String, Vector> vectors, String field) throws IOException {
    if (vectors.put(field, vector("vectors." + field)) != null) {
      throw refuse("vectors." + field, "given twice", "once, as \"vector\" or in \"vectors\"");
    }
  }

  Vector vector(String path) throws IOException {
    expect(parser.currentToken(), JsonToken.START_ARRAY, path, "a list of numbers");
    float[] values = new float[1024];
    int count = 0;
    int rows = 0;
    int dimension = 0;
    boolean matrix = parser.nextToken() == JsonToken.START_ARRAY;
    while (parser.currentToken() != JsonToken.END_ARRAY) {
      int rowStart = count;
      if (matrix) {
        expect(parser.currentToken(), JsonToken.START_ARRAY, path, "a list of numbers in each row");
        parser.nextToken();
      }
      while (parser.currentToken() != JsonToken.END_ARRAY) {
        if (count == values.length) {
          if (count == VECTOR_VALUES_MAX) {
            throw refuse(path, "more numbers", "at most " + VECTOR_VALUES_MAX);
          }
          values = Arrays.copyOf(values, Math.min(VECTOR_VALUES_MAX, count * 4));
        }
        values[count] = number(path + "[" + count + "]");
        count++;
        parser.nextToken();
      }
      rows++;
      if (rows == 1) {
        dimension = count;
      } else if (count - rowStart != dimension) {
        throw refuse(
            path,
            (count - rowStart) + " numbers in row " + (rows - 1),
            dimension + ", as in row 0");
      }
      if (!matrix) {
        break;
      }
      parser.nextToken();
    }
    if (count == 0) {
      throw refuse(path, "no numbers", "at least one");
    }
    return new Vector(Arrays.copyOf(values, count), rows, "");
  }

  private float number(String path) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == JsonToken.VALUE_NUMBER_FLOAT || token == JsonToken.VALUE_NUMBER_INT) {
      // Straight from the text: by way of double some numbers would be rounded twice.
      float value = Float.parseFloat(parser.getText());
      if (Float.isFinite(value)) {
        return value;
      }
    }
    throw refuse(path, found(), "a number in the range of float32");
  }

  private Map<String, Value> fields(String path) throws IOException {
    Map<String, Value> fields = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      fields.put(key, value(path + "." + key));
    }
    return fields;
  }

  private Value value(String path) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NULL -> Value.NullValue.INSTANCE;
      case VALUE_TRUE -> new Value.BoolValue(true);
      case VALUE_FALSE -> new Value.BoolValue(false);
      case VALUE_NUMBER_INT -> {
        BigInteger number = parser.getBigIntegerValue();
        if (number.compareTo(INT64_MIN) < 0 || number.compareTo(INT64_MAX) > 0) {
          throw refuse(path, found(), "a whole number of 64 bits; write a double as 1.0e19");
        }
        yield new Value.IntValue(number.longValue());
      }
      case VALUE_NUMBER_FLOAT -> {
        double number = Double.parseDouble(parser.getText());
        if (Double.isInfinite(number)) {
          throw refuse(path, found(), "a number in the range of double");
        }
        yield new Value.DoubleValue(number);
      }
      case VALUE_STRING -> checked(() -> new Value.StringValue(parser.getText()));
      case START_ARRAY -> {
        List<Value> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          values.add(value(path + "[" + values.size() + "]"));
        }
        yield new Value.ListValue(values);
      }
      case START_OBJECT -> object(path);
      case END_ARRAY, END_OBJECT, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
          throw refuse(path, found(), "a value");
    };
  }

  /// An object, or a value that is spelt as an object of one special key.
  private Value object(String path) throws IOException {
    Map<String, Value> fields = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      if (Json.isSpecial(key)) {
        Value value = special(path, key);
        if (!fields.isEmpty() || parser.nextToken() != JsonToken.END_OBJECT) {
          throw refuse(path, key + " beside other keys", key + " alone, or all within $object");
        }
        return value;
      }
      fields.put(key, value(path + "." + key));
    }
    return checked(() -> new Value.ObjectValue(fields));
  }

  private Value special(String path, String key) throws IOException {
    if (key.equals(Json.OBJECT)) {
      expect(parser.currentToken(), JsonToken.START_OBJECT, path, "an object within $object");
      Map<String, Value> fields = fields(path);
      return checked(() -> new Value.ObjectValue(fields));
    }
    String text = parser.currentToken() == JsonToken.VALUE_STRING ? parser.getText() : "";
    if (key.equals(Json.TIMESTAMP)) {
      try {
        Instant instant = Instant.parse(text);
        return checked(() -> new Value.TimestampValue(instant));
      } catch (DateTimeParseException e) {
        throw refuse(path, found(), "a moment such as \"2026-01-31T12:00:00Z\" within $timestamp");
      }
    }
    return switch (text) {
      case "NaN" -> new Value.DoubleValue(Double.NaN);
      case "Infinity" -> new Value.DoubleValue(Double.POSITIVE_INFINITY);
      case "-Infinity" -> new Value.DoubleValue(Double.NEGATIVE_INFINITY);
      default ->
          throw refuse(path, found(), "\"NaN\", \"Infinity\" or \"-Infinity\" within $double");
    };
  }

  <T> T checked(IoSupplier<T> made) throws IOException {
    try {
      return made.get();
    } catch (WhimbrelException e) {
      throw new JsonParseException(parser, String.valueOf(e.getMessage()), e);
    }
  }

  void expectEnd() throws IOException {
    if (parser.nextToken() != null) {
      throw refuse("after the end", found(), "nothing more");
    }
  }

  private void expect(@Nullable JsonToken actual, JsonToken token, String path, String expected)
      throws IOException {
    if (actual != token) {
      throw refuse(path, found(), expected);
    }
  }

  private String found() throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT, END_OBJECT -> "an object";
      case START_ARRAY, END_ARRAY -> "a list";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> shortened(parser.getText());
      case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> parser.getText();
      case FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT -> token.name();
    };
  }

  private static String shortened(String digits) {
    return digits.length() <= 40 ? digits : digits.substring(0, 40) + "...";
  }

  JsonParseException refuse(String path, String found, String expected) {
    String what = found.isEmpty() ? path : path + ": " + found;
    return new JsonParseException(parser, what + " (expected: " + expected + ")");
  }

  @FunctionalInterface
  interface IoSupplier<T> {
    T get() throws IOException;
  }
}
