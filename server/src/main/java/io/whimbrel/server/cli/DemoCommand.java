package io.whimbrel.server.cli;

import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.files.MatrixFile;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;

/// `demo`: a real server, real vectors, real searches, compared with the exact answers.
@Command(
    name = "demo",
    description = {
      "Start a server in a temporary directory, import 9,500 real vectors, run 500 searches,"
          + " compare them with the exact answers and report recall and speed. Leaves nothing"
          + " behind."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel demo --json | tail -n 1",
      "  whimbrel demo migration          from one embedding model to another under traffic",
      "  whimbrel demo colbert --data DIR  late interaction on token vectors that you have"
    })
final class DemoCommand implements Callable<Integer> {
  private static final String COLLECTION = "demo";
  private static final int K = 10;

  /// The first pass checks the answers and warms up, these are timed.
  private static final int TIMED_PASSES = 2;

  private static final long LATENCY_NANOS_MAX = 60_000_000_000L;

  private final Session session;

  DemoCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    Path data = data();
    long started = System.nanoTime();
    Path directory = Files.createTempDirectory("whimbrel-demo-");
    Cleanup cleanup = new Cleanup(directory);
    Thread hook = new Thread(cleanup, "demo-cleanup");
    Runtime.getRuntime().addShutdownHook(hook);
    Report report;
    try {
      note("starting a server ...");
      ServerProcess server = ServerProcess.start(directory);
      cleanup.own(server);
      // Read while the server starts.
      float[][] base = MatrixFile.readVectors(data.resolve("base.bvecs"));
      float[][] queries = MatrixFile.readVectors(data.resolve("query.bvecs"));
      int[][] truth = MatrixFile.readInts(data.resolve("groundtruth.ivecs"));
      Session.Address address = server.awaitReady();
      note("importing and searching ...");
      report = run(address, base, queries, truth);
    } finally {
      cleanup.run();
    }
    print(report, (System.nanoTime() - started) / 1e9);
    if (report.recall() < 1) {
      session.err().println("error: an exact scan must find every neighbour; this is a defect");
      return Main.FAILED;
    }
    return Main.DONE;
  }

  /// Where the data sets of the source tree are.
  static Path home() {
    return Path.of(System.getProperty("whimbrel.home", "."), "data");
  }

  private static Path data() throws IOException {
    Path data = home().resolve("bigann10k-128");
    if (!Files.isDirectory(data)) {
      throw new IOException(data + " is missing; it is part of the source tree, restore it there");
    }
    return data;
  }

  private static Report run(
      Session.Address address, float[][] base, float[][] queries, int[][] truth) {
    try (WhimbrelClient client =
        WhimbrelClient.builder().address(address.host(), address.port()).build()) {
      client.createCollection(
          CollectionSpec.of(COLLECTION, EmbeddingSpec.builder(base[0].length, Metric.L2).build()));
      long started = System.nanoTime();
      try (BulkTarget target =
          new GrpcBulkTarget(client.bulkWriter(COLLECTION, BulkOptions.DEFAULT))) {
        for (int i = 0; i < base.length; i++) {
          target.add(Point.of(PointId.of(i), Vector.of(base[i])));
        }
        target.flush();
      }
      double importSeconds = (System.nanoTime() - started) / 1e9;
      long found = 0;
      for (int q = 0; q < queries.length; q++) {
        found += found(search(client, queries[q]), base, queries[q], truth[q]);
      }
      Histogram latencies = new Histogram(LATENCY_NANOS_MAX, 3);
      long searching = System.nanoTime();
      for (int pass = 0; pass < TIMED_PASSES; pass++) {
        for (float[] query : queries) {
          long start = System.nanoTime();
          search(client, query);
          latencies.recordValue(Math.min(LATENCY_NANOS_MAX, System.nanoTime() - start));
        }
      }
      double searchSeconds = (System.nanoTime() - searching) / 1e9;
      return new Report(
          client.count(COLLECTION),
          base[0].length,
          queries.length,
          found / (double) (queries.length * K),
          importSeconds,
          latencies.getTotalCount() / searchSeconds,
          latencies.getValueAtPercentile(50) / 1e6,
          latencies.getValueAtPercentile(99) / 1e6,
          client.serverInfo().kernels());
    }
  }

  private static List<Hit> search(WhimbrelClient client, float[] query) {
    return client.search(COLLECTION, SearchRequest.of(Vector.of(query), K)).hits();
  }

  /// How many different hits are as near as the `K`-th true neighbour. Several base rows can be
  /// equally far, so distances are compared and not ids; of these whole numbers they are exact in
  /// float64.
  static int found(List<Hit> hits, float[][] base, float[] query, int[] truth) {
    double limit = squaredDistance(base[truth[K - 1]], query);
    return (int)
        hits.stream()
            .map(hit -> ((PointId.Number) hit.id()).number())
            .distinct()
            .filter(id -> squaredDistance(base[Math.toIntExact(id)], query) <= limit)
            .count();
  }

  private static double squaredDistance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double difference = (double) a[i] - b[i];
      sum += difference * difference;
    }
    return sum;
  }

  private void note(String text) {
    if (!session.json()) {
      session.err().println(text);
    }
  }

  private void print(Report report, double seconds) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeNumberField("points", report.points());
        json.writeNumberField("dimension", report.dimension());
        json.writeNumberField("queries", report.queries());
        json.writeNumberField("k", K);
        json.writeNumberField("recall_at_10", report.recall());
        json.writeNumberField("qps", report.qps());
        json.writeNumberField("p50_ms", report.p50Millis());
        json.writeNumberField("p99_ms", report.p99Millis());
        json.writeNumberField("import_seconds", report.importSeconds());
        json.writeNumberField("seconds", seconds);
        json.writeStringField("kernels", report.kernels());
      });
      return;
    }
    session
        .out()
        .printf(
            Locale.ROOT,
            """
            data      %d real SIFT vectors of %d dimensions, L2 (bigann10k-128)
            import    %.2f s, %.0f points/s, each acknowledged on stable storage
            search    %d queries, k = %d, exact scan, %s
            recall@10 = %.3f
            QPS       %.0f, one client, one query at a time
            latency   p50 %.2f ms, p99 %.2f ms
            total     %.1f s, server stopped, nothing left behind
            """,
            report.points(),
            report.dimension(),
            report.importSeconds(),
            report.points() / report.importSeconds(),
            report.queries(),
            K,
            report.kernels(),
            report.recall(),
            report.qps(),
            report.p50Millis(),
            report.p99Millis(),
            seconds);
  }

  private record Report(
      long points,
      int dimension,
      int queries,
      double recall,
      double importSeconds,
      double qps,
      double p50Millis,
      double p99Millis,
      String kernels) {}

  /// Stops the server and deletes the directory, once, at the end or on Ctrl-C.
  static final class Cleanup implements Runnable {
    private final Path directory;
    private Optional<ServerProcess> server = Optional.empty();
    private boolean done;

    Cleanup(Path directory) {
      this.directory = directory;
    }

    /// Takes over a server that has just been started; ends it at once when the end has come
    /// already.
    synchronized void own(ServerProcess started) {
      server = Optional.of(started);
      if (done) {
        started.close();
      }
    }

    /// Whoever comes second waits for the first, so that the process does not end in the middle.
    @Override
    public synchronized void run() {
      if (done) {
        return;
      }
      done = true;
      server.ifPresent(ServerProcess::close);
      try {
        delete(directory);
      } catch (IOException e) {
        System.err.println("error: " + directory + " is left behind: " + e.getMessage());
      }
    }

    private static void delete(Path directory) throws IOException {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
              if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
              }
              throw e;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
              Files.deleteIfExists(dir);
              return FileVisitResult.CONTINUE;
            }
          });
    }
  }
}
