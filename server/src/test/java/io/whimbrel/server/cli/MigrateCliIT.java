package io.whimbrel.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.server.ServerConfig;
import io.whimbrel.server.WhimbrelServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A migration by the command line alone, with vectors from a file.
class MigrateCliIT {
  private static final String[] TARGET = {
    "-c", "docs", "--dimension", "2", "--model", "test/new", "--source-fields", "text"
  };

  @TempDir Path directory;
  private int port;

  private record Run(int code, String out, String err) {}

  @Test
  void fromPlanToCompleteWithoutALineOfJava() throws IOException {
    WhimbrelServer server =
        WhimbrelServer.start(
            ServerConfig.load(
                Map.of("port", "0", "data", directory.resolve("data").toString()), Map.of()));
    port = server.port();
    try {
      walk();
    } finally {
      server.stop();
    }
  }

  private void walk() throws IOException {
    Path old = directory.resolve("old.jsonl");
    Files.writeString(
        old,
        """
        {"id":"a","vector":[1,0],"payload":{"text":"one"}}
        {"id":"b","vector":[0,1],"payload":{"text":"two"}}
        {"id":"c","vector":[0.6,0.8],"payload":{"text":"three"}}
        """);
    ok("import", old.toString(), "-c", "docs", "--create", "--model", "test/old");

    assertThat(ok("migrate", with("plan", TARGET)))
        .contains("points     3, of which a worker embeds 3", "nothing was changed");
    assertThat(ok("migrate", "status")).startsWith("no migrations");
    assertThat(ok("migrate", with("start", TARGET)))
        .contains("docs, field default, version 1 to 2");
    Run twice = run("migrate", with("start", TARGET));
    assertThat(twice.code()).isEqualTo(Main.FAILED);
    assertThat(twice.err()).contains("complete or cancel it before the next");
    Run early = run("migrate", "switch", "docs", "10");
    assertThat(early.code()).isEqualTo(Main.FAILED);
    assertThat(early.err()).startsWith("error: ").contains("migrate status");

    Path part = directory.resolve("part.jsonl");
    Files.writeString(
        part,
        """
        {"id":"a","vector":[0,1]}
        {"id":"b","vector":[1,0]}
        """);
    Run missing = run("migrate", "backfill", "docs", "--vectors", part.toString());
    assertThat(missing.code()).isEqualTo(Main.FAILED);
    assertThat(missing.out()).contains("2 vectors stored", "1 are dead letters");
    assertThat(ok("migrate", "dead-letters", "docs")).startsWith("c  ").contains("no vector");
    ok("migrate", "dead-letters", "docs", "--retry");
    Path rest = directory.resolve("rest.jsonl");
    Files.writeString(rest, "{\"id\":\"c\",\"vector\":[0.8,0.6]}\n");
    assertThat(ok("migrate", "backfill", "docs", "--vectors", rest.toString()))
        .contains("1 vectors stored");
    assertThat(ok("migrate", "watch", "docs", "--until", "verifying", "--interval", "100ms"))
        .contains("100.0 %  3/3");
    assertThat(ok("migrate", "verify", "docs")).contains("3 of 3 points compared, no fault");

    evaluate();
    assertThat(ok("migrate", "mirror", "docs", "10")).contains("10 % mirrored");
    assertThat(ok("migrate", "throttle", "docs", "--points-per-second", "5")).contains("READY");
    assertThat(ok("migrate", "pause", "docs")).contains("paused");
    ok("migrate", "resume", "docs");
    ok("migrate", "switch", "docs", "50", "--dry-run");
    assertThat(ok("migrate", "status", "docs")).contains("traffic   0 % answered by version 2");
    assertThat(ok("migrate", "switch", "docs", "12.5")).contains("12.50 % answered");
    assertThat(ok("migrate", "policy", "-c", "docs", "--key", "user-1"))
        .contains("12.50 %", "test/new", "key \"user-1\": bucket");
    assertThat(ok("migrate", "reverse", "docs", "--reason", "look"))
        .contains("ROLLED_BACK", "look");
    assertThat(run("migrate", "switch", "docs", "0.005").code()).isEqualTo(Main.WRONG_USAGE);
    ok("migrate", "switch", "docs", "100");
    Run wrongName = run("migrate", "complete", "docs", "--confirm", "other");
    assertThat(wrongName.code()).isEqualTo(Main.FAILED);
    String json = ok("migrate", "complete", "docs", "--confirm", "docs", "--force", "--json");
    assertThat(json).contains("\"collection\":\"docs\"", "\"state\":\"complet");
    String id = json.replaceFirst("(?s).*\"id\":\"([^\"]+)\".*", "$1");
    ok("migrate", "watch", id, "--interval", "100ms");
    assertThat(ok("migrate", "status", id)).contains("COMPLETED", "nothing: it is over");
    assertThat(ok("search", "-c", "docs", "--vector", "[0,1]", "-k", "1")).contains("a");
    assertThat(ok("migrate", "status", "--json")).contains("\"state\":\"completed\"");
  }

  private void evaluate() throws IOException {
    Path queries = directory.resolve("queries.jsonl");
    StringBuilder lines = new StringBuilder();
    StringBuilder qrels = new StringBuilder("query-id\tcorpus-id\tscore\n");
    for (int i = 0; i < 20; i++) {
      lines.append("{\"_id\":\"q").append(i).append("\",\"text\":\"one\"}\n");
      qrels.append('q').append(i).append("\ta\t1\n");
    }
    Files.writeString(queries, lines);
    Path judged = directory.resolve("qrels.tsv");
    Files.writeString(judged, qrels);
    Path oldVectors = vectors("old.fvecs", 1, 0);
    Path newVectors = vectors("new.fvecs", 0, 1);
    assertThat(
            ok(
                "migrate",
                "evaluate",
                "docs",
                "--golden",
                "faq",
                "--queries",
                queries.toString(),
                "--qrels",
                judged.toString(),
                "--vectors-old",
                oldVectors.toString(),
                "--vectors-new",
                newVectors.toString(),
                "--runs",
                directory.resolve("runs").toString()))
        .contains("version 2 against 1:", "ndcg@10", "what users get");
    assertThat(Files.readString(directory.resolve("runs").resolve("new.run")))
        .contains("q0 Q0 a 1");
    assertThat(ok("migrate", "evaluate", "docs", "--golden", "faq", "--json"))
        .contains("\"verdict\":", "\"measure\":\"ndcg@10\"");
    assertThat(run("migrate", "evaluate", "docs", "--golden", "none").err())
        .contains("migrate evaluate --help");
  }

  private Path vectors(String name, float x, float y) throws IOException {
    java.nio.ByteBuffer bytes =
        java.nio.ByteBuffer.allocate(20 * 12).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 20; i++) {
      bytes.putInt(2).putFloat(x).putFloat(y);
    }
    return Files.write(directory.resolve(name), bytes.array());
  }

  private static String[] with(String first, String... rest) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(rest));
    return all.toArray(String[]::new);
  }

  private String ok(String command, String... arguments) {
    Run run = run(command, arguments);
    assertThat(run.code()).as("%s %s", run.out(), run.err()).isEqualTo(Main.DONE);
    return run.out();
  }

  private Run run(String command, String... arguments) {
    List<String> all = new ArrayList<>(List.of(command));
    all.addAll(List.of(arguments));
    all.add("--address");
    all.add("127.0.0.1:" + port);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            all.toArray(String[]::new),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Run(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }
}
