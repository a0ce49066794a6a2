package io.whimbrel.server.cli;

import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.StorageStats;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.BackfillWorker;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Migrations;
import io.whimbrel.client.migration.VDiff;
import io.whimbrel.server.cli.demo.Chart;
import io.whimbrel.server.cli.demo.MigrationTraffic;
import io.whimbrel.server.cli.demo.TwoModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `demo migration`: from one real model to another under traffic, with proof.
@Command(
    name = "migration",
    description = {
      "Start a server in a temporary directory, and change the embedding model of a collection from"
          + " all-MiniLM-L6-v2 to bge-small-en-v1.5, both of 384 dimensions, while writers and"
          + " readers go on; roll back on the way; then prove that nothing was lost and that no"
          + " answer mixed the models. Leaves nothing behind."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel demo migration",
      "  whimbrel demo migration --json | tail -n 1",
      "  whimbrel demo migration --data wordnet-minilm-bge-384      more rows, if you have them"
    })
final class MigrationDemoCommand implements Callable<Integer> {
  private static final String COLLECTION = "docs";
  private static final int K = 10;
  private static final int ROWS_MAX = 12_000;
  private static final int WRITERS = 4;
  private static final int READERS = 4;
  private static final long SEED = 20_261_124;

  /// Nine of ten rows are there from the start; the others are what writers write.
  private static final double ROWS_AT_FIRST = 0.9;

  /// Paced so that there is something to see, whatever the number of points.
  private static final Duration BACKFILL = Duration.ofSeconds(6);

  private static final Duration LOOK_EVERY = Duration.ofMillis(100);
  private static final Duration WAIT_MAX = Duration.ofSeconds(60);
  private static final Duration PAUSE_OF_CLIENTS = Duration.ofMillis(4);

  private final Session session;
  private final Chart chart = new Chart();
  private final List<String> events = new ArrayList<>();
  private long started;
  private long migrating;
  private int linesDrawn;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Texts and vectors by both models; up to 12,000 rows. Default: the sample")
  private @Nullable Path data;

  MigrationDemoCommand(Session session) {
    this.session = session;
  }

  /// What the data takes: files, of which the log of the latest writes is a part, and vectors in
  /// memory.
  private record Bytes(long disk, long memory) {
    @Override
    public String toString() {
      return MigrationReport.bytes(disk) + " and " + MigrationReport.bytes(memory);
    }
  }

  /// What was proved.
  private record Proof(
      long points,
      long writes,
      long reads,
      long lost,
      long wrong,
      double seconds,
      Bytes before,
      Bytes both,
      Bytes after,
      double recallBefore,
      double recallAfter,
      String refusal,
      List<String> faults) {}

  @Override
  public Integer call() throws IOException {
    started = System.nanoTime();
    Path directory = Files.createTempDirectory("whimbrel-demo-");
    DemoCommand.Cleanup cleanup = new DemoCommand.Cleanup(directory);
    Runtime.getRuntime().addShutdownHook(new Thread(cleanup, "demo-cleanup"));
    Proof proof;
    try {
      note("starting a server ...");
      ServerProcess server = ServerProcess.start(directory);
      cleanup.own(server);
      TwoModels models = TwoModels.read(data == null ? sample() : data, ROWS_MAX);
      Session.Address address = server.awaitReady();
      try (WhimbrelClient client =
          WhimbrelClient.builder().address(address.host(), address.port()).build()) {
        proof = run(client, models);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    } finally {
      cleanup.run();
    }
    print(proof);
    return proof.lost() == 0 && proof.wrong() == 0 && !proof.refusal().isEmpty()
        ? Main.DONE
        : Main.FAILED;
  }

  private static Path sample() throws IOException {
    Path sample = DemoCommand.home().resolve("wordnet-2models-384");
    if (!Files.isDirectory(sample)) {
      throw new IOException(
          sample + " is missing; it is part of the source tree, restore it there");
    }
    return sample;
  }

  private Proof run(WhimbrelClient client, TwoModels models)
      throws IOException, InterruptedException {
    IndexSpec index = new IndexSpec.Hnsw(16, 200);
    client.createCollection(CollectionSpec.of(COLLECTION, models.oldSpec(index)));
    Map<PointId, String> texts = load(client, models);
    MigrationTraffic traffic = new MigrationTraffic(client, models, COLLECTION, PAUSE_OF_CLIENTS);
    traffic.written(texts);
    awaitIndex(client, 1);
    note(
        "old model: "
            + texts.size()
            + " points; asking "
            + models.queries().size()
            + " queries ...");
    double recallBefore = traffic.recall(K, false);
    Bytes before = bytes(client);

    migrating = System.nanoTime();
    Migrations migrations = client.migrations();
    Migration migration =
        migrations.create(
            MigrationSpec.builder(COLLECTION, models.newSpec(index)).reason("demo").build());
    String id = migration.id();
    traffic.newVersion(migration.toVersion());
    traffic.start(WRITERS, READERS, SEED);
    event(
        "migration " + id + " begins; " + WRITERS + " writers, half of them of the old model only");
    Progress progress = new Progress(migrations, id, traffic);
    Thread watcher = Thread.ofPlatform().name("demo-chart").daemon().start(progress);
    BackfillWorker worker =
        BackfillWorker.builder(client, id, models::byNew)
            .pointsPerSecond(texts.size() / (double) BACKFILL.toSeconds())
            .batchPoints(16)
            .threads(2)
            .keepRunning()
            .build();
    Thread working = Thread.ofPlatform().name("demo-worker").daemon().start(worker::run);

    await(migrations, id, m -> m.progress().done() >= 0.9 * m.progress().live());
    traffic.retireOldClients();
    event("old clients are upgraded");
    await(migrations, id, m -> m.state() == MigrationState.VERIFYING);
    event("every point has its new vector; comparing both versions");
    verify(migrations, id);
    shift(migrations, id, 1_000);
    shift(migrations, id, 3_000);
    Thread.sleep(1_000);
    migrations.reverse(id, "forced, for the demo");
    event("rolled back from 30 %: all reads by the old version");
    Thread.sleep(1_000);
    shift(migrations, id, 5_000);
    Thread.sleep(1_000);
    Bytes both = bytes(client);
    shift(migrations, id, 10_000);
    Thread.sleep(1_000);
    String refusal = refusal(client, models);
    // The old version had readers a moment ago, which is unsafe to pull away from under them; they
    // are ours and follow the policy.
    migrations.complete(id, COLLECTION, false, true);
    event("complete: the old version is being dropped");
    await(migrations, id, m -> m.state() == MigrationState.COMPLETED);
    Thread.sleep(500);
    traffic.stop();
    worker.stop();
    working.join();
    progress.stop(watcher);
    draw(true);

    note("the traffic has stopped; checking every point ...");
    awaitIndex(client, migration.toVersion());
    long lost = traffic.lost();
    double recallAfter = traffic.recall(K, true);
    return new Proof(
        client.count(COLLECTION),
        traffic.writes(),
        traffic.reads(),
        lost,
        traffic.wrong(),
        (System.nanoTime() - started) / 1e9,
        before,
        both,
        bytes(client),
        recallBefore,
        recallAfter,
        refusal,
        traffic.faults());
  }

  private static Map<PointId, String> load(WhimbrelClient client, TwoModels models) {
    Map<PointId, String> texts = new HashMap<>();
    int rows = (int) (models.texts().size() * ROWS_AT_FIRST);
    try (BulkWriter writer = client.bulkWriter(COLLECTION, BulkOptions.DEFAULT)) {
      for (int row = 0; row < rows; row++) {
        String text = models.texts().get(row);
        PointId id = PointId.of(row);
        texts.put(id, text);
        writer.add(
            Point.of(
                id,
                Map.of(TwoModels.TEXT, new Value.StringValue(text)),
                Vector.of(models.byOld(text))));
      }
      writer.flush();
    }
    return texts;
  }

  private static void awaitIndex(WhimbrelClient client, int version) throws InterruptedException {
    long until = System.nanoTime() + WAIT_MAX.toNanos();
    while (System.nanoTime() < until
        && client.collection(COLLECTION).fields().getFirst().versions().stream()
            .anyMatch(v -> v.number() == version && v.pending() > 0)) {
      Thread.sleep(LOOK_EVERY);
    }
  }

  private static Bytes bytes(WhimbrelClient client) {
    client.flush();
    StorageStats stats = client.storageStats();
    return new Bytes(stats.diskBytes(), stats.indexBytes());
  }

  private void verify(Migrations migrations, String id) throws InterruptedException, IOException {
    VDiff vdiff = migrations.startVDiff(id);
    while (vdiff.state() == VDiff.State.RUNNING) {
      Thread.sleep(LOOK_EVERY);
      vdiff = migrations.vdiff(id);
    }
    if (!vdiff.clean()) {
      throw new IOException("the versions differ: " + MigrationReport.text(vdiff));
    }
    await(migrations, id, m -> m.state() == MigrationState.READY);
    event("verified: " + vdiff.checked() + " points, no fault");
  }

  private void shift(Migrations migrations, String id, int basisPoints)
      throws InterruptedException {
    migrations.switchTraffic(id, basisPoints);
    event(MigrationReport.percent(basisPoints) + " of the reads by the new version");
    Thread.sleep(1_000);
  }

  /// What the server says to a query by the wrong model: same dimension, other space.
  private static String refusal(WhimbrelClient client, TwoModels models) {
    String space =
        client.collection(COLLECTION).fields().getFirst().versions().getFirst().spec().spaceId();
    Vector query = Vector.of(models.byOld(models.queries().getFirst())).inSpace(space);
    try {
      client.search(COLLECTION, SearchRequest.builder(query).k(K).version(2).build());
      return "";
    } catch (WhimbrelException e) {
      return e.code() + ", " + e.getMessage();
    }
  }

  private static void await(Migrations migrations, String id, Predicate<Migration> until)
      throws InterruptedException, IOException {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    Migration now = migrations.get(id);
    while (!until.test(now)) {
      if (now.state() == MigrationState.FAILED || System.nanoTime() > deadline) {
        throw new IOException(
            "the migration does not get on: "
                + now.state()
                + ", "
                + MigrationReport.text(now.progress())
                + (now.failure().isEmpty() ? "" : ", " + now.failure()));
      }
      Thread.sleep(LOOK_EVERY);
      now = migrations.get(id);
    }
  }

  /// Samples the migration for the chart.
  private final class Progress implements Runnable {
    private final Migrations migrations;
    private final String id;
    private final MigrationTraffic traffic;
    private volatile boolean stopping;

    Progress(Migrations migrations, String id, MigrationTraffic traffic) {
      this.migrations = migrations;
      this.id = id;
      this.traffic = traffic;
    }

    @Override
    public void run() {
      long reads = 0;
      long readsOfNew = 0;
      double share = 0;
      while (!stopping) {
        Migration now = migrations.get(id);
        long readsNow = traffic.reads();
        long readsOfNewNow = traffic.readsOfNew();
        // Too few reads say nothing: the share before stays.
        if (readsNow - reads >= 10) {
          share = Math.min(1, (readsOfNewNow - readsOfNew) / (double) (readsNow - reads));
          reads = readsNow;
          readsOfNew = readsOfNewNow;
        }
        chart.add(
            (System.nanoTime() - migrating) / 1e9,
            now.state().ended() ? 1 : MigrationReport.share(now.progress()),
            share);
        draw(false);
        try {
          Thread.sleep(LOOK_EVERY);
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    void stop(Thread thread) throws InterruptedException {
      stopping = true;
      thread.join();
    }
  }

  /// Draws over what was drawn before on a terminal; elsewhere only the last picture.
  private synchronized void draw(boolean last) {
    boolean terminal = Boolean.getBoolean("whimbrel.terminal");
    if (session.json() || !(terminal || last)) {
      return;
    }
    StringBuilder picture = new StringBuilder();
    if (terminal && linesDrawn > 0) {
      picture.append("\u001b[").append(linesDrawn).append('A');
    }
    List<String> lines = new ArrayList<>(chart.lines());
    lines.addAll(events);
    String clear = terminal ? "\u001b[K" : "";
    lines.forEach(line -> picture.append(line).append(clear).append('\n'));
    linesDrawn = lines.size();
    session.out().print(picture);
    session.out().flush();
  }

  private synchronized void event(String text) {
    events.add(
        String.format(Locale.ROOT, "%6.1f s  %s", (System.nanoTime() - migrating) / 1e9, text));
    if (!session.json() && !Boolean.getBoolean("whimbrel.terminal")) {
      session.err().println(events.getLast());
    }
  }

  private void note(String text) {
    if (!session.json()) {
      session.err().println(text);
    }
  }

  private void print(Proof proof) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeNumberField("points", proof.points());
        json.writeNumberField("writes_during", proof.writes());
        json.writeNumberField("reads_during", proof.reads());
        json.writeNumberField("lost", proof.lost());
        json.writeNumberField("wrong", proof.wrong());
        json.writeNumberField("seconds", proof.seconds());
        json.writeNumberField("bytes_before", proof.before().disk());
        json.writeNumberField("bytes_both", proof.both().disk());
        json.writeNumberField("bytes_after", proof.after().disk());
        json.writeNumberField("index_bytes_before", proof.before().memory());
        json.writeNumberField("index_bytes_both", proof.both().memory());
        json.writeNumberField("index_bytes_after", proof.after().memory());
        json.writeNumberField("recall_before", proof.recallBefore());
        json.writeNumberField("recall_after", proof.recallAfter());
        json.writeBooleanField("wrong_space_refused", !proof.refusal().isEmpty());
      });
      return;
    }
    session
        .out()
        .printf(
            Locale.ROOT,
            """

            points     %,d; %,d writes and %,d reads during the migration
            lost       %,d points missing, back from the dead, or with another content than acknowledged
            wrong      %,d hits whose score is not that of their text by the model that answered
            recall@10  %.3f by the old model before, %.3f by the new one after
            bytes      on disk and in memory: %s before, %s with both versions, %s after
            refused    a query by the wrong model of the same dimension:
                       %s
            total      %.1f s, server stopped, nothing left behind
            """,
            proof.points(),
            proof.writes(),
            proof.reads(),
            proof.lost(),
            proof.wrong(),
            proof.recallBefore(),
            proof.recallAfter(),
            proof.before(),
            proof.both(),
            proof.after(),
            proof.refusal().isEmpty() ? "NOT REFUSED" : proof.refusal(),
            proof.seconds());
    proof.faults().forEach(fault -> session.err().println("error: " + fault));
  }
}
