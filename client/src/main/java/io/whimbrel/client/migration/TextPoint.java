package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import java.util.Map;

/** A point to be written, whose vectors are made from a text. */
public record TextPoint(PointId id, Map<String, Value> payload, String text) {
  public TextPoint {
    payload = Map.copyOf(payload);
  }

  /** A point whose text is also its payload field {@code field}. */
  public static TextPoint of(PointId id, String field, String text) {
    return new TextPoint(id, Map.of(field, new Value.StringValue(text)), text);
  }
}
