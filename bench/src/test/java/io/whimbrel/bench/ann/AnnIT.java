package io.whimbrel.bench.ann;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
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

/// Runs the benchmark tiny, with what needs nothing installed, so that it does not rot.
class AnnIT {
  private static final Path ROOT = Path.of(System.getProperty("whimbrel.root", ".."));

  @TempDir Path work;

  @Test
  void measuresEachSystemInAProcessOfItsOwn() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    Path picture = work.resolve("picture.svg");

    int code =
        line(out)
            .execute(
                "--data",
                ROOT.resolve("data/bigann10k-128").toString(),
                "--systems=whimbrel,flat,whimbrel-int8,flat-int8",
                "--rows=500",
                "--runs=1",
                "--plot",
                picture.toString(),
                "--json");

    String text = bytes.toString(StandardCharsets.UTF_8);
    assertThat(code).as(text).isZero();
    assertThat(text).contains("500 x 128, L2, 500 queries, k 10, exact answers computed here");
    assertThat(fields(text.lines().toList().getLast()))
        .containsSubsequence(
            "/machine/cpu",
            "/dataset=bigann10k-128",
            "/k=10",
            "/m=16",
            "/ef_construction=200",
            "/systems/name=whimbrel",
            "/systems/build_cpu_s",
            "/systems/resident_bytes",
            "/systems/rss_growth_bytes",
            "/systems/name=flat",
            "/systems/build_cpu_s",
            "/systems/resident_bytes",
            "/systems/rss_growth_bytes",
            "/systems/qps/0.90",
            "/systems/qps/0.95",
            "/systems/qps/0.99",
            "/systems/qps/0.999",
            "/systems/max_recall=1.0",
            "/systems/points/ef=10",
            "/systems/points/recall=1.0",
            "/systems/points/qps",
            "/systems/name=whimbrel-int8",
            "/systems/resident_bytes",
            "/systems/name=flat-int8",
            "/systems/points/ef=10",
            "/systems/points/recall");
    assertThat(Files.readString(picture))
        .startsWith("<svg")
        .contains(">whimbrel</text>", ">flat</text>");
  }

  @Test
  void refusesWhatMakesNoSense() {
    for (String wrong :
        List.of("--k=0", "--ef=5", "--m=1", "--threads=0", "--rows=3", "--systems=none")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
      assertThat(line(out).execute(wrong)).as(wrong).isEqualTo(2);
      assertThat(bytes.toString(StandardCharsets.UTF_8)).contains(wrong.split("=", 2)[0]);
    }
  }

  private static CommandLine line(PrintStream out) {
    return new CommandLine(new AnnCommand(out, out))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setErr(new java.io.PrintWriter(out, true, StandardCharsets.UTF_8));
  }

  /// Paths of the scalars of a document, with the value of those that are the same in every run.
  private static List<String> fields(String document) throws IOException {
    List<String> fields = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(document)) {
      while (json.nextToken() != null) {
        if (json.currentToken().isScalarValue()) {
          String path =
              json.getParsingContext().pathAsPointer().toString().replaceAll("/\\d+(?=/|$)", "");
          fields.add(path);
          fields.add(path + "=" + json.getText());
          if (json.currentToken().isNumeric()) {
            assertThat(json.getDoubleValue()).as(path).isGreaterThanOrEqualTo(0);
          }
        }
      }
    }
    return fields;
  }
}
