package io.whimbrel.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.whimbrel.server.ServerConfig;
import io.whimbrel.server.WhimbrelServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every command against a real server, with and without `--json`.
class CliIT {
  private static final String LINES =
      """
      {"id":1,"vector":[1,0],"payload":{"int":1,"double":1.0,"at":{"$timestamp":"2026-01-31T12:00:00Z"}}}
      {"id":"1","vector":[0,1],"payload":{"text":"\u00e4"}}
      {"id":18446744073709551615,"vector":[0.6,0.8]}
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

  @Test
  void makesShowsAndRemovesCollections() {
    assertThat(
            ok(
                "collection",
                "create",
                "made",
                "--dimension",
                "3",
                "--metric",
                "dot",
                "--model",
                "a/b@c"))
        .startsWith(
            "made: 0 points\n  default version 1 (served): 3 x float32, single, dot, flat index;")
        .contains("model a/b@c");
    assertThat(json("collection", "describe", "made"))
        .contains(
            "\"name\":\"made\"", "\"dimension\":3", "\"metric\":\"dot\"", "\"kind\":\"flat\"");
    assertThat(ok("collection", "describe", "made")).contains("made: 0 points");
    assertThat(ok("collection", "list")).contains("made: 0 points");
    assertThat(json("collection", "list")).contains("{\"name\":\"made\"");
    assertThat(json("collection", "create", "made2", "--dimension", "3"))
        .contains("\"name\":\"made2\"");

    Run again = run("collection", "create", "made", "--dimension", "3");
    assertThat(again.code()).isEqualTo(Main.FAILED);
    assertThat(again.err()).startsWith("error: ").contains("made").contains("choose another name");
    assertThat(again.err().lines()).hasSize(1);

    assertThat(ok("collection", "delete", "made")).isEqualTo("deleted made with 0 points\n");
    assertThat(json("collection", "delete", "made2"))
        .isEqualTo("{\"name\":\"made2\",\"points\":0}\n");
    Run gone = run("collection", "describe", "made", "--json");
    assertThat(gone.code()).isEqualTo(Main.FAILED);
    assertThat(gone.out()).startsWith("{\"error\":{\"code\":\"COLLECTION_NOT_FOUND\"");
    assertThat(gone.err()).contains("collection list");
  }

  @Test
  void filtersReadsAndDeletions() throws IOException {
    Path lines = files.resolve("books.jsonl");
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      text.append(
          """
          {"id":%d,"vector":[1,%d],"payload":{"lang":"%s","year":%d,"tags":["t%d"]}}
          """
              .formatted(i, i, i % 3 == 0 ? "de" : "en", 1990 + i, i % 5));
    }
    Files.writeString(lines, text);
    ok(
        "import",
        lines.toString(),
        "-c",
        "books",
        "--create",
        "--index-field",
        "lang:keyword,year:int64");
    assertThat(ok("collection", "index", "list", "books"))
        .isEqualTo(
            "  index lang: keyword; 30 points, 2 values\n"
                + "  index year: int64; 30 points, 30 values\n");

    String filter = "lang = 'de' and year >= 2000 and not tags = 't1'";
    assertThat(ok("count", "-c", "books", "--filter", filter)).isEqualTo("5\n");
    assertThat(ok("scroll", "-c", "books", "--filter", filter, "--no-payload"))
        .isEqualTo("12  {}\n15  {}\n18  {}\n24  {}\n27  {}\n");
    Run search =
        run(
            "search",
            "-c",
            "books",
            "--vector",
            "[1,0]",
            "-k",
            "2",
            "--filter",
            filter,
            "--explain");
    assertThat(search.out().lines().map(line -> line.split("  ")[2])).containsExactly("12", "15");
    assertThat(search.err())
        .isEqualTo("every match was compared; 5 points could be hits, 6 payloads read\n");
    assertThat(json("search", "-c", "books", "--vector", "[1,0]", "--filter", "id = 9999"))
        .contains("\"hits\":[]", "\"plan\":{\"method\":\"nothing\",\"matches\":0,");

    queries();
    assertThat(ok("collection", "index", "drop", "books", "lang")).doesNotContain("lang");
    assertThat(ok("count", "-c", "books", "--filter", filter)).isEqualTo("5\n");
    assertThat(json("collection", "index", "add", "books", "lang:keyword", "tags:keyword"))
        .contains("\"path\":\"tags\",\"type\":\"keyword\"");
    assertThat(ok("count", "-c", "books", "--filter", filter)).isEqualTo("5\n");

    Run mismatch = run("count", "-c", "books", "--filter", "year = 'x'", "--json");
    assertThat(mismatch.out()).contains("TYPE_MISMATCH", "INT64");
    Run malformed = run("count", "-c", "books", "--filter", "year ==");
    assertThat(malformed.code()).isEqualTo(Main.FAILED);
    assertThat(malformed.err()).contains("at character 7");
    assertThat(run("delete", "-c", "books").code()).isEqualTo(Main.WRONG_USAGE);
    assertThat(run("delete", "-c", "books", "1", "--filter", filter).code())
        .isEqualTo(Main.WRONG_USAGE);

    assertThat(ok("delete", "-c", "books", "--filter", filter, "--dry-run"))
        .isEqualTo("would delete 5 points\n");
    assertThat(ok("count", "-c", "books")).isEqualTo("30\n");
    assertThat(ok("delete", "-c", "books", "--filter", filter)).isEqualTo("deleted 5 points\n");
    assertThat(ok("count", "-c", "books")).isEqualTo("25\n");
    assertThat(ok("count", "-c", "books", "--filter", filter)).isEqualTo("0\n");
  }

  @Test
  void keepsVectorsInBytes() throws IOException {
    assertThat(ok("collection", "create", "bytes", "--dimension", "2", "--storage", "int8"))
        .contains("2 x int8, single");
    assertThat(
            ok(
                "collection",
                "create",
                "coded",
                "--dimension",
                "2",
                "--metric",
                "dot",
                "--storage",
                "int8",
                "--drop-originals"))
        .contains("2 x int8 without originals, single");
    assertThat(json("collection", "describe", "bytes"))
        .contains("\"storage\":\"int8\"", "\"keep_originals\":true");
    assertThat(json("collection", "describe", "coded"))
        .contains("\"storage\":\"int8\"", "\"keep_originals\":false");
    Path file = Files.writeString(files.resolve("in.jsonl"), "{\"id\":1,\"vector\":[0.25,-0.5]}\n");
    for (String collection : List.of("bytes", "coded")) {
      ok("import", file.toString(), "-c", collection);
      // Two values are the ends of their range, and those are exact.
      assertThat(json("get", "-c", collection, "1", "--with-vectors"))
          .contains("{\"default\":[0.25,-0.5]}");
      Path out = files.resolve(collection + ".jsonl");
      ok("export", out.toString(), "-c", collection);
      assertThat(Files.readString(out)).contains("[0.25,-0.5]");
      ok("collection", "delete", collection);
    }
    assertThat(run("collection", "create", "x", "--dimension", "2", "--drop-originals").err())
        .contains("keep_originals: false (expected: true with storage FLOAT32");
    assertThat(
            ok(
                "collection",
                "create",
                "graph8",
                "--dimension",
                "2",
                "--index",
                "hnsw",
                "--storage",
                "int8"))
        .contains("2 x int8, single", "HNSW index");
    ok("collection", "delete", "graph8");
  }

  @Test
  void searchesAGraph() throws IOException, InterruptedException {
    assertThat(
            ok(
                "collection",
                "create",
                "graph",
                "--dimension",
                "8",
                "--metric",
                "l2",
                "--index",
                "hnsw",
                "--m",
                "16",
                "--ef-construction",
                "150"))
        .contains("HNSW index (m 16, ef_construction 150); 0 vectors, coverage 1.000, 0 pending");
    int rows = 3_000;
    Random random = new Random(5);
    ByteBuffer fvecs = ByteBuffer.allocate(rows * 36).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < rows; i++) {
      fvecs.putInt(8);
      for (int j = 0; j < 8; j++) {
        fvecs.putFloat((float) random.nextGaussian());
      }
    }
    Path file = Files.write(files.resolve("rows.fvecs"), fvecs.array());
    ok("import", file.toString(), "-c", "graph");
    // The workers need no one to ask them.
    while (!json("collection", "describe", "graph").contains("\"pending\":0,")) {
      Thread.sleep(20);
    }
    assertThat(json("collection", "describe", "graph"))
        .contains("\"kind\":\"hnsw\"", "\"m\":16", "\"ef_construction\":150")
        .contains("\"live\":3000", "\"coverage\":1.0", "\"index_note\":\"\"")
        .containsPattern("\"index_bytes\":[1-9][0-9]{5,}");

    int found = 0;
    for (int row = 0; row < 20; row++) {
      List<String> exact = graphHits(file, row, "--exact");
      assertThat(exact).hasSize(10);
      assertThat(graphHits(file, row, "--ef", "10000")).isEqualTo(exact);
      List<String> walked = graphHits(file, row, "--ef", "40");
      assertThat(walked).hasSize(10).doesNotHaveDuplicates();
      found += (int) walked.stream().filter(exact::contains).count();
    }
    assertThat(found).isGreaterThan(180);
    assertThat(run("search", "-c", "graph", "--vector", "[1]", "-k", "10", "--ef", "9").err())
        .contains("ef: 9 (expected: at least k, which is 10");
    assertThat(
            run("collection", "create", "x", "--dimension", "8", "--index", "hnsw", "--m", "1")
                .err())
        .contains("m: 1 (expected: 2 to 128)");
    ok("collection", "delete", "graph");
  }

  /// On the books: number `i` has the vector (1, i), so the direction of the last is nearest to (0, 1).
  private void queries() throws IOException {
    assertThat(hits("--vector", "[0, 1]", "-k", "2", "--diversity", "0")).containsExactly("29", "28");
    assertThat(hits("--id", "29", "-k", "2")).containsExactly("28", "27");
    assertThat(hits("--order-by", "year", "--descending", "-k", "2")).containsExactly("29", "28");
    assertThat(hits("--sample", "7", "-k", "3"))
        .hasSize(3)
        .isEqualTo(hits("--sample", "7", "-k", "3"));
    assertThat(
            ok(
                "search",
                "-c",
                "books",
                "--vector",
                "[0, 1]",
                "-k",
                "2",
                "--group-by",
                "lang",
                "--group-size",
                "1",
                "--no-payload"))
        .containsSubsequence("\"en\"\n  ", "  29  {}\n", "\"de\"\n  ", "  27  {}\n");

    Run page = run("search", "-c", "books", "--order-by", "year", "-k", "20", "--no-payload");
    String cursor = page.err().strip().substring("more: --cursor ".length());
    assertThat(hits("--order-by", "year", "-k", "20", "--cursor", cursor)).hasSize(10).startsWith("20");

    Path tree = files.resolve("tree.json");
    Files.writeString(
        tree,
        """
        {"prefetch": [
           {"query": {"nearest": {"vector": [0, 1]}}, "limit": 5, "filter": "lang = 'de'"},
           {"query": {"recommend": {"positives": [29, [0, 1]], "strategy": "best_score"}}, "limit": 5},
           {"query": {"order_by": {"path": "year", "descending": true}}, "limit": 5}],
         "fusion": {"rrf": {"rank_constant": 10, "weights": [1, 1, 2.5]}}}
        """);
    // First list 27 24 21 18 15, second 28 27 26 25 24, third 29 28 27 26 25.
    assertThat(hits("--query", tree.toString(), "-k", "3")).containsExactly("27", "28", "26");
    assertThat(json("search", "-c", "books", "--query", tree.toString(), "-k", "1"))
        .contains("\"path\":\"query.prefetch[0].query\"", "\"served\":[{\"field\":\"default\"");
    Files.writeString(tree, "{\"nearest\": {\"vector\": [0, 1], \"fields\": \"x\"}}");
    assertThat(run("search", "-c", "books", "--query", tree.toString()).err())
        .contains("query.nearest: key \"fields\" (expected: field, version, vector or id");

    assertThat(ok("facet", "-c", "books", "lang", "--filter", "year >= 2000"))
        .isEqualTo("14  \"en\"\n6  \"de\"\n");
    assertThat(ok("negatives", "-c", "books", "--id", "29", "--negatives", "2", "--range-min", "1"))
        .startsWith("{\"query\":\"29\",\"positives\":[],\"negatives\":[{\"id\":27,")
        .contains("\"rank\":3}],\"too_near\":0}");

    long sliced = 0;
    for (int i = 0; i < 3; i++) {
      Path part = files.resolve("part" + i + ".jsonl");
      ok("export", part.toString(), "-c", "books", "--slice", i + "/3", "--filter", "lang = 'en'");
      sliced += Files.readAllLines(part).size();
    }
    assertThat(sliced).isEqualTo(20);
    assertThat(run("scroll", "-c", "books", "--slice", "3").err()).contains("for example 0/4");
  }

  /// Ids as printed by a search of the books.
  private static List<String> hits(String... options) {
    List<String> arguments = new ArrayList<>(List.of("search", "-c", "books", "--no-payload"));
    arguments.addAll(List.of(options));
    // The cursor of a page goes to the other stream.
    Run run = run(arguments.toArray(String[]::new));
    assertThat(run.code()).as(run.err()).isEqualTo(Main.DONE);
    return run.out().lines().map(line -> line.split(" {2,}", 4)[2]).toList();
  }

  /// The hits of one row of the file as printed, without their rank. Ids and payloads, best first.
  /// Scores are left out: the order of a sum, and with it the last digit, may change when its code
  /// is compiled.
  private static List<String> graphHits(Path file, int row, String... options) {
    List<String> arguments = new ArrayList<>(List.of("search", "-c", "graph", "-k", "10"));
    arguments.addAll(List.of("--vector-file", file.toString(), "--row", Integer.toString(row)));
    arguments.addAll(List.of(options));
    return ok(arguments.toArray(String[]::new))
        .lines()
        .map(line -> line.split(" {2,}", 3)[2])
        .toList();
  }

  @Test
  void importsReadsSearchesAndDeletes() throws IOException {
    Path file = Files.writeString(files.resolve("in.jsonl"), LINES);

    assertThat(json("import", file.toString(), "-c", "points", "--create", "--metric", "dot"))
        .startsWith("{\"collection\":\"points\",")
        .contains("\"points\":3,");
    assertThat(ok("count", "-c", "points")).isEqualTo("3\n");
    assertThat(json("count", "-c", "points")).isEqualTo("{\"count\":3}\n");

    assertThat(ok("get", "-c", "points", "\"1\"", "1"))
        .isEqualTo(
            """
            "1"  {"text":"\u00e4"}
            1  {"at":{"$timestamp":"2026-01-31T12:00:00Z"},"double":1.0,"int":1}
            """);
    assertThat(
            json("get", "-c", "points", "18446744073709551615", "--with-vectors", "--no-payload"))
        .contains(
            "\"id\":18446744073709551615", "\"vectors\":{\"default\":[0.6,0.8]}", "\"missing\":[]");
    Run missing = run("get", "-c", "points", "1", "77", "--json");
    assertThat(missing.code()).isEqualTo(Main.FAILED);
    assertThat(missing.out()).contains("\"missing\":[77]");
    assertThat(missing.err()).isEqualTo("error: no point 77 in points\n");

    assertThat(ok("search", "-c", "points", "--vector", "[2, 1]", "-k", "2", "--payload", "int"))
        .isEqualTo("1  2.0  1  {\"int\":1}\n2  2.0  18446744073709551615  {}\n");
    assertThat(json("search", "-c", "points", "--vector", "[0, 1]", "-k", "1", "--exact"))
        .startsWith("{\"hits\":[{\"id\":\"1\",\"payload\":{\"text\":\"\u00e4\"},\"score\":1.0,")
        .contains("\"served_version\":1");
    assertThat(run("search", "-c", "points", "--vector", "[0, 1, 2]").err())
        .startsWith("error: ")
        .contains("dimension", "3", "2");

    assertThat(json("delete", "-c", "points", "1", "55")).startsWith("{\"deleted\":1,\"seq\":");
    assertThat(ok("delete", "-c", "points", "\"1\"")).isEqualTo("deleted 1 points\n");
    assertThat(ok("count", "-c", "points")).isEqualTo("1\n");
  }

  @Test
  void scrollsPageByPage() throws IOException {
    Path file = Files.writeString(files.resolve("in.jsonl"), LINES);
    ok("import", file.toString(), "-c", "scrolled", "--create");

    Run first = run("scroll", "-c", "scrolled", "--limit", "2", "--no-payload");
    assertThat(first.out()).isEqualTo("1  {}\n18446744073709551615  {}\n");
    String cursor = first.err().replace("more: --cursor ", "").strip();
    assertThat(json("scroll", "-c", "scrolled", "--cursor", cursor))
        .contains("\"id\":\"1\"", "\"next_cursor\":\"\"");
  }

  @Test
  void exportsWhatItImported() throws IOException {
    Path file = Files.writeString(files.resolve("in.jsonl"), LINES);
    Path out = files.resolve("out.jsonl");
    ok("import", file.toString(), "-c", "copied", "--create");

    assertThat(ok("export", out.toString(), "-c", "copied"))
        .startsWith("exported 3 points of copied");
    assertThat(Files.readAllLines(out))
        .containsExactly(
            "{\"id\":1,\"payload\":{\"at\":{\"$timestamp\":\"2026-01-31T12:00:00Z\"},\"double\":1.0,\"int\":1},\"vectors\":{\"default\":[1.0,0.0]}}",
            "{\"id\":18446744073709551615,\"payload\":{},\"vectors\":{\"default\":[0.6,0.8]}}",
            "{\"id\":\"1\",\"payload\":{\"text\":\"\u00e4\"},\"vectors\":{\"default\":[0.0,1.0]}}");
    ok("import", out.toString(), "-c", "copied2", "--create");
    Path second = files.resolve("second.jsonl");
    assertThat(json("export", second.toString(), "-c", "copied2")).contains("\"points\":3");
    assertThat(second).hasSameTextualContentAs(out);

    Path ids = files.resolve("ids");
    for (String name : List.of("v.fvecs", "v.npy")) {
      Path vectors = files.resolve(name);
      ok("export", vectors.toString(), "-c", "copied", "--ids", ids.toString());
      assertThat(ids).hasContent("1\n18446744073709551615\n\"1\"\n");
      assertThat(
              ok(
                  "import",
                  vectors.toString(),
                  "-c",
                  "rows",
                  "--create",
                  "--id-start",
                  "10",
                  "--limit",
                  "2"))
          .startsWith("imported 2 points into rows");
      assertThat(ok("get", "-c", "rows", "11", "--with-vectors", "default"))
          .isEqualTo("11  {}  {\"default\":[0.6,0.8]}\n");
      assertThat(
              ok(
                  "search",
                  "-c",
                  "rows",
                  "--vector-file",
                  vectors.toString(),
                  "--row",
                  "1",
                  "-k",
                  "1"))
          .startsWith("1  ")
          .contains("  11  ");
    }
    try (var left = Files.list(files)) {
      assertThat(left).noneMatch(path -> path.toString().endsWith(".part"));
    }
  }

  @Test
  void endsAnImportAtTheFirstBadRow() throws IOException {
    Path file =
        Files.writeString(files.resolve("in.jsonl"), LINES + "{\"id\":9,\"vector\":[1,]}\n");
    Run run = run("import", file.toString(), "-c", "bad", "--create");
    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).startsWith("error: " + file + ", line 4: ");

    Files.writeString(file, "{\"id\":1,\"vector\":[1,2,3]}\n");
    Run refused = run("import", file.toString(), "-c", "bad", "--json");
    assertThat(refused.code()).isEqualTo(Main.FAILED);
    assertThat(refused.out()).contains("\"code\":\"DIMENSION_MISMATCH\"");
    assertThat(run("import", file.toString(), "-c", "bad", "--dimension", "2").err())
        .contains("dimension: 3 (expected: 2)");
  }

  @Test
  void movesTheSameByFlightAsByGrpc() throws IOException {
    StringBuilder lines = new StringBuilder(LINES);
    // More than the queue between reader and upload holds, and several batches.
    for (int i = 10; i < 5_010; i++) {
      lines.append("{\"id\":%d,\"vector\":[%d,0.5],\"payload\":{\"n\":%d}}\n".formatted(i, i, -i));
    }
    Path file = Files.writeString(files.resolve("in.jsonl"), lines);
    String in = file.toString();
    Path byGrpc = files.resolve("grpc.jsonl");
    Path byFlight = files.resolve("flight.jsonl");
    Path crossed = files.resolve("crossed.jsonl");

    ok("import", in, "-c", "by_grpc", "--create");
    assertThat(json("import", in, "-c", "by_flight", "--create", "--via", "flight"))
        .contains("\"points\":5003,");
    ok("export", byGrpc.toString(), "-c", "by_grpc");
    assertThat(json("export", byFlight.toString(), "-c", "by_flight", "--via", "flight"))
        .contains("\"points\":5003,");
    ok("export", crossed.toString(), "-c", "by_flight");

    assertThat(Files.readAllLines(byGrpc)).hasSize(5_003);
    assertThat(byFlight).hasSameBinaryContentAs(byGrpc);
    assertThat(crossed).hasSameBinaryContentAs(byGrpc);
    for (String name : List.of("v.fvecs", "w.fvecs")) {
      String via = name.startsWith("v") ? "grpc" : "flight";
      ok("export", files.resolve(name).toString(), "-c", "by_flight", "--via", via);
    }
    assertThat(files.resolve("w.fvecs")).hasSameBinaryContentAs(files.resolve("v.fvecs"));
  }

  @Test
  void endsAnImportByFlightAtTheFirstBadRow() throws IOException {
    Path file =
        Files.writeString(files.resolve("in.jsonl"), LINES + "{\"id\":9,\"vector\":[1,]}\n");
    String in = file.toString();
    Run run = run("import", in, "-c", "bad_flight", "--create", "--via", "flight");
    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).startsWith("error: " + file + ", line 4: ");
    // What came before the bad row stays written, as by gRPC.
    assertThat(ok("count", "-c", "bad_flight")).isEqualTo("3\n");

    StringBuilder lines = new StringBuilder();
    // The refusal arrives while points are still added.
    for (int i = 0; i < 20_000; i++) {
      lines.append("{\"id\":").append(i).append(",\"vector\":[1,2,3]}\n");
    }
    Files.writeString(file, lines);
    Run refused = run("import", in, "-c", "bad_flight", "--via", "flight", "--json");
    assertThat(refused.code()).isEqualTo(Main.FAILED);
    assertThat(refused.out()).contains("\"code\":\"DIMENSION_MISMATCH\"");

    Run missing = run("import", in, "-c", "no_such", "--via", "flight", "--json");
    assertThat(missing.out()).contains("\"code\":\"COLLECTION_NOT_FOUND\"");
    Run unread = run("export", files + "/o.jsonl", "-c", "no_such", "--via", "flight", "--json");
    assertThat(unread.out()).contains("\"code\":\"COLLECTION_NOT_FOUND\"");
  }

  @Test
  void importsParquet() throws Exception {
    var url = CliIT.class.getResource("files/points-snappy.parquet");
    assertThat(url).isNotNull();
    Path file = Path.of(url.toURI());

    assertThat(ok("import", file.toString(), "-c", "parquet", "--create", "--metric", "l2"))
        .startsWith("imported 3 points");
    assertThat(ok("get", "-c", "parquet", "c")).isEqualTo("\"c\"  {\"small\":4294967295}\n");
  }

  @Test
  void importsTokensAndShowsWhichMatched() throws IOException {
    // Two points, of two tokens and of one.
    Path tokens = files.resolve("tokens.fvecs");
    java.nio.ByteBuffer rows =
        java.nio.ByteBuffer.allocate(3 * 12).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (float[] row : new float[][] {{1, 0}, {0, 1}, {0.6f, 0.8f}}) {
      rows.putInt(2).putFloat(row[0]).putFloat(row[1]);
    }
    Files.write(tokens, rows.array());
    Path lengths = Files.writeString(files.resolve("lengths.txt"), "2\n1\n");

    String[] load = {
      "import",
      tokens.toString(),
      "-c",
      "tokens",
      "--lengths",
      lengths.toString(),
      "--create",
      "--index",
      "multi_vector"
    };
    assertThat(ok(load)).startsWith("imported 2 points");
    assertThat(ok("get", "-c", "tokens", "0", "--with-vectors")).contains("[[1.0,0.0],[0.0,1.0]]");
    assertThat(
            ok(
                "search",
                "-c",
                "tokens",
                "--vector",
                "[[0, 1], [1, 0]]",
                "--align",
                "--scoring",
                "mean"))
        .isEqualTo(
            """
            1  1.0  0  {}
                 0 -> 1  1.0000
                 1 -> 0  1.0000
            2  0.7000000476837158  1  {}
                 0 -> 0  0.8000
                 1 -> 0  0.6000
            """);
    assertThat(
            json(
                "search",
                "-c",
                "tokens",
                "--vector-file",
                tokens.toString(),
                "--row",
                "1",
                "--rows",
                "2",
                "-k",
                "1",
                "--align",
                "--maxsim-shortlist",
                "2",
                "--maxsim-candidates",
                "2"))
        .contains("\"alignment\":[{\"query_token\":0,\"token\":1,\"score\":1.0}");
    assertThat(run("search", "-c", "tokens", "--vector", "[[0, 1]]", "--ef", "50").err())
        .contains("params.ef: 50 (expected: none");
    assertThat(
            run("search", "-c", "tokens", "--vector-file", tokens.toString(), "--rows", "4").err())
        .contains("--rows: 4 (expected: 1 to 3)");
  }

  @Test
  void tellsTheServersVersion() {
    assertThat(ok("version", "--server")).contains("server ", "kernels ");
    assertThat(json("version", "--server")).contains("\"server\":{\"version\":");
  }

  @Test
  void refusesAServerThatCannotListen() {
    Run run =
        run(
            "serve",
            "--port",
            Integer.toString(server.port()),
            "--data",
            files.resolve("d").toString());

    assertThat(run.code()).isEqualTo(Main.FAILED);
    assertThat(run.err()).contains("error: ").contains(Integer.toString(server.port()));
  }

  private static String ok(String... arguments) {
    Run run = run(arguments);
    assertThat(run.err()).isEmpty();
    assertThat(run.code()).isEqualTo(Main.DONE);
    return run.out();
  }

  /// Runs with `--json` and checks that standard output is exactly one document.
  private static String json(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--json");
    String out = ok(all.toArray(String[]::new));
    try (JsonParser parser = new JsonFactory().createParser(out)) {
      parser.nextToken();
      parser.skipChildren();
      assertThat(parser.nextToken()).isNull();
    } catch (IOException e) {
      throw new AssertionError("no JSON: " + out, e);
    }
    return out;
  }

  private static Run run(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    if (!all.getFirst().equals("serve")) {
      all.add("--address=127.0.0.1:" + server.port());
    }
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
