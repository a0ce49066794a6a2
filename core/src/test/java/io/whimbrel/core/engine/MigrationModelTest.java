package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.StaleRead;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Random writes, work and verbs of one migration after the other, with restarts. Whatever the
/// state: texts are those of the model, the backlog is exactly the points whose new vector is not
/// of their text, and searches of a version find exactly the points that have a vector there.
class MigrationModelTest {
  private static final int OPERATIONS = 1_200;
  private static final int IDS = 25;
  private static final long SEED = Long.getLong("whimbrel.model.seed", System.nanoTime());

  @TempDir private Path directory;

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final TreeMap<String, String> texts = new TreeMap<>();
  private final Map<MigrationState, Integer> seen = new TreeMap<>();
  private int models;
  private int refused;
  private EmbeddingSpec current = model(0);
  private Optional<Migration> open = Optional.empty();

  private static EmbeddingSpec model(int number) {
    return MovingDocs.spec(
        "model-" + number, 8, number % 2 == 0 ? new IndexSpec.Flat() : new IndexSpec.Hnsw(8, 50));
  }

  @Test
  void everyStateKeepsItsPromises() throws IOException {
    System.out.println("repeat with -Dtest=MigrationModelTest -Dwhimbrel.model.seed=" + SEED);
    Database database = Database.open(directory);
    try {
      database.createCollection(io.whimbrel.core.model.CollectionSpec.of(COLLECTION, current));
      for (int i = 1; i <= OPERATIONS; i++) {
        try {
          operate(database);
        } catch (WhimbrelException e) {
          refusedRightly(e);
        } catch (CompletionException e) {
          refusedRightly((WhimbrelException) Objects.requireNonNull(e.getCause()));
        }
        refresh(database);
        if (i % 20 == 0) {
          compare(database);
        }
        if (i % 150 == 0) {
          database.close();
          database = Database.open(directory);
          refresh(database);
          compare(database);
        }
      }
      System.out.printf("%d migrations, %d refusals, states compared: %s%n", models, refused, seen);
      assertThat(seen).hasSizeGreaterThan(4);
    } finally {
      database.close();
    }
  }

  /// Verbs that the state forbids, and writes that it does.
  private void refusedRightly(WhimbrelException e) {
    refused++;
    assertThat(e.code())
        .as(e.getMessage())
        .isIn(
            ErrorCode.MIGRATION_STATE,
            ErrorCode.NEW_ONLY_WRITE,
            ErrorCode.UNSAFE,
            ErrorCode.POINT_NOT_FOUND);
  }

  /// Waits for what the server does by itself, and takes note of an end.
  private void refresh(Database database) {
    if (open.isEmpty()) {
      return;
    }
    Migration now = database.migrations().get(open.get().id());
    for (MigrationState passing :
        List.of(MigrationState.DUAL_WRITE, MigrationState.COMPLETING, MigrationState.CANCELLING)) {
      now = MovingDocs.awaitState(database, now, passing);
    }
    open = Optional.of(now);
    if (now.state() == MigrationState.COMPLETED) {
      current = now.spec().to();
    }
    if (now.state().ended()) {
      open = Optional.empty();
    }
  }

  private void operate(Database database) {
    int choice = random.nextInt(10);
    if (choice < 5) {
      write(database);
    } else if (choice < 8 && open.isPresent() && open.get().state().writesBoth()) {
      work(database, open.get());
    } else {
      verb(database);
    }
  }

  private void write(Database database) {
    String id = "p" + random.nextInt(IDS);
    String text = "text " + random.nextInt(6);
    EmbeddingSpec from = current;
    Optional<EmbeddingSpec> to = open.filter(m -> m.state().writesBoth()).map(m -> m.spec().to());
    switch (random.nextInt(7)) {
      case 0, 1 -> {
        if (to.isPresent()) {
          MovingDocs.upsert(database, MovingDocs.point(id, text, from, to.get()));
        } else {
          MovingDocs.upsert(database, MovingDocs.point(id, text, from));
        }
        texts.put(id, text);
      }
      case 2, 3 -> {
        MovingDocs.upsert(database, MovingDocs.point(id, text, from));
        texts.put(id, text);
      }
      case 4 -> {
        MovingDocs.upsert(database, MovingDocs.point(id, text, to.orElse(from)));
        texts.put(id, text);
      }
      case 5 -> {
        MovingDocs.setText(database, id, text);
        texts.put(id, text);
      }
      default -> {
        MovingDocs.delete(database, id);
        texts.remove(id);
      }
    }
  }

  private void work(Database database, Migration migration) {
    BackfillSide side = random.nextInt(4) == 0 ? BackfillSide.REVERSE : BackfillSide.FORWARD;
    EmbeddingSpec model = side == BackfillSide.FORWARD ? migration.spec().to() : current;
    BackfillLeases leases =
        database
            .migrations()
            .lease(migration.id(), side, 1 + random.nextInt(12), Duration.ofMinutes(5));
    List<BackfillCommit> commits = new ArrayList<>();
    List<BackfillFailure> failures = new ArrayList<>();
    for (BackfillLease lease : leases.leases()) {
      if (random.nextInt(5) == 0) {
        failures.add(
            new BackfillFailure(
                lease.id(), random.nextBoolean() ? "" : "too hard", false, Duration.ZERO));
      } else {
        commits.add(MovingDocs.commit(lease, model));
      }
    }
    if (random.nextInt(3) == 0) {
      write(database);
    }
    if (!commits.isEmpty()) {
      database.migrations().commit(migration.id(), side, commits).join();
    }
    if (!failures.isEmpty()) {
      database.migrations().release(migration.id(), side, failures).join();
    }
  }

  private void verb(Database database) {
    Migrations migrations = database.migrations();
    if (open.isEmpty()) {
      models++;
      MigrationSpec spec =
          new MigrationSpec(
              COLLECTION,
              "default",
              model(models),
              LegacyWrite.ENQUEUE,
              random.nextBoolean() ? StaleRead.EXCLUDE : StaleRead.SERVE,
              random.nextInt(4) == 0,
              Duration.ZERO,
              BackfillThrottle.NONE);
      open = Optional.of(migrations.create(spec, random.nextInt(4) > 0, NOTE));
      return;
    }
    String id = open.get().id();
    switch (random.nextInt(14)) {
      case 0 -> migrations.start(id, NOTE);
      case 1, 2, 3 -> migrations.skipVerification(id, NOTE);
      case 4, 5 -> migrations.switchTraffic(id, random.nextInt(5) * 2_500, 0, false, NOTE);
      case 6, 7, 8 -> migrations.switchTraffic(id, RoutingPolicy.BUCKETS, 0, false, NOTE);
      case 9 -> migrations.reverseTraffic(id, NOTE);
      case 10 -> migrations.retryDeadLetters(id, NOTE);
      case 11 ->
          migrations.complete(id, COLLECTION, random.nextBoolean(), random.nextBoolean(), NOTE);
      case 12 -> {
        if (random.nextInt(4) == 0) {
          migrations.cancel(id, false, NOTE);
        } else {
          migrations.resume(id, NOTE);
        }
      }
      default -> {
        if (random.nextInt(3) == 0) {
          migrations.fail(id, NOTE);
        }
      }
    }
  }

  private void compare(Database database) {
    assertThat(database.count(COLLECTION, 0)).isEqualTo(texts.size());
    if (open.isEmpty() || !open.get().state().writesBoth()) {
      return;
    }
    Migration migration = open.get();
    seen.merge(migration.state(), 1, Integer::sum);
    EmbeddingSpec to = migration.spec().to();
    TreeMap<String, Vector> fromVectors = vectors(database, migration.fromVersion());
    TreeMap<String, Vector> toVectors = vectors(database, migration.toVersion());
    long live = 0;
    long lagging = 0;
    for (Map.Entry<String, String> entry : texts.entrySet()) {
      Vector right = embed(to, entry.getValue());
      Vector have = toVectors.get(entry.getKey());
      if (have != null || fromVectors.containsKey(entry.getKey())) {
        live++;
        lagging += right.equals(have) ? 0 : 1;
      }
    }
    Migration.Progress progress = migration.progress();
    assertThat(progress.live()).as("%s", migration).isEqualTo(live);
    assertThat(progress.backlog() + progress.deadLetters() + progress.waived())
        .as("%s", migration)
        .isEqualTo(lagging);
    assertThat(progress.done()).isEqualTo(live - lagging);
    found(database, migration.fromVersion(), current, fromVectors);
    found(database, migration.toVersion(), to, toVectors);
  }

  private TreeMap<String, Vector> vectors(Database database, int version) {
    TreeMap<String, Vector> vectors = new TreeMap<>();
    for (String id : texts.keySet()) {
      MovingDocs.vector(database, id, version).ifPresent(vector -> vectors.put(id, vector));
    }
    return vectors;
  }

  private static void found(
      Database database, int version, EmbeddingSpec model, TreeMap<String, Vector> vectors) {
    SearchResult result =
        database.search(
            COLLECTION,
            new SearchRequest(
                "default",
                version,
                embed(model, "query"),
                2 * IDS,
                OptionalDouble.empty(),
                0,
                false,
                ReadOptions.DEFAULT,
                new QueryRouting("", 0, List.of(), OptionalDouble.of(0))));
    assertThat(result.servedVersion()).isEqualTo(version);
    assertThat(result.hits().stream().map(hit -> hit.point().id().toString()).sorted())
        .containsExactlyElementsOf(vectors.keySet());
  }
}
