package io.whimbrel.server.cli.files;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.Point;
import io.whimbrel.server.cli.json.Json;
import java.io.IOException;
import java.io.OutputStream;

/// One point as JSON on each line, as [JsonLinesReader] reads them.
final class JsonLinesWriter implements PointWriter {
  private final OutputStream out;
  private final JsonGenerator json;

  JsonLinesWriter(OutputStream out) throws IOException {
    this.out = out;
    this.json = Json.generator(out);
    json.setRootValueSeparator(null);
  }

  @Override
  public void write(Point point) throws IOException {
    json.writeStartObject();
    Json.writePointFields(json, point.id(), point.payload(), point.vectors());
    json.writeEndObject();
    json.writeRaw('\n');
  }

  @Override
  public void close() throws IOException {
    try (out) {
      json.close();
    }
  }
}
