package io.whimbrel.server.cli;

import io.whimbrel.client.PointId;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/// Point ids as users type them.
final class Ids {
  /// How an id is typed, for help texts.
  static final String HELP =
      "Point id: digits are a number, anything else is text; quote as '\"7\"' for the text 7.";

  private Ids() {}

  static PointId parse(String text) throws IOException {
    boolean digits = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    boolean quoted = text.length() > 1 && text.startsWith("\"") && text.endsWith("\"");
    // Leading zeros would be lost in a number, so such an id is text.
    boolean number = digits && (text.length() == 1 || text.charAt(0) != '0');
    if (!number && !quoted) {
      return PointId.of(text);
    }
    byte[] json = text.getBytes(StandardCharsets.UTF_8);
    try (JsonReader reader = new JsonReader(json, json.length)) {
      return reader.readId();
    }
  }
}
