package io.whimbrel.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.model.Metric;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// Runs the workload tiny, against the packaged server, so that it does not rot.
class ServeIT {
  @TempDir Path work;

  @Test
  void searchesWithSeveralClientsAndReports() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    ServeCommand command = new ServeCommand(out, out);
    new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .parseArgs("--work", work.toString(), "--clients=1,3", "--seconds=1", "--json");
    SearchSet set =
        SearchSet.open(PackagedServer.ROOT.resolve("data/bigann10k-128"), "", Metric.L2, 1_000, 10);

    command.measure(set, PackagedServer.command());

    String text = bytes.toString(StandardCharsets.UTF_8);
    List<String> clients = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(text.lines().toList().getLast())) {
      while (json.nextToken() != null) {
        if (json.currentToken() == JsonToken.FIELD_NAME) {
          continue;
        }
        if ("clients".equals(json.currentName())) {
          clients.add(json.getText());
        }
        if ("recall".equals(json.currentName())) {
          // An exact search: a lower figure is a defect of the server or of this benchmark.
          assertThat(json.getDoubleValue()).isEqualTo(1);
        }
        if (json.currentToken() == JsonToken.VALUE_NUMBER_FLOAT) {
          assertThat(json.getDoubleValue()).as(json.currentName()).isPositive();
        }
      }
    }
    assertThat(clients).containsExactly("1", "3");
    try (var left = Files.list(work)) {
      assertThat(left).isEmpty();
    }
  }
}
