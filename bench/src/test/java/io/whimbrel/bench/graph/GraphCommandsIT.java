package io.whimbrel.bench.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/// Runs both commands tiny, so that they do not rot, and checks what does not hang on speed.
class GraphCommandsIT {
  private static final Path DATA =
      Path.of(System.getProperty("whimbrel.root", ".."), "data", "bigann10k-128");

  private static final int ROWS = 600;

  @ParameterizedTest
  @ValueSource(strings = {"l2", "cosine"})
  void churnKeepsTheGraphAsGoodAsAFreshOne(String metric) throws IOException {
    String json =
        run(ChurnCommand::new, "--metric=" + metric, "--ef=10,100", "--seconds=1", "--writes=100");

    assertThat(numbers(json, "updated_percent")).containsExactly(10.0, 50.0, 100.0);
    assertThat(numbers(json, "updates")).containsExactly(60.0, 240.0, 300.0);
    assertThat(numbers(json, "live")).containsOnly((double) ROWS);
    assertThat(numbers(json, "rows")).allMatch(rows -> rows >= ROWS && rows <= 2 * ROWS);
    assertThat(numbers(json, "remove_us")).hasSize(3).allMatch(micros -> micros > 0);
    assertThat(numbers(json, "insert_us")).hasSize(3).allMatch(micros -> micros > 0);
    List<Double> recalls = numbers(json, "recall");
    List<Double> fresh = numbers(json, "fresh_recall");
    assertThat(recalls).hasSize(6);
    for (int i = 0; i < recalls.size(); i++) {
      // A beam of k alone finds some three quarters; one of 100 nearly all.
      assertThat(recalls.get(i))
          .isGreaterThan(i % 2 == 0 ? 0.7 : 0.97)
          .isGreaterThan(fresh.get(i) - 0.05);
    }
    assertThat(numbers(json, "qps")).hasSize(6).allMatch(qps -> qps > 0);
    assertThat(numbers(json, "p99_us")).hasSize(2).allMatch(micros -> micros > 0);
    assertThat(numbers(json, "updates_per_second").getFirst()).isZero();
    assertThat(numbers(json, "updates_per_second").getLast()).isPositive();
  }

  @Test
  void filtersReachTheRecallAtEveryShare() throws IOException {
    String json = run(FilterCommand::new, "--accept=100,20,1,0.1");

    assertThat(numbers(json, "accepted")).containsExactly(600.0, 120.0, 6.0, 1.0);
    assertThat(numbers(json, "recall")).hasSize(4).allMatch(recall -> recall >= 0.95);
    assertThat(numbers(json, "scan_qps")).hasSize(4).allMatch(qps -> qps > 0);
  }

  @Test
  void filtersByLabelLieNearTheQueryOrFarFromIt(@TempDir Path folder) throws IOException {
    byte[] bytes = new byte[9_500];
    for (int row = 0; row < bytes.length; row++) {
      bytes[row] = (byte) (row % 10);
    }
    Path labels = Files.write(folder.resolve("labels.u8"), bytes);
    Path plot = folder.resolve("plot.svg");
    String json =
        run(
            FilterCommand::new,
            "--accept=100,20",
            "--labels=" + labels,
            "--lucene",
            "--queries=50",
            "--plot=" + plot);

    assertThat(numbers(json, "accepted")).containsExactly(600.0, 120.0, 600.0, 120.0, 600.0, 120.0);
    assertThat(numbers(json, "recall")).hasSize(6).allMatch(recall -> recall >= 0.95);
    assertThat(numbers(json, "lucene_recall")).hasSize(6).allMatch(recall -> recall >= 0.95);
    assertThat(numbers(json, "lucene_qps")).hasSize(6).allMatch(qps -> qps > 0);
    assertThat(Files.readString(plot)).contains("whimbrel near", "scan far", "lucene random");
    SearchSet data = SearchSet.open(DATA, "", Metric.L2, ROWS, 10);
    Files.write(labels, new byte[3]);
    assertThatThrownBy(() -> LabelFilters.read(labels, data, 9_500))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining("1 or 2 bytes for each of 9500 rows");
  }

  @Test
  void bothRefuseWhatMakesNoSense() {
    for (String wrong : List.of("--k=0", "--ef=5", "--replace=50,10", "--replace=101")) {
      refuses(ChurnCommand::new, wrong);
    }
    for (String wrong : List.of("--m=1", "--accept=0", "--recall=1.5", "--runs=0", "--queries=0")) {
      refuses(FilterCommand::new, wrong);
    }
  }

  private static void refuses(BiFunction<PrintStream, PrintStream, Object> maker, String wrong) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    assertThat(line(maker, out).execute(wrong)).as(wrong).isEqualTo(2);
    assertThat(bytes.toString(StandardCharsets.UTF_8)).contains(wrong.split("=", 2)[0] + ": ");
  }

  private static String run(BiFunction<PrintStream, PrintStream, Object> maker, String... options) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    List<String> all = new ArrayList<>(List.of(options));
    all.addAll(List.of("--data", DATA.toString(), "--rows=" + ROWS, "--runs=1", "--json"));
    int code = line(maker, out).execute(all.toArray(new String[0]));
    String text = bytes.toString(StandardCharsets.UTF_8);
    assertThat(code).as(text).isZero();
    return text.lines().toList().getLast();
  }

  private static CommandLine line(
      BiFunction<PrintStream, PrintStream, Object> maker, PrintStream out) {
    return new CommandLine(maker.apply(out, out))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setErr(new PrintWriter(out, true, StandardCharsets.UTF_8));
  }

  /// The values of every field of this name.
  private static List<Double> numbers(String document, String name) throws IOException {
    List<Double> numbers = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(document)) {
      for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
        if (token.isNumeric() && name.equals(json.currentName())) {
          numbers.add(json.getDoubleValue());
        }
      }
    }
    return numbers;
  }
}
