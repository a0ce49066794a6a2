package io.whimbrel.server.cli;

import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.Cardinality;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.MaxSimOptions;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Storage;
import io.whimbrel.client.TokenMatch;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.demo.TokenData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `demo colbert`: late interaction on the tokens of real texts.
@Command(
    name = "colbert",
    description = {
      "Start a server in a temporary directory, import texts with a ColBERTv2 vector for each"
          + " token, search them by MaxSim, compare with an exact search, and show which tokens of"
          + " the best hit matched. Leaves nothing behind.",
      "",
      "The vectors are not part of the source tree, since their licence does not let them be passed"
          + " on. DIR has doc_tokens.f16 (128 float16 a token), doclens.txt (tokens of each text),"
          + " query_tokens.f32 (32 x 128 float32 each), collection.tsv and queries.tsv (id, tab,"
          + " text)."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel demo colbert --data colbertv2-lotte500",
      "  whimbrel demo colbert --data colbertv2-lotte500 --json | tail -n 1"
    })
final class ColbertDemoCommand implements Callable<Integer> {
  private static final String COLLECTION = "passages";
  private static final int K = 10;
  private static final int TIMED_PASSES = 3;
  private static final int MATCHES_SHOWN = 8;
  private static final int TEXT_SHOWN = 160;
  private static final long LATENCY_NANOS_MAX = 60_000_000_000L;

  private final Session session;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Texts and tokens. Default: data/colbertv2-lotte500, if you put it there")
  private @Nullable Path data;

  ColbertDemoCommand(Session session) {
    this.session = session;
  }

  private record Report(
      long documents, long tokens, double recall, double p50, double p99, double bytes) {}

  @Override
  public Integer call() throws IOException {
    TokenData set = TokenData.read(folder());
    Path directory = Files.createTempDirectory("whimbrel-demo-");
    DemoCommand.Cleanup cleanup = new DemoCommand.Cleanup(directory);
    Runtime.getRuntime().addShutdownHook(new Thread(cleanup, "demo-cleanup"));
    Report report;
    try {
      note("starting a server ...");
      ServerProcess server = ServerProcess.start(directory);
      cleanup.own(server);
      Session.Address address = server.awaitReady();
      try (WhimbrelClient client =
          WhimbrelClient.builder().address(address.host(), address.port()).build()) {
        report = run(client, set);
      }
    } finally {
      cleanup.run();
    }
    print(report);
    return Main.DONE;
  }

  private Path folder() throws IOException {
    Path folder = data == null ? DemoCommand.home().resolve("colbertv2-lotte500") : data;
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          folder
              + " is missing (expected: a folder of token vectors, by --data; whimbrel demo colbert"
              + " --help says what is in it). They are not shipped; bench maxsim makes some");
    }
    return folder;
  }

  private Report run(WhimbrelClient client, TokenData set) {
    var _ =
        client.createCollection(
            CollectionSpec.of(
                COLLECTION,
                EmbeddingSpec.builder(TokenData.DIMENSION, Metric.COSINE)
                    .cardinality(Cardinality.MULTI)
                    .storage(Storage.INT8)
                    .index(new IndexSpec.MultiVector(4096))
                    .build()));
    note("importing " + set.tokens().size() + " texts of " + set.tokenCount() + " tokens ...");
    try (BulkTarget target =
        new GrpcBulkTarget(client.bulkWriter(COLLECTION, BulkOptions.DEFAULT))) {
      for (int i = 0; i < set.tokens().size(); i++) {
        Map<String, Value> payload = Map.of("text", Value.of(set.texts().get(i)));
        target.add(Point.of(PointId.of(i), payload, matrix(set.tokens().get(i))));
      }
      target.flush();
    }
    note("searching ...");
    int found = 0;
    int wanted = 0;
    for (float[] query : set.queries()) {
      List<PointId> truth = ids(client, query, true);
      wanted += truth.size();
      found += (int) ids(client, query, false).stream().filter(truth::contains).count();
    }
    Histogram latencies = new Histogram(LATENCY_NANOS_MAX, 3);
    for (int pass = 0; pass < TIMED_PASSES; pass++) {
      for (float[] query : set.queries()) {
        long start = System.nanoTime();
        ids(client, query, false);
        latencies.recordValue(Math.min(LATENCY_NANOS_MAX, System.nanoTime() - start));
      }
    }
    show(client, set);
    CollectionInfo info = client.collection(COLLECTION);
    CollectionInfo.VersionInfo version = info.fields().getFirst().versions().getFirst();
    return new Report(
        version.live(),
        set.tokenCount(),
        (double) found / wanted,
        latencies.getValueAtPercentile(50) / 1e6,
        latencies.getValueAtPercentile(99) / 1e6,
        (double) version.indexBytes() / version.live());
  }

  private static Vector matrix(float[] values) {
    return new Vector(values, values.length / TokenData.DIMENSION, "");
  }

  private static List<PointId> ids(WhimbrelClient client, float[] query, boolean exact) {
    SearchRequest request = SearchRequest.builder(matrix(query)).k(K).exact(exact).build();
    return client.search(COLLECTION, request).hits().stream().map(Hit::id).toList();
  }

  /// The best hit of the first query, and the tokens that matched best.
  private void show(WhimbrelClient client, TokenData set) {
    Vector query = matrix(set.queries().getFirst());
    Hit hit =
        client
            .search(
                COLLECTION,
                SearchRequest.builder(query)
                    .k(1)
                    .maxSim(MaxSimOptions.DEFAULT.withAlign(true))
                    .build())
            .hits()
            .getFirst();
    int document = Integer.parseInt(hit.id().toString());
    int tokens = set.tokens().get(document).length / TokenData.DIMENSION;
    note("");
    note("query 0: " + set.queryTexts().getFirst());
    note(
        "best hit: text %d of %d tokens, score %.3f of at most %d"
            .formatted(document, tokens, hit.score(), query.rows()));
    note("  " + shortened(set.texts().get(document)));
    note("the %d surest of its %d matches:".formatted(MATCHES_SHOWN, query.rows()));
    hit.alignment().stream()
        .sorted(Comparator.comparingDouble(TokenMatch::score).reversed())
        .limit(MATCHES_SHOWN)
        .sorted(Comparator.comparingInt(TokenMatch::queryToken))
        .forEach(match -> note(line(match)));
    note("");
  }

  private static String line(TokenMatch match) {
    return String.format(
        Locale.ROOT,
        "  query token %2d -> token %3d of the text, cosine %.3f",
        match.queryToken(),
        match.token(),
        match.score());
  }

  private static String shortened(String text) {
    return text.length() <= TEXT_SHOWN ? text : text.substring(0, TEXT_SHOWN) + " ...";
  }

  private void note(String text) {
    if (!session.json()) {
      session.out().println(text);
    }
  }

  private void print(Report report) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeNumberField("documents", report.documents());
        json.writeNumberField("tokens", report.tokens());
        json.writeNumberField("recall_at_10", report.recall());
        json.writeNumberField("p50_ms", report.p50());
        json.writeNumberField("p99_ms", report.p99());
        json.writeNumberField("bytes_per_document", report.bytes());
      });
      return;
    }
    session
        .out()
        .printf(
            Locale.ROOT,
            "%d texts, %d tokens: recall@10 %.4f of an exact search; p50 %.2f ms, p99 %.2f ms; %.0f"
                + " bytes of memory a text%n",
            report.documents(),
            report.tokens(),
            report.recall(),
            report.p50(),
            report.p99(),
            report.bytes());
  }
}
