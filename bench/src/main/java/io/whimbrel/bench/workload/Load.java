package io.whimbrel.bench.workload;

import io.whimbrel.bench.dataset.Rows;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.Durability;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.core.quant.AffineCodec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongConsumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// Loads the same rows in every way there is, each into a fresh database, and reads them all back.
final class Load {
  private static final String COLLECTION = "load";
  private static final int PAGE_POINTS = 1_000;
  private static final int POLL_MILLIS = 100;
  private static final int BARE_QUERIES = 50;
  private static final int K = 10;
  private static final Duration TRANSFER_MAX = Duration.ofHours(6);
  private static final ReadOptions READ =
      ReadOptions.DEFAULT.withPayload(Selector.NONE).withVectors(Selector.ALL);

  private final Rows rows;
  private final EmbeddingSpec spec;
  private final List<String> server;
  private final Path work;
  private final Watcher watcher;

  /// @param spec of the collections
  /// @param server command that starts a server, to which options are added
  /// @param work existing directory for the databases
  Load(Rows rows, EmbeddingSpec spec, List<String> server, Path work, Watcher watcher) {
    this.rows = rows;
    this.spec = spec;
    this.server = server;
    this.work = work;
    this.watcher = watcher;
  }

  /// A way for points into a database.
  enum Way {
    ROCKSDB_SYNC("RocksDB, each batch synced"),
    ROCKSDB("RocksDB, synced at the end"),
    GRPC_SYNC("gRPC stream, sync"),
    GRPC_ASYNC("gRPC stream, async + flush"),
    FLIGHT("Arrow Flight, sync");

    private final String title;

    Way(String title) {
      this.title = title;
    }

    String title() {
      return title;
    }
  }

  /// What one way took.
  ///
  /// @param served nothing for a way without a server
  record Result(Way way, double seconds, Optional<Served> served) {}

  /// What a server did.
  ///
  /// @param exportSeconds to read and compare every point
  /// @param peakBytes the server's memory up to the end of the export
  /// @param indexBytes what it says it keeps in memory to search
  /// @param diskBytes of all its files after it was stopped
  /// @param restartSeconds from the start of the process to ready, with all points
  /// @param restartKilledSeconds the same after `kill -9`
  /// @param graph nothing without a graph
  record Served(
      double exportSeconds,
      OptionalLong peakBytes,
      long indexBytes,
      long diskBytes,
      double restartSeconds,
      double restartKilledSeconds,
      Optional<GraphServed> graph) {}

  /// What a graph adds.
  ///
  /// @param linkSeconds from the last write to the last row linked
  /// @param restartBareSeconds from the start of the process to ready after its files were deleted
  /// @param bareCoverage share of the points in the new graph when it was asked
  /// @param bareRecall of its answers then, against exact ones of the same server
  record GraphServed(
      double linkSeconds, double restartBareSeconds, double bareCoverage, double bareRecall) {}

  /// Told of each stretch of work.
  interface Watcher {
    /// Begins a stretch of `total` points; the answer takes how many are done, and its end.
    Stretch begin(String task, long total);

    /// A stretch under way.
    interface Stretch extends LongConsumer, AutoCloseable {
      @Override
      void close();
    }
  }

  List<Result> run(List<Way> ways) throws IOException {
    List<Result> results = new ArrayList<>();
    for (Way way : ways) {
      Path directory = Files.createTempDirectory(work, "load-");
      try {
        results.add(run(way, directory));
      } finally {
        Directories.removeAll(directory);
      }
    }
    return results;
  }

  private Result run(Way way, Path directory) throws IOException {
    return switch (way) {
      case ROCKSDB_SYNC -> baseline(way, directory, true);
      case ROCKSDB -> baseline(way, directory, false);
      case GRPC_SYNC, GRPC_ASYNC, FLIGHT -> serve(way, directory);
    };
  }

  private Result baseline(Way way, Path directory, boolean sync) throws IOException {
    try (Watcher.Stretch stretch = watcher.begin(way.title(), rows.count())) {
      return new Result(way, RocksBaseline.write(directory, rows, sync, stretch), Optional.empty());
    }
  }

  private Result serve(Way way, Path directory) throws IOException {
    boolean hasGraph = spec.index() instanceof IndexSpec.Hnsw;
    double linkSeconds = 0;
    double seconds;
    double exportSeconds;
    OptionalLong peak;
    long indexBytes;
    try (ServerProcess process = ServerProcess.start(server, directory);
        WhimbrelClient client = connect(process);
        FlightBulk bulk = FlightBulk.plaintext("127.0.0.1", process.port())) {
      client.createCollection(CollectionSpec.of(COLLECTION, spec));
      long started = System.nanoTime();
      try (Watcher.Stretch stretch = watcher.begin(way.title(), rows.count())) {
        write(way, client, bulk, stretch);
      }
      seconds = (System.nanoTime() - started) / 1e9;
      checkCount(client);
      if (hasGraph) {
        long written = System.nanoTime();
        awaitLinked(client);
        linkSeconds = (System.nanoTime() - written) / 1e9;
      }
      long exported = System.nanoTime();
      try (Watcher.Stretch stretch = watcher.begin(way.title() + ", export", rows.count());
          Stream<Point> all =
              way == Way.FLIGHT
                  ? bulk.download(COLLECTION, READ, TRANSFER_MAX)
                  : client.scrollAll(COLLECTION, PAGE_POINTS, READ)) {
        compare(all, stretch);
      }
      exportSeconds = (System.nanoTime() - exported) / 1e9;
      indexBytes = client.storageStats().indexBytes();
      peak = process.peakBytes();
    }
    long diskBytes = Directories.bytes(directory.resolve("data"));
    double restart = restart(directory, true);
    double restartKilled = restart(directory, false);
    Optional<GraphServed> graph =
        hasGraph ? Optional.of(serveBare(directory, linkSeconds)) : Optional.empty();
    return new Result(
        way,
        seconds,
        Optional.of(
            new Served(exportSeconds, peak, indexBytes, diskBytes, restart, restartKilled, graph)));
  }

  /// Waits until no point is pending for the graph.
  private void awaitLinked(WhimbrelClient client) throws IOException {
    try (Watcher.Stretch stretch = watcher.begin("link", rows.count())) {
      for (long pending = pending(client); pending > 0; pending = pending(client)) {
        stretch.accept(rows.count() - pending);
        Thread.sleep(POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while points were linked", e);
    }
  }

  private static CollectionInfo.VersionInfo version(WhimbrelClient client) {
    return client.collection(COLLECTION).fields().getFirst().versions().getFirst();
  }

  private static long pending(WhimbrelClient client) {
    return version(client).pending();
  }

  /// Starts the server without the files of its graph and asks it while it builds them anew.
  private GraphServed serveBare(Path directory, double linkSeconds) throws IOException {
    Directories.removeAll(directory.resolve("data").resolve("index"));
    try (ServerProcess again = ServerProcess.start(server, directory);
        WhimbrelClient client = connect(again)) {
      checkCount(client);
      int found = 0;
      int wanted = 0;
      for (int i = 0; i < BARE_QUERIES; i++) {
        Vector query = Vector.of(rows.row(rows.count() * i / BARE_QUERIES));
        List<Hit> exact = client.search(COLLECTION, search(query).exact(true).build()).hits();
        List<Hit> hits = client.search(COLLECTION, search(query).build()).hits();
        double bar = exact.getLast().score();
        found += (int) hits.stream().filter(hit -> hit.score() >= bar).count();
        wanted += exact.size();
      }
      return new GraphServed(
          linkSeconds, again.startSeconds(), version(client).coverage(), (double) found / wanted);
    }
  }

  private static SearchRequest.Builder search(Vector query) {
    return SearchRequest.builder(query).k(K).read(ReadOptions.DEFAULT);
  }

  /// Starts the server again, counts its points, and ends it.
  private double restart(Path directory, boolean killAfter) throws IOException {
    try (ServerProcess again = ServerProcess.start(server, directory);
        WhimbrelClient client = connect(again)) {
      checkCount(client);
      if (killAfter) {
        again.kill();
      }
      return again.startSeconds();
    }
  }

  private void write(Way way, WhimbrelClient client, FlightBulk bulk, LongConsumer progress) {
    if (way == Way.FLIGHT) {
      long points = bulk.upload(COLLECTION, points(progress)).points();
      if (points != rows.count()) {
        throw new IllegalStateException(points + " points acknowledged of " + rows.count());
      }
      return;
    }
    Durability durability = way == Way.GRPC_SYNC ? Durability.SYNC : Durability.ASYNC;
    try (BulkWriter writer =
        client.bulkWriter(COLLECTION, BulkOptions.DEFAULT.withDurability(durability))) {
      for (Iterator<Point> i = points(progress); i.hasNext(); ) {
        writer.add(i.next());
      }
      writer.flush();
    }
    client.flush();
  }

  private Iterator<Point> points(LongConsumer progress) {
    return LongStream.range(0, rows.count())
        .mapToObj(row -> {
          progress.accept(row + 1);
          return Point.of(PointId.of(row), Vector.of(rows.row(row)));
        })
        .iterator();
  }

  private static WhimbrelClient connect(ServerProcess process) {
    return WhimbrelClient.builder().address("127.0.0.1", process.port()).build();
  }

  private void checkCount(WhimbrelClient client) {
    long count = client.count(COLLECTION);
    if (count != rows.count()) {
      throw new IllegalStateException(count + " points counted of " + rows.count());
    }
  }

  /// What the server says that it keeps of a vector.
  private float[] kept(float[] values) {
    if (spec.keepOriginals()) {
      return values;
    }
    AffineCodec codec = AffineCodec.int8(values.length);
    float[] kept = new float[values.length];
    try {
      codec.unpack(ByteBuffer.wrap(codec.pack(values)), kept);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return kept;
  }

  /// Every point comes back once, in id order, with the bits that were sent, or those of its codes.
  private void compare(Stream<Point> all, LongConsumer progress) {
    long row = 0;
    for (Iterator<Point> i = all.iterator(); i.hasNext(); row++) {
      Point point = i.next();
      Vector vector = point.vectors().get(FieldSpec.DEFAULT_NAME);
      if (!point.id().equals(PointId.of(row))
          || vector == null
          || !Arrays.equals(vector.values(), kept(rows.row(row)))) {
        throw new IllegalStateException(
            "point " + point.id() + " of the export is not what was written as " + row);
      }
      progress.accept(row + 1);
    }
    if (row != rows.count()) {
      throw new IllegalStateException(row + " points exported of " + rows.count());
    }
  }
}
