package io.whimbrel.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.client.AliasChange;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryRequest;
import io.whimbrel.client.TextAnalyzer;
import io.whimbrel.client.TextIndexSpec;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Full text, aliases, fields that come and go, and expiry, from the command line and the SDK to a
/// real server.
class CollectionsCliIT {
  private static final String LINES =
      """
      {"id":"a","vector":[1,0],"payload":{"body":"A curlew calls over the mud","lang":"en"}}
      {"id":"b","vector":[0,1],"payload":{"body":"Curlews and sandpipers","lang":"de"}}
      {"id":"c","vector":[0.9,0.1],"payload":{"body":"The tide","lang":"en","expires_at":{"$timestamp":"2020-01-01T00:00:00Z"}}}
      """;

  private static WhimbrelServer server;

  @TempDir static Path directory;
  @TempDir Path files;

  @BeforeAll
  static void start() throws IOException {
    server =
        WhimbrelServer.start(
            ServerConfig.load(
                Map.of("port", "0", "data", directory.resolve("data").toString()), Map.of()));
  }

  @AfterAll
  static void stop() {
    server.stop();
  }

  private static WhimbrelClient client() {
    return WhimbrelClient.builder().address("127.0.0.1", server.port()).build();
  }

  private Path lines() throws IOException {
    return Files.writeString(files.resolve("docs.jsonl"), LINES);
  }

  @Test
  void searchesTextAloneAndWithVectors() throws IOException {
    ok("import", lines().toString(), "-c", "texts", "--create", "--index-field", "lang:keyword");
    assertThat(run("search", "-c", "texts", "--text", "curlew").err())
        .contains("no full-text index");
    ok("collection", "index", "add", "texts", "body", "--type", "text", "--analyzer", "english");
    try (WhimbrelClient client = client()) {
      while (!client.collection("texts").texts().getFirst().ready()) {
        Thread.onSpinWait();
      }
      assertThat(
              client
                  .query("texts", QueryRequest.of(Query.text("body", "curlew"), 10))
                  .hits()
                  .stream()
                  .map(ranked -> ranked.hit().id()))
          .containsExactlyInAnyOrder(PointId.of("a"), PointId.of("b"));
      assertThatThrownBy(
              () -> client.addTextIndex("texts", new TextIndexSpec("body", TextAnalyzer.CJK)))
          .isInstanceOfSatisfying(
              WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INDEX_EXISTS));
      assertThatThrownBy(
              () -> client.query("texts", QueryRequest.of(Query.text("title", "curlew"), 10)))
          .isInstanceOfSatisfying(
              WhimbrelException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN_INDEX);
                assertThat(e.field()).isEqualTo("query.text.path");
              });
    }
    assertThat(ok("search", "-c", "texts", "--text", "sandpiper"))
        .startsWith("1  ")
        .contains("\"b\"");
    assertThat(ok("search", "-c", "texts", "--text", "curlew", "--filter", "lang = 'en'").lines())
        .hasSize(1);
    String hybrid =
        ok("search", "-c", "texts", "--text", "curlew", "--vector", "[1,0]", "--hybrid", "--json");
    assertThat(hybrid).contains("\"hits\":[{\"id\":\"a\"");
    assertThat(run("search", "-c", "texts", "--text", "x", "--hybrid").code())
        .isEqualTo(Main.WRONG_USAGE);
    assertThat(ok("collection", "describe", "texts")).contains("  text body: english; ");
    ok("collection", "index", "drop", "texts", "body", "--type", "text");
    assertThat(ok("collection", "describe", "texts")).doesNotContain("  text body");
  }

  @Test
  void aliasesStandForCollectionsInEveryCommand() throws IOException {
    ok("import", lines().toString(), "-c", "birds-1", "--create");
    ok("collection", "create", "birds-2", "--dimension", "2");
    assertThat(ok("collection", "alias")).isEqualTo("no aliases\n");
    assertThat(ok("collection", "alias", "--create", "birds=birds-1"))
        .isEqualTo("birds -> birds-1\n");
    assertThat(ok("count", "-c", "birds")).isEqualTo("3\n");
    assertThat(ok("search", "-c", "birds", "--vector", "[1,0]", "-k", "1")).contains("\"a\"");
    Path flight = files.resolve("flight.jsonl");
    ok("export", flight.toString(), "-c", "birds", "--via", "flight");
    assertThat(Files.readAllLines(flight)).hasSize(3);
    ok("import", flight.toString(), "-c", "birds", "--via", "flight");
    assertThat(ok("collection", "describe", "birds"))
        .startsWith("birds-1: ")
        .contains("aliases birds");
    assertThat(run("collection", "delete", "birds").err()).contains("birds-1");
    assertThat(run("collection", "alias", "--switch", "none=birds-1").err())
        .contains("collection alias");
    ok("collection", "alias", "--switch", "birds=birds-2", "--create", "old=birds-1");
    assertThat(ok("count", "-c", "birds")).isEqualTo("0\n");
    assertThat(ok("count", "-c", "old")).isEqualTo("3\n");
    try (WhimbrelClient client = client()) {
      assertThat(
              client.changeAliases(
                  List.of(new AliasChange.Drop("birds"), new AliasChange.Drop("old"))))
          .isEmpty();
    }
  }

  @Test
  void fieldsComeAndGo() throws IOException {
    ok("import", lines().toString(), "-c", "fields", "--create");
    ok("collection", "field", "add", "fields", "--field", "image", "--dimension", "4");
    assertThat(ok("collection", "describe", "fields")).contains("image version 1");
    try (WhimbrelClient client = client()) {
      EmbeddingSpec spec =
          EmbeddingSpec.builder(8, Metric.DOT).index(new IndexSpec.Hnsw(16, 100)).build();
      CollectionInfo info = client.addField("fields", new FieldSpec("sound", spec));
      assertThat(info.fields()).hasSize(3);
      assertThatThrownBy(() -> client.addField("fields", new FieldSpec("sound", spec)))
          .isInstanceOfSatisfying(
              WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.FIELD_EXISTS));
    }
    ok("collection", "field", "drop", "fields", "default");
    ok("collection", "field", "drop", "fields", "image");
    assertThat(run("collection", "field", "drop", "fields", "sound").err()).contains("only one");
    assertThat(ok("count", "-c", "fields")).isEqualTo("3\n");
  }

  @Test
  void pointsExpire() throws IOException {
    ok(
        "collection",
        "create",
        "expiring",
        "--dimension",
        "2",
        "--text-field",
        "body:english",
        "--ttl-field",
        "expires_at");
    ok("import", lines().toString(), "-c", "expiring");
    assertThat(ok("count", "-c", "expiring")).isEqualTo("2\n");
    assertThat(ok("scroll", "-c", "expiring").lines()).hasSize(2);
    assertThat(ok("collection", "describe", "expiring")).contains("points expire by expires_at");
    assertThat(run("collection", "index", "drop", "expiring", "expires_at").code())
        .isEqualTo(Main.FAILED);
    ok("collection", "ttl", "expiring", "--off");
    assertThat(ok("collection", "describe", "expiring")).doesNotContain("points expire");
  }

  private static String ok(String... arguments) {
    Run run = run(arguments);
    assertThat(run.err()).isEmpty();
    assertThat(run.code()).isEqualTo(Main.DONE);
    return run.out();
  }

  private static Run run(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--address=127.0.0.1:" + server.port());
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

  private record Run(int code, String out, String err) {}
}
