package io.whimbrel.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.whimbrel.client.Hit;
import io.whimbrel.client.ModelId;
import io.whimbrel.client.PointId;
import io.whimbrel.server.ServerOption;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/// The command line without a server: reading arguments, help, failures.
class CliTest {
  /// Port 1 is reserved and has no listener.
  private static final String NOBODY = "127.0.0.1:1";

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource("commands")
  void explainsEveryCommand(List<String> command) {
    List<String> arguments = new ArrayList<>(command);
    arguments.add("--help");

    Run run = run(arguments.toArray(String[]::new));

    assertThat(run.code()).isEqualTo(Main.DONE);
    assertThat(run.out())
        .startsWith("Usage: " + String.join(" ", whimbrel(command)))
        .contains("--json")
        .contains("WHIMBREL_ADDRESS");
    assertThat(run.err()).isEmpty();
    assertThat(run.out().lines()).allSatisfy(line -> assertThat(line).doesNotContain("${"));
  }

  static List<List<String>> commands() {
    List<List<String>> all = new ArrayList<>();
    collect(Main.commandLine(new Session(System.out, System.err)), List.of(), all);
    return all;
  }

  private static void collect(CommandLine line, List<String> path, List<List<String>> all) {
    all.add(path);
    line.getSubcommands()
        .forEach((name, command) -> {
          List<String> longer = new ArrayList<>(path);
          longer.add(name);
          collect(command, longer, all);
        });
  }

  private static List<String> whimbrel(List<String> command) {
    List<String> words = new ArrayList<>(List.of("whimbrel"));
    words.addAll(command);
    return words;
  }

  @Test
  void hasAFlagForEverySettingOfTheServer() {
    String help = run("serve", "--help").out();

    for (ServerOption option : ServerOption.values()) {
      assertThat(help).contains("--" + option.key());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "''; a command is missing",
        "nonsense; nonsense",
        "collection; a command is missing",
        "collection create; --dimension",
        "collection create x --dimension many; 'many'",
        "collection create x --dimension 3 --metric taxicab; taxicab",
        "count; --collection",
        "count -c x --address host:port; host:port",
        "count -c x --address a:0; 1 to 65535",
        "count -c x --deadline 5; is not a time",
        "count -c x --deadline 0s; is not a time",
        "search -c x; --vector",
        "search -c x --vector [1] --vector-file f; exclusive",
        "get -c x; ID",
        "import f.fvecs -c x --via pigeon; pigeon",
        "import f.fvecs -c x --id-start -1; --id-start: -1",
        "export f.csv -c x; unknown ending",
      })
  void refusesWrongUsage(String arguments, String problem) {
    Run run = run(arguments.isEmpty() ? new String[0] : arguments.split(" "));

    assertThat(run.code()).isEqualTo(Main.WRONG_USAGE);
    assertThat(run.err()).startsWith("error: ").contains(problem);
    assertThat(run.out()).isEmpty();
  }

  @Test
  void saysThatNoServerAnswers() {
    Run run = run("count", "-c", "x", "--address", NOBODY, "--deadline", "2s");

    assertThat(run.code()).isEqualTo(Main.NO_ANSWER);
    assertThat(run.out()).isEmpty();
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).startsWith("error: ").doesNotContain("Exception");
  }

  @Test
  void putsAFailureIntoTheDocument() {
    Run run = run("--json", "--address", NOBODY, "collection", "list", "--deadline", "2s");

    assertThat(run.code()).isEqualTo(Main.NO_ANSWER);
    assertThat(run.out()).startsWith("{\"error\":{\"code\":\"").endsWith("}}\n");
    assertThat(run.out()).containsAnyOf("UNAVAILABLE", "DEADLINE_EXCEEDED");
  }

  @ParameterizedTest
  @ValueSource(strings = {"import", "import --json"})
  void namesAFileThatIsMissing(String command) {
    List<String> arguments = new ArrayList<>(Arrays.asList(command.split(" ")));
    arguments.addAll(List.of(directory.resolve("no.fvecs").toString(), "-c", "x"));

    Run run = run(arguments.toArray(String[]::new));

    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err())
        .isEqualTo("error: " + directory.resolve("no.fvecs") + ": there is no such file\n");
  }

  @Test
  void refusesAMalformedFileBeforeItAsksAServer() throws IOException {
    Path file = Files.write(directory.resolve("cut.fvecs"), new byte[] {2, 0, 0, 0, 1});

    Run run = run("import", file.toString(), "-c", "x", "--create", "--address", NOBODY);

    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).startsWith("error: " + file + ", row 0: ");
  }

  @Test
  void refusesAQueryThatIsNoVector() {
    Run run = run("search", "-c", "x", "--vector", "[1, \"a\"]", "--address", NOBODY);

    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).contains("vector[1]: a string (expected: a number");
  }

  @Test
  void printsItsVersion() {
    assertThat(run("version").out()).startsWith("whimbrel ");
    assertThat(run("version", "--json").out()).startsWith("{\"version\":\"").endsWith("\"}\n");
  }

  @Test
  void refusesSettingsOfTheServer() {
    Run run = run("serve", "--port", "99999", "--data", directory.resolve("d").toString());

    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).contains("port: \"99999\" (flag --port) (expected: 0 to 65535)");
    assertThat(directory.resolve("d")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "localhost, localhost, 7700",
    "localhost:1, localhost, 1",
    ":65535, 127.0.0.1, 65535",
    "[::1], ::1, 7700",
    "[::1]:80, ::1, 80",
  })
  void readsAddresses(String text, String host, int port) {
    assertThat(Session.Address.parse(text)).isEqualTo(new Session.Address(host, port));
  }

  @ParameterizedTest
  @ValueSource(strings = {"::1", "a:b", "a:70000", "a:-1", "a:"})
  void refusesAddresses(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> Session.Address.parse(text));
  }

  @Test
  void readsIds() throws IOException {
    assertThat(Ids.parse("7")).isEqualTo(PointId.of(7));
    assertThat(Ids.parse("18446744073709551615")).isEqualTo(PointId.of(-1));
    assertThat(Ids.parse("007")).isEqualTo(PointId.of("007"));
    assertThat(Ids.parse("\"7\"")).isEqualTo(PointId.of("7"));
    assertThat(Ids.parse("intro")).isEqualTo(PointId.of("intro"));
  }

  @Test
  void readsModels() {
    assertThat(SpecOptions.parseModel("openai/ada@002"))
        .isEqualTo(new ModelId("openai", "ada", "002"));
    assertThat(SpecOptions.parseModel("org/team/bge"))
        .isEqualTo(new ModelId("org", "team/bge", ""));
    assertThat(SpecOptions.parseModel("bge")).isEqualTo(new ModelId("", "bge", ""));
    assertThat(SpecOptions.parseModel("")).isEqualTo(ModelId.UNNAMED);
  }

  @Test
  void demoCountsTiesAndNotDoubles() {
    float[][] base = new float[12][];
    int[] truth = new int[12];
    for (int i = 0; i < base.length; i++) {
      // Rows 9, 10 and 11 are equally far.
      base[i] = new float[] {Math.min(i, 9)};
      truth[i] = i;
    }
    float[] query = {0};

    assertThat(DemoCommand.found(hits(0, 1, 2, 3, 4, 5, 6, 7, 8, 11), base, query, truth))
        .isEqualTo(10);
    assertThat(DemoCommand.found(hits(0, 0, 0, 3, 4, 5, 6, 7, 8, 9), base, query, truth))
        .isEqualTo(8);
    base[10] = new float[] {10};
    assertThat(DemoCommand.found(hits(0, 1, 10), base, query, truth)).isEqualTo(2);
  }

  private static List<Hit> hits(int... ids) {
    return Arrays.stream(ids)
        .mapToObj(id -> new Hit(PointId.of(id), 0, Map.of(), Map.of(), 0, List.of()))
        .toList();
  }

  private static Run run(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            arguments,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Run(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private record Run(int code, String out, String err) {}
}
