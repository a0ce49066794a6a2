package io.whimbrel.bench.workload;

import io.whimbrel.bench.dataset.Rows;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.CollectionInfo.VersionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.Durability;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.migration.BackfillWorker;
import io.whimbrel.client.migration.LeasedPoint;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Migrations;
import io.whimbrel.client.migration.Throttle;
import io.whimbrel.client.migration.VDiff;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/// One collection taken from a model to another while one client searches, and what each step
/// takes.
///
/// The second model's vectors are the first's with every sign turned: another space, in which the
/// same points are near to each other.
final class MigrationRun {
  private static final String COLLECTION = "migration";
  private static final String STORE = "rocksdb";
  private static final int K = 10;
  private static final int BASIS_POINTS = 10_000;

  /// Latencies are kept to 0.1 percent, in microseconds.
  private static final int DIGITS = 3;

  private static final int POLL_MILLIS = 100;
  private static final Duration WAIT_MAX = Duration.ofHours(1);

  /// Of the old version's bytes, when they count as given back.
  private static final double LEFT_MAX = 0.05;

  private static final ReadOptions IDS_ONLY = ReadOptions.DEFAULT.withPayload(Selector.NONE);

  private final Rows rows;
  private final Rows queries;
  private final Plan plan;
  private final Path directory;
  private final PrintStream err;

  /// @param queries of the old model
  /// @param directory existing and empty
  MigrationRun(Rows rows, Rows queries, Plan plan, Path directory, PrintStream err) {
    this.rows = rows;
    this.queries = queries;
    this.plan = plan;
    this.directory = directory;
    this.err = err;
  }

  /// What is asked, and for how long.
  ///
  /// @param searchesPerSecond pace of the one searcher
  /// @param throttle points a second while it searches
  /// @param limitTimes the throttle's limit of the search p99, in p99s without a backfill by the
  ///   server's clock
  /// @param threads of the worker
  /// @param batch points in a batch of the worker
  record Plan(
      Metric metric,
      IndexSpec index,
      int searchesPerSecond,
      double throttle,
      double limitTimes,
      int threads,
      int batch,
      Duration warmUp,
      Duration measured) {}

  /// What the searcher saw.
  record Latency(long searches, double p50Millis, double p99Millis) {}

  /// What the whole run took.
  ///
  /// @param quiet before the migration
  /// @param limitMillis the throttle's limit of the search p99
  /// @param throttled while the backfill runs under the throttle
  /// @param throttledRate points a second, then
  /// @param heldShare of the looks at the migration that found the backfill held by the p99 limit
  /// @param rate points a second without throttle and without searches
  /// @param points filled in at that rate
  /// @param linkSeconds from the last vector stored to the last one in the new graph
  /// @param verifyRate points a second
  /// @param reclaimSeconds from the call of complete until the old version's rows took 5 % or less
  /// @param rangeBytesBefore of the old version's rows, before complete
  /// @param diskBytesBefore of all files of the data directory, before complete
  record Result(
      Latency quiet,
      double limitMillis,
      Latency throttled,
      double throttledRate,
      double heldShare,
      double rate,
      long points,
      double linkSeconds,
      double verifyRate,
      double reclaimSeconds,
      long rangeBytesBefore,
      long rangeBytesAfter,
      long diskBytesBefore,
      long diskBytesAfter) {
    double p50Ratio() {
      return throttled.p50Millis() / quiet.p50Millis();
    }

    double p99Ratio() {
      return throttled.p99Millis() / quiet.p99Millis();
    }
  }

  /// Runs all of it with a server started by `command`.
  Result run(List<String> command) throws IOException, InterruptedException {
    try (ServerProcess server = ServerProcess.start(command, directory);
        WhimbrelClient client = connect(server);
        WhimbrelClient searching = connect(server)) {
      load(client);
      Vector[] old = queries(1, version(client, 1).spec().spaceId());
      Migrations migrations = client.migrations();
      rehearse(client, searching, old);
      String id = begin(migrations);
      Latency quiet = search(searching, old);
      // What the throttle looks at: the server's own times, without the way to the client.
      Duration served =
          migrations
              .get(id)
              .progress()
              .searchP99()
              .orElseThrow(() -> new IllegalStateException("too few searches for a p99"));
      say(
          "alone: p50 %.2f ms, p99 %.2f ms, by the server's clock %.2f ms",
          quiet.p50Millis(), quiet.p99Millis(), served.toNanos() / 1e6);

      Duration limit = Duration.ofNanos((long) (served.toNanos() * plan.limitTimes()));
      migrations.setThrottle(id, new Throttle(plan.throttle(), 0, 0, limit, Duration.ZERO));
      Filled filled = backfill(client, searching, old, id);
      double linkSeconds = awaitLinked(migrations, id);
      double verifyRate = verify(migrations, id);

      migrations.switchTraffic(id, BASIS_POINTS);
      checkServed(client, migrations.get(id).toVersion());
      Reclaimed reclaimed = complete(client, id);
      return new Result(
          quiet,
          limit.toNanos() / 1e6,
          filled.latency(),
          filled.throttledRate(),
          filled.heldShare(),
          filled.rate(),
          filled.points(),
          linkSeconds,
          verifyRate,
          reclaimed.seconds(),
          reclaimed.rangeBefore(),
          reclaimed.rangeAfter(),
          reclaimed.diskBefore(),
          reclaimed.diskAfter());
    }
  }

  private void say(String format, Object... values) {
    err.printf(Locale.ROOT, format + "%n", values);
  }

  private EmbeddingSpec spec(String model) {
    return EmbeddingSpec.builder(rows.dimension(), plan.metric())
        .model("benchmark", model, "")
        .index(plan.index())
        .build();
  }

  private void load(WhimbrelClient client) throws InterruptedException {
    client.createCollection(CollectionSpec.of(COLLECTION, spec("first")));
    try (Load.Watcher.Stretch stretch = Bars.on(err).begin("load", rows.count());
        BulkWriter writer =
            client.bulkWriter(COLLECTION, BulkOptions.DEFAULT.withDurability(Durability.ASYNC))) {
      for (long row = 0; row < rows.count(); row++) {
        writer.add(Point.of(PointId.of(row), Vector.of(rows.row(row))));
        stretch.accept(row + 1);
      }
      writer.flush();
    }
    client.flush();
    if (client.count(COLLECTION) != rows.count()) {
      throw new IllegalStateException("not every point that was written is counted");
    }
    while (version(client, 1).pending() > 0) {
      Thread.sleep(POLL_MILLIS);
    }
    say("%d points written and linked", rows.count());
  }

  private static VersionInfo version(WhimbrelClient client, int number) {
    return client.collection(COLLECTION).fields().getFirst().versions().stream()
        .filter(version -> version.number() == number)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("version " + number + " is missing"));
  }

  private Vector[] queries(float sign, String space) {
    Vector[] vectors = new Vector[Math.toIntExact(queries.count())];
    for (int query = 0; query < vectors.length; query++) {
      vectors[query] = Vector.of(times(queries.row(query), sign)).inSpace(space);
    }
    return vectors;
  }

  /// Multiplies in place.
  private static float[] times(float[] values, float sign) {
    for (int i = 0; i < values.length; i++) {
      values[i] *= sign;
    }
    return values;
  }

  private static SearchResult ask(WhimbrelClient client, Vector query) {
    SearchResult result =
        client.search(COLLECTION, SearchRequest.builder(query).k(K).read(IDS_ONLY).build());
    if (result.hits().isEmpty()) {
      throw new IllegalStateException("a search found nothing");
    }
    return result;
  }

  /// A migration that nobody works on yet: every point waits.
  private String begin(Migrations migrations) throws IOException, InterruptedException {
    String id =
        migrations
            .create(
                MigrationSpec.builder(COLLECTION, spec("second"))
                    .throttle(new Throttle(plan.throttle(), 0, 0, Duration.ZERO, Duration.ZERO))
                    .reason("benchmark")
                    .build())
            .id();
    await(migrations, id, MigrationState.BACKFILLING);
    return id;
  }

  /// Searches and backfills without measuring, so that what is measured next is compiled, and takes
  /// the backfill back.
  private void rehearse(WhimbrelClient client, WhimbrelClient searching, Vector[] asked)
      throws IOException, InterruptedException {
    Migrations migrations = client.migrations();
    String id = begin(migrations);
    BackfillWorker worker = worker(client, id);
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<?> working = threads.submit(worker::run);
      try {
        searchUnpaced(searching, asked);
      } finally {
        worker.stop();
      }
      get(working);
    }
    var _ = migrations.cancel(id, "rehearsal");
    await(migrations, id, MigrationState.CANCELLED);
    say("rehearsed: %d points filled in and dropped", worker.stats().stored());
  }

  private BackfillWorker worker(WhimbrelClient client, String id) {
    return BackfillWorker.ofPoints(client, id, this::embed)
        .threads(plan.threads())
        .batchPoints(plan.batch())
        .build();
  }

  /// Searches as fast as they are answered.
  private void searchUnpaced(WhimbrelClient client, Vector[] asked) {
    long end = System.nanoTime() + plan.warmUp().toNanos();
    for (int i = 0; System.nanoTime() < end; i = (i + 1) % asked.length) {
      var _ = ask(client, asked[i]);
    }
  }

  /// Searches at the pace, or as fast as it goes when that is slower. A search that waits for the
  /// one before it is timed from when it was due, so that a slow one counts for all that it holds
  /// up; else from its call, so that timers do not count.
  private Latency search(WhimbrelClient client, Vector[] asked) {
    Histogram micros = new Histogram(DIGITS);
    long interval = (long) (1e9 / plan.searchesPerSecond());
    long started = System.nanoTime();
    long end = started + plan.measured().toNanos();
    long now = started;
    for (long i = 0; now < end && started + i * interval < end; i++) {
      long due = started + i * interval;
      long from = due;
      if (now < due) {
        while (System.nanoTime() < due) {
          LockSupport.parkNanos(due - System.nanoTime());
        }
        from = System.nanoTime();
      }
      var _ = ask(client, asked[(int) (i % asked.length)]);
      now = System.nanoTime();
      micros.recordValue((now - from) / 1_000);
    }
    return new Latency(
        micros.getTotalCount(),
        micros.getValueAtPercentile(50) / 1e3,
        micros.getValueAtPercentile(99) / 1e3);
  }

  /// What the backfill did, under the throttle and then without.
  private record Filled(
      Latency latency, double throttledRate, double heldShare, double rate, long points) {}

  private Filled backfill(
      WhimbrelClient client, WhimbrelClient searching, Vector[] asked, String id)
      throws IOException, InterruptedException {
    Migrations migrations = client.migrations();
    BackfillWorker worker = worker(client, id);
    AtomicBoolean looking = new AtomicBoolean(true);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<?> working = threads.submit(worker::run);
      try {
        Future<Double> looks = threads.submit(() -> heldShare(migrations, id, looking));
        long before = worker.stats().stored();
        long started = System.nanoTime();
        Latency latency = search(searching, asked);
        long stored = worker.stats().stored();
        double throttledRate = (stored - before) * 1e9 / (System.nanoTime() - started);
        looking.set(false);
        double heldShare = get(looks);
        if (stored == rows.count()) {
          throw new IOException("the backfill was over before the searches were; use more points");
        }
        say(
            "under the throttle: %.0f points/s, p50 %.2f ms, p99 %.2f ms",
            throttledRate, latency.p50Millis(), latency.p99Millis());

        migrations.setThrottle(id, Throttle.NONE);
        long rest = worker.stats().stored();
        long released = System.nanoTime();
        get(working);
        double seconds = (System.nanoTime() - released) / 1e9;
        long points = worker.stats().stored() - rest;
        say("without: %.0f points/s", points / seconds);
        return new Filled(latency, throttledRate, heldShare, points / seconds, points);
      } finally {
        looking.set(false);
        worker.stop();
      }
    }
  }

  private static <T> T get(Future<T> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw new IOException("the backfill failed: " + e.getCause(), e);
    }
  }

  /// The vectors by the second model: made in less than a microsecond each.
  private List<Optional<float[]>> embed(List<LeasedPoint> points) {
    List<Optional<float[]>> vectors = new ArrayList<>(points.size());
    for (LeasedPoint point : points) {
      vectors.add(Optional.of(times(rows.row(row(point.id())), -1)));
    }
    return vectors;
  }

  private static long row(PointId id) {
    return switch (id) {
      case PointId.Number number -> number.number();
      case PointId.Text text -> throw new IllegalStateException("id " + text + " was not written");
    };
  }

  /// How often the limit of the search p99 was what held the backfill.
  private static double heldShare(Migrations migrations, String id, AtomicBoolean looking)
      throws InterruptedException {
    int looks = 0;
    int held = 0;
    while (looking.get()) {
      Thread.sleep(POLL_MILLIS);
      held += migrations.get(id).progress().waitReason().startsWith("search p99") ? 1 : 0;
      looks++;
    }
    return looks == 0 ? 0 : (double) held / looks;
  }

  private double awaitLinked(Migrations migrations, String id)
      throws IOException, InterruptedException {
    long started = System.nanoTime();
    await(migrations, id, MigrationState.VERIFYING);
    double seconds = (System.nanoTime() - started) / 1e9;
    say("all of them linked %.1f s later", seconds);
    return seconds;
  }

  private static void await(Migrations migrations, String id, MigrationState wanted)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    Migration now = migrations.get(id);
    while (now.state() != wanted) {
      if (now.state() == MigrationState.FAILED || System.nanoTime() > deadline) {
        throw new IOException(
            "the migration does not get to " + wanted + ": " + now.state() + " " + now.failure());
      }
      Thread.sleep(POLL_MILLIS);
      now = migrations.get(id);
    }
  }

  /// Points a second, by the server's clock.
  private double verify(Migrations migrations, String id) throws IOException, InterruptedException {
    VDiff vdiff = migrations.startVDiff(id);
    while (vdiff.state() == VDiff.State.RUNNING) {
      Thread.sleep(POLL_MILLIS);
      vdiff = migrations.vdiff(id);
    }
    if (!vdiff.clean() || vdiff.checked() != rows.count()) {
      throw new IOException("the versions differ: " + vdiff);
    }
    double seconds =
        Duration.between(vdiff.started().orElseThrow(), vdiff.ended().orElseThrow()).toNanos()
            / 1e9;
    // The server's times are in milliseconds.
    double rate = vdiff.checked() / Math.max(1e-3, seconds);
    say("verified: %.0f points/s", rate);
    await(migrations, id, MigrationState.READY);
    return rate;
  }

  private void checkServed(WhimbrelClient client, int version) {
    Vector query = queries(-1, version(client, version).spec().spaceId())[0];
    int served = ask(client, query).servedVersion();
    if (served != version) {
      throw new IllegalStateException("answered by version " + served + ", not " + version);
    }
  }

  private record Reclaimed(
      double seconds, long rangeBefore, long rangeAfter, long diskBefore, long diskAfter) {}

  private Reclaimed complete(WhimbrelClient client, String id)
      throws IOException, InterruptedException {
    Path store = directory.resolve("data").resolve(STORE);
    Path scratch = Files.createTempDirectory(directory, "scratch-");
    StoredRange range = StoredRange.ofLowestVersion(store, scratch);
    client.flush();
    long rangeBefore = range.rowBytes(store, scratch);
    long diskBefore = client.storageStats().diskBytes();
    long started = System.nanoTime();
    // The old version had readers a moment ago, which were ours.
    client.migrations().complete(id, COLLECTION, false, true);
    long rangeAfter = range.bytes(store, scratch);
    while (rangeAfter > LEFT_MAX * rangeBefore) {
      if (System.nanoTime() - started > WAIT_MAX.toNanos()) {
        throw new IOException("the old version still takes " + rangeAfter + " bytes");
      }
      Thread.sleep(POLL_MILLIS);
      rangeAfter = range.bytes(store, scratch);
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    await(client.migrations(), id, MigrationState.COMPLETED);
    long diskAfter = client.storageStats().diskBytes();
    Directories.removeAll(scratch);
    say("given back in %.1f s", seconds);
    return new Reclaimed(seconds, rangeBefore, rangeAfter, diskBefore, diskAfter);
  }

  private static WhimbrelClient connect(ServerProcess server) {
    return WhimbrelClient.builder().address("127.0.0.1", server.port()).build();
  }
}
