package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.QueryResult;
import io.whimbrel.client.SearchPlan;
import io.whimbrel.server.cli.json.Json;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/// Answers to queries as JSON.
final class QueryJson {
  private QueryJson() {}

  /// Writes the fields of an object that is open.
  static void write(JsonGenerator json, QueryResult result) throws IOException {
    if (result.groups().isEmpty()) {
      hits(json, result.hits());
    } else {
      json.writeArrayFieldStart("groups");
      for (QueryResult.Group group : result.groups()) {
        json.writeStartObject();
        json.writeFieldName("key");
        Json.writeValue(json, group.key());
        hits(json, group.hits());
        json.writeEndObject();
      }
      json.writeEndArray();
    }
    json.writeNumberField("seq", result.seq());
    json.writeArrayFieldStart("served");
    for (QueryResult.Served served : result.served()) {
      json.writeStartObject();
      json.writeStringField("field", served.field());
      json.writeNumberField("version", served.version());
      json.writeNumberField("coverage", served.coverage());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("stages");
    for (QueryResult.Stage stage : result.stages()) {
      json.writeStartObject();
      json.writeStringField("path", stage.path());
      json.writeNumberField("points", stage.points());
      if (stage.plan().isPresent()) {
        plan(json, stage.plan().get());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeStringField("next_cursor", result.nextCursor());
    json.writeArrayFieldStart("warnings");
    for (String warning : result.warnings()) {
      json.writeString(warning);
    }
    json.writeEndArray();
  }

  private static void hits(JsonGenerator json, List<QueryResult.Ranked> hits) throws IOException {
    json.writeArrayFieldStart("hits");
    for (QueryResult.Ranked ranked : hits) {
      json.writeStartObject();
      Json.writePointFields(
          json, ranked.hit().id(), ranked.hit().payload(), ranked.hit().vectors());
      json.writeNumberField("score", ranked.hit().score());
      json.writeNumberField("seq", ranked.hit().seq());
      if (ranked.orderValue().isPresent()) {
        json.writeFieldName("order_value");
        Json.writeValue(json, ranked.orderValue().get());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  static void plan(JsonGenerator json, SearchPlan plan) throws IOException {
    json.writeObjectFieldStart("plan");
    json.writeStringField("method", plan.method().name().toLowerCase(Locale.ROOT));
    json.writeNumberField("matches", plan.matches());
    json.writeNumberField("payloads_read", plan.payloadsRead());
    json.writeEndObject();
  }
}
