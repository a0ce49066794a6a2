package io.whimbrel.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.RetryPolicy;
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
import io.whimbrel.server.cli.demo.MigrationTraffic;
import io.whimbrel.server.cli.demo.TwoModels;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The server is killed at random moments of a migration under traffic, its workers too; at the end
/// the store equals the model.
///
/// `-Dwhimbrel.migration.kills=200` kills more often.
class MigrationCrashIT {
  private static final int KILLS = Integer.getInteger("whimbrel.migration.kills", 3);
  private static final long SEED = Long.getLong("whimbrel.migration.seed", 42);
  private static final int ROWS = 500;
  private static final int WRITERS = 8;
  private static final int WORKERS = 2;
  private static final Duration WAIT_MAX = Duration.ofMinutes(2);

  @TempDir Path directory;

  @Test
  @Timeout(3_600)
  void aKillAtAnyMomentCostsTimeAndNothingElse() throws Exception {
    Random random = new Random(SEED);
    TwoModels models =
        TwoModels.read(
            Path.of(System.getProperty("whimbrel.root", ".."), "data", "wordnet-2models-384"),
            ROWS);
    int port = freePort();
    ServerProcess server = ServerProcess.start(directory, port);
    List<Thread> workers = new ArrayList<>();
    List<BackfillWorker> running = new ArrayList<>();
    try (WhimbrelClient client =
            WhimbrelClient.builder()
                .address("127.0.0.1", port)
                .retries(new RetryPolicy(3, Duration.ofMillis(50), Duration.ofMillis(200)))
                .build();
        MigrationTraffic traffic =
            new MigrationTraffic(client, models, "docs", Duration.ofMillis(5))) {
      var _ = server.awaitReady();
      client.createCollection(CollectionSpec.of("docs", models.oldSpec(new IndexSpec.Flat())));
      traffic.written(load(client, models));
      Migrations migrations = client.migrations();
      Migration migration =
          migrations.create(
              MigrationSpec.builder("docs", models.newSpec(new IndexSpec.Flat())).build());
      String id = migration.id();
      traffic.newVersion(migration.toVersion());
      traffic.start(WRITERS, 1, SEED);
      for (int kill = 0; kill < KILLS; kill++) {
        // A worker dies with its leases now and then: a fresh one begins beside it.
        while (running.size() < WORKERS) {
          BackfillWorker worker =
              BackfillWorker.builder(client, id, models::byNew)
                  .batchPoints(5)
                  .lease(Duration.ofSeconds(2))
                  .pointsPerSecond(200)
                  .keepRunning()
                  .build();
          running.add(worker);
          workers.add(Thread.ofPlatform().daemon().start(worker::run));
        }
        Thread.sleep(random.nextInt(1_500));
        server.kill();
        if (random.nextBoolean()) {
          running.removeFirst().stop();
        }
        server = ServerProcess.start(directory, port);
        var _ = server.awaitReady();
      }
      traffic.retireOldClients();
      await(migrations, id, m -> m.progress().done() > 0);
      traffic.stop();
      await(migrations, id, m -> m.state() == MigrationState.VERIFYING);
      Migration caughtUp = patiently(() -> migrations.get(id));
      assertThat(caughtUp.progress().backlog()).isZero();
      assertThat(caughtUp.progress().done()).isEqualTo(traffic.expected().size());
      VDiff vdiff = migrations.startVDiff(id);
      while (vdiff.state() == VDiff.State.RUNNING) {
        Thread.sleep(50);
        vdiff = migrations.vdiff(id);
      }
      assertThat(vdiff.clean()).as("%s", vdiff).isTrue();
      await(migrations, id, m -> m.state() == MigrationState.READY);
      migrations.switchTraffic(id, 10_000);
      assertThat(traffic.lost()).as("%s", traffic.faults()).isZero();
      assertThat(traffic.wrong()).as("%s", traffic.faults()).isZero();
      assertThat(client.count("docs")).isEqualTo(traffic.expected().size());
      running.forEach(BackfillWorker::stop);
      for (Thread worker : workers) {
        worker.join();
      }
    } finally {
      running.forEach(BackfillWorker::stop);
      server.close();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static Map<PointId, String> load(WhimbrelClient client, TwoModels models) {
    Map<PointId, String> texts = new HashMap<>();
    List<Point> points = new ArrayList<>();
    for (int row = 0; row < models.texts().size() * 9 / 10; row++) {
      String text = models.texts().get(row);
      texts.put(PointId.of(row), text);
      points.add(
          Point.of(
              PointId.of(row),
              Map.of(TwoModels.TEXT, new Value.StringValue(text)),
              Vector.of(models.byOld(text))));
    }
    client.upsert("docs", points);
    return texts;
  }

  private static void await(Migrations migrations, String id, Predicate<Migration> until)
      throws InterruptedException {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    Migration now = patiently(() -> migrations.get(id));
    while (!until.test(now)) {
      assertThat(System.nanoTime()).as("%s", now).isLessThan(deadline);
      Thread.sleep(50);
      now = patiently(() -> migrations.get(id));
    }
  }

  private static <T> T patiently(Supplier<T> call) {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    while (true) {
      try {
        return call.get();
      } catch (WhimbrelException e) {
        if (!e.retryable() || System.nanoTime() > deadline) {
          throw e;
        }
      }
    }
  }
}
