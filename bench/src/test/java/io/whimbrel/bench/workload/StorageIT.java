package io.whimbrel.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.whimbrel.bench.dataset.Rows;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// Runs the workload tiny, against the packaged server, so that it does not rot.
class StorageIT {
  @TempDir Path work;

  @Test
  void countsBytesAndStartsAgain() throws IOException {
    Map<String, Double> numbers = measure();
    double raw = 2_000 * (8 + 4 * 128);
    assertThat(numbers).containsEntry("points", 2_000.0).containsEntry("raw_bytes", raw);
    assertThat(numbers.get("disk_bytes")).isGreaterThan(raw);
    assertThat(numbers.get("index_bytes")).isGreaterThanOrEqualTo(2_000 * 4 * 128.0);
    assertThat(numbers.get("restart_seconds")).isPositive();
    assertThat(numbers.get("restart_killed_seconds")).isPositive();
  }

  @Test
  void aGraphOfBytesStartsAlsoWithoutItsFile() throws IOException {
    Map<String, Double> numbers = measure("--storage=int8", "--drop-originals", "--index=hnsw");
    assertThat(numbers.get("restart_bare_seconds")).isPositive();
    assertThat(numbers.get("bare_recall")).isGreaterThan(0.9);
    assertThat(numbers.get("link_seconds")).isGreaterThanOrEqualTo(0);
  }

  private Map<String, Double> measure(String... options) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    StorageCommand command = new StorageCommand(out, out);
    new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .parseArgs(
            Stream.concat(Stream.of("--work", work.toString(), "--json"), Stream.of(options))
                .toArray(String[]::new));

    command.measure(
        Rows.open(PackagedServer.ROOT.resolve("data/bigann10k-128"), 2_000, 1),
        PackagedServer.command());

    String text = bytes.toString(StandardCharsets.UTF_8);
    Map<String, Double> numbers = new HashMap<>();
    try (JsonParser json = new JsonFactory().createParser(text.lines().toList().getLast())) {
      while (json.nextToken() != null) {
        if (json.currentToken().isNumeric()) {
          numbers.put(json.currentName(), json.getDoubleValue());
        }
      }
    }
    try (var left = Files.list(work)) {
      assertThat(left).isEmpty();
    }
    return numbers;
  }
}
