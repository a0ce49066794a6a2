package io.whimbrel.server.cli.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.whimbrel.client.Point;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void keepsWholeNumbersAndDoublesApart() throws IOException {
    Map<String, Value> payload =
        payload("{\"a\":1,\"b\":1.0,\"c\":1e3,\"d\":-0.0,\"e\":9223372036854775807}");

    assertThat(payload)
        .containsOnly(
            Map.entry("a", new Value.IntValue(1)),
            Map.entry("b", new Value.DoubleValue(1)),
            Map.entry("c", new Value.DoubleValue(1000)),
            Map.entry("d", new Value.DoubleValue(-0.0)),
            Map.entry("e", new Value.IntValue(Long.MAX_VALUE)));
    assertThat(text(payload))
        .isEqualTo("{\"a\":1,\"b\":1.0,\"c\":1000.0,\"d\":-0.0,\"e\":9223372036854775807}");
  }

  @Test
  void givesEveryPayloadBack() throws IOException {
    Map<String, Value> payload =
        Map.of(
            "null", Value.of(null),
            "bool", Value.of(true),
            "nan", Value.of(Double.NaN),
            "inf", Value.of(List.of(Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY)),
            "tiny", Value.of(Double.MIN_VALUE),
            "at", Value.of(Instant.parse("0001-01-01T00:00:00Z")),
            "$timestamp", Value.of("a plain key at the top"),
            "trap", Value.of(Map.of("$timestamp", "just text", "$object", Map.of("$double", 1))),
            "empty", Value.of(Map.of()),
            "text", Value.of("\u0000 \" \u00e4 \uD83D\uDE00"));

    assertThat(payload(text(payload))).isEqualTo(payload);
  }

  @Test
  void readsMoments() throws IOException {
    assertThat(payload("{\"t\":{\"$timestamp\":\"2026-01-31T12:00:00.5Z\"}}"))
        .containsOnly(
            Map.entry("t", new Value.TimestampValue(Instant.parse("2026-01-31T12:00:00.500Z"))));
    assertThat(payload("{\"t\":{\"$object\":{\"$timestamp\":\"noon\"}}}"))
        .containsOnly(Map.entry("t", Value.of(Map.of("$timestamp", "noon"))));
  }

  @Test
  void roundsNumbersOfVectorsOnce() throws IOException {
    // Halfway between two floats plus a bit that only the decimal text has: by way of double it
    // would round the other way.
    Vector vector = vector("[1.00000005960464477540, 16777217, 1e-45]");

    assertThat(vector.values()).containsExactly(1.0000001f, 16777216f, Float.MIN_VALUE);
  }

  @Test
  void readsTokenMatrices() throws IOException {
    assertThat(vector("[[1,2],[3,4],[5,6]]"))
        .isEqualTo(new Vector(new float[] {1, 2, 3, 4, 5, 6}, 3, ""));
    assertThat(vector("[" + "0.5,".repeat(4999) + "1]").dimension()).isEqualTo(5000);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "7; 7",
        "18446744073709551615; 18446744073709551615",
        "\"7\"; \"7\"",
        "0; 0",
      })
  void givesIdsBack(String json, String written) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonReader reader = new JsonReader(bytes, bytes.length);
        JsonGenerator generator = Json.generator(out)) {
      Json.writeId(generator, reader.readId());
    }
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(written);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"vector\":[1]}; id: missing",
        "{\"id\":-1,\"vector\":[1]}; id: -1 (expected: a string or a number",
        "{\"id\":18446744073709551616}; id: 18446744073709551616",
        "{\"id\":1.0}; id: 1.0",
        "{\"id\":\"\"}; id: 0 bytes",
        "{\"id\":1,\"vektor\":[1]}; key \"vektor\" (expected: id, vector",
        "{\"id\":1,\"vector\":[]}; vectors.default: no numbers",
        "{\"id\":1,\"vector\":[1,\"2\"]}; vectors.default[1]: a string",
        "{\"id\":1,\"vector\":[1e39]}; vectors.default[0]: 1e39",
        "{\"id\":1,\"vector\":[[1,2],[3]]}; 1 numbers in row 1 (expected: 2, as in row 0)",
        "{\"id\":1,\"vector\":[[1],2]}; vectors.default: 2",
        "{\"id\":1,\"vector\":7}; vectors.default: 7",
        "{\"id\":1,\"vector\":[1],\"vectors\":{\"default\":[1]}}; given twice",
        "{\"id\":1,\"payload\":[1]}; payload: a list (expected: an object)",
        "{\"id\":1,\"payload\":{\"a\":9223372036854775808}}; payload.a: 9223372036854775808",
        "{\"id\":1,\"payload\":{\"a\":1e999}}; payload.a: 1e999",
        "{\"id\":1,\"payload\":{\"a\":{\"$timestamp\":\"noon\"}}}; payload.a: a string (expected: a"
            + " moment",
        "{\"id\":1,\"payload\":{\"a\":{\"$timestamp\":5}}}; payload.a: 5",
        "{\"id\":1,\"payload\":{\"a\":{\"$double\":\"big\"}}}; payload.a: a string",
        "{\"id\":1,\"payload\":{\"a\":{\"b\":1,\"$double\":\"NaN\"}}}; $double beside other keys",
        "{\"id\":1,\"payload\":{\"a\":{\"$object\":1}}}; payload.a: 1 (expected: an object within",
        "{\"id\":1} {\"id\":2}; after the end",
        "[1]; a point: a list",
      })
  void refusesPoints(String json, String problem) {
    assertThatExceptionOfType(JsonProcessingException.class)
        .isThrownBy(() -> point(json))
        .satisfies(e -> assertThat(e.getOriginalMessage()).contains(problem));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "{\"id\":1",
        "{\"id\":1,\"id\":2}",
        "{\"id\":1,\"payload\":{\"a\":NaN}}",
        "{'id':1}"
      })
  void refusesWhatIsNoJson(String json) {
    assertThatExceptionOfType(JsonProcessingException.class).isThrownBy(() -> point(json));
  }

  private static Point point(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    try (JsonReader reader = new JsonReader(bytes, bytes.length)) {
      return reader.readPoint();
    }
  }

  private static Vector vector(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    try (JsonReader reader = new JsonReader(bytes, bytes.length)) {
      return reader.readVector();
    }
  }

  private static Map<String, Value> payload(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    try (JsonReader reader = new JsonReader(bytes, bytes.length)) {
      return reader.readPayload();
    }
  }

  private static String text(Map<String, Value> payload) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator generator = Json.generator(out)) {
      Json.writePayload(generator, payload);
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
