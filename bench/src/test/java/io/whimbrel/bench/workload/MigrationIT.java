package io.whimbrel.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Runs the workload tiny, against the packaged server, so that it does not rot.
class MigrationIT {
  @TempDir Path work;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private MigrationCommand command(String... options) {
    MigrationCommand command = new MigrationCommand(out, out);
    new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(options);
    return command;
  }

  @Test
  void migratesUnderSearchesAndReports() throws Exception {
    command(
            "--work=" + work,
            "--data=" + PackagedServer.ROOT.resolve("data/bigann10k-128"),
            "--points=2000",
            "--seconds=1",
            "--searches-per-second=50",
            "--throttle=50",
            "--json")
        .measure(PackagedServer.command());

    Map<String, Double> numbers = new HashMap<>();
    String text = bytes.toString(StandardCharsets.UTF_8);
    try (JsonParser json = new JsonFactory().createParser(text.lines().toList().getLast())) {
      while (json.nextToken() != null) {
        if (json.currentToken().isNumeric()) {
          numbers.put(json.currentName(), json.getDoubleValue());
        }
      }
    }
    assertThat(numbers)
        .containsEntry("points", 2_000.0)
        .containsEntry("throttle_points_per_second", 50.0);
    assertThat(numbers.get("searches")).isBetween(1.0, 50.0);
    assertThat(numbers.get("throttled_searches")).isBetween(1.0, 50.0);
    assertThat(numbers.get("backfill_points")).isBetween(1.0, 2_000.0);
    for (String name :
        new String[] {
          "p50_ms",
          "p99_ms",
          "throttled_p50_ms",
          "throttled_p99_ms",
          "backfill_points_per_second",
          "verify_points_per_second",
          "reclaim_seconds"
        }) {
      assertThat(numbers.get(name)).as(name).isPositive();
    }
    double raw = 2_000 * 4 * 128;
    assertThat(numbers.get("old_version_bytes")).isBetween(raw, 2 * raw);
    // At most 5 % of at most twice the values.
    assertThat(numbers.get("old_version_bytes_after")).isBetween(0.0, 0.1 * raw);
    try (var left = Files.list(work)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void refusesAThrottleThatLetsTheBackfillEndEarly() {
    MigrationCommand command = command("--points=1000", "--seconds=10", "--throttle=100");
    assertThatThrownBy(() -> command.measure(PackagedServer.command()))
        .isInstanceOf(ParameterException.class)
        .hasMessage("--throttle: 100.0 (expected: at least 1, and less than 1000 points in 10 s)");
  }
}
