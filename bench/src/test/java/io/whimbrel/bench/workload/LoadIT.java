package io.whimbrel.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.whimbrel.bench.dataset.Rows;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
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
class LoadIT {
  @TempDir Path work;

  @Test
  void loadsReadsBackAndReports() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    LoadCommand command = new LoadCommand(out, out);
    new CommandLine(command).parseArgs("--work", work.toString(), "--json");
    // More than the file has, and no whole number of batches.
    Rows rows = Rows.open(PackagedServer.ROOT.resolve("data/bigann10k-128"), 9_777, 7);

    command.measure(rows, PackagedServer.command());

    String text = bytes.toString(StandardCharsets.UTF_8);
    for (Load.Way way : Load.Way.values()) {
      assertThat(text).contains(way.title());
    }
    List<String> ways = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(text.lines().toList().getLast())) {
      while (json.nextToken() != null) {
        if (json.currentToken() == JsonToken.VALUE_STRING && "way".equals(json.currentName())) {
          ways.add(json.getText());
        }
        if (json.currentToken() == JsonToken.VALUE_NUMBER_FLOAT) {
          assertThat(json.getDoubleValue()).isPositive();
        }
      }
    }
    assertThat(ways)
        .containsExactly("rocksdb_sync", "rocksdb", "grpc_sync", "grpc_async", "flight");
    try (var left = Files.list(work)) {
      assertThat(left).isEmpty();
    }
  }
}
