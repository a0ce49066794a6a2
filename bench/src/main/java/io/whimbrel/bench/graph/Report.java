package io.whimbrel.bench.graph;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchOptions;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Machine;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Locale;

/// What stands above the results of each command: machine, command, data and graph.
record Report(Machine machine, SearchOptions options, SearchSet data) {
  static Report of(SearchOptions options, SearchSet data) throws IOException {
    Machine machine = Machine.here(Path.of(System.getProperty("java.io.tmpdir")));
    return new Report(machine, options, data);
  }

  /// Writes the results themselves.
  interface Results {
    void writeTo(JsonGenerator to) throws IOException;
  }

  void header(PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s %s%n%s%n"
            + "%s: %d x %d, %s, %d queries, k %d, m %d, ef_construction %d%n%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        String.join(" ", machine.flags()),
        options.command(),
        data.name(),
        data.base().length,
        data.dimension(),
        data.metric(),
        data.queries().length,
        data.truth().k(),
        options.m(),
        options.efConstruction());
  }

  String json(String workload, Results results) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", workload);
      to.writeObjectFieldStart("machine");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("flags", String.join(" ", machine.flags()));
      to.writeEndObject();
      to.writeStringField("command", options.command());
      to.writeStringField("dataset", data.name());
      to.writeNumberField("rows", data.base().length);
      to.writeNumberField("dimension", data.dimension());
      to.writeNumberField("queries", data.queries().length);
      to.writeStringField("metric", data.metric().name().toLowerCase(Locale.ROOT));
      to.writeNumberField("k", data.truth().k());
      to.writeNumberField("m", options.m());
      to.writeNumberField("ef_construction", options.efConstruction());
      to.writeNumberField("runs", options.runs());
      results.writeTo(to);
      to.writeEndObject();
    }
    return text.toString();
  }
}
