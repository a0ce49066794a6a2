package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Kills a process with 8 writers, 2 workers and an operator at random moments of one migration
/// after the other. After every kill each acknowledged write is there, one in flight whole or not
/// at all; then the open migration, taken up where it was, fills every point with the vector of its
/// text.
///
/// `-Dwhimbrel.crash.rounds=200` runs more rounds, `-Dwhimbrel.crash.seed=N` repeats a run.
class MigrationCrashIT {
  private static final int ROUNDS = Integer.getInteger("whimbrel.crash.rounds", 5);
  private static final long SEED = Long.getLong("whimbrel.crash.seed", System.nanoTime());

  /// The content of a batch.
  ///
  /// @param update whether the text came without vectors, the same one for all points
  private record Batch(long generation, boolean deleted, boolean update) {
    static final Batch NONE = new Batch(0, true, false);
  }

  private record Key(int writer, int first) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      return Integer.compare(writer * 1000 + first, other.writer * 1000 + other.first);
    }
  }

  private record Attempt(Key key, Batch batch) {}

  @TempDir private Path directory;

  private final TreeMap<Key, Batch> expected = new TreeMap<>();
  private final Map<String, Integer> killedIn = new TreeMap<>();
  private long acknowledged;
  private long refused;
  private long steps;
  private long generation = 1;

  @Test
  @Timeout(value = 120, unit = TimeUnit.MINUTES)
  void everyMigrationSurvivesEveryKill() throws IOException, InterruptedException {
    System.out.println("repeat with -Dtest=MigrationCrashIT -Dwhimbrel.crash.seed=" + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    for (int writer = 0; writer < MigrationCrashWriter.WRITERS; writer++) {
      for (int first = 0;
          first < MigrationCrashWriter.POINTS;
          first += MigrationCrashWriter.BATCH) {
        expected.put(new Key(writer, first), Batch.NONE);
      }
    }
    long migrations = 0;
    for (int round = 0; round < ROUNDS; round++) {
      List<Attempt> inFlight = runUntilKilled(random);
      try (Database database = Database.open(directory)) {
        settle(database, inFlight);
        verify(database);
        List<Migration> all = database.migrations().list(MigrationCrashWriter.COLLECTION);
        migrations = all.size();
        if (!all.isEmpty()) {
          killedIn.merge(all.getFirst().state().toString(), 1, Integer::sum);
          finish(database, all.getFirst());
        }
      }
    }
    assertThat(acknowledged).isGreaterThan(ROUNDS);
    System.out.printf(
        "%d kills with %d writers and %d workers in %d migrations: %d acknowledged writes all"
            + " there, %d refused, %d steps; killed in %s%n",
        ROUNDS,
        MigrationCrashWriter.WRITERS,
        MigrationCrashWriter.WORKERS,
        migrations,
        acknowledged,
        refused,
        steps,
        killedIn);
  }

  private List<Attempt> runUntilKilled(SplittableRandom random)
      throws IOException, InterruptedException {
    long killAfterAcks = 1 + random.nextLong(1_500);
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                // It lives for a second: plain kernels and the first compiler start it in half of
                // one.
                "-Dwhimbrel.simd=scalar",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                MigrationCrashWriter.class.getName(),
                directory.toString(),
                Long.toString(random.nextLong()),
                Long.toString(generation))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Attempt[] pending = new Attempt[MigrationCrashWriter.WRITERS];
    long acks = 0;
    boolean killed = false;
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      String line;
      // Lines written before the kill are still in the pipe after it.
      while ((line = lines.readLine()) != null) {
        String[] words = line.split(" ");
        switch (words[0]) {
          case "try" -> {
            Key key = new Key(Integer.parseInt(words[1]), Integer.parseInt(words[4]));
            long n = Long.parseLong(words[2]);
            generation = Math.max(generation, n + 1);
            Batch batch = new Batch(n, words[3].equals("delete"), words[3].equals("update"));
            pending[key.writer()] = new Attempt(key, batch);
          }
          case "ack" -> {
            int writer = Integer.parseInt(words[1]);
            expected.put(pending[writer].key(), pending[writer].batch());
            pending[writer] = null;
            acknowledged++;
            acks++;
          }
          case "nak" -> {
            pending[Integer.parseInt(words[1])] = null;
            refused++;
          }
          case "state" -> steps++;
          default -> {}
        }
        if (!killed && acks >= killAfterAcks) {
          // By its handle: Process.destroyForcibly would throw away what is still in the pipe.
          process.toHandle().destroyForcibly();
          killed = true;
        }
      }
    }
    assertThat(process.waitFor()).as("the process only ends by the kill").isEqualTo(137);
    List<Attempt> inFlight = new ArrayList<>();
    for (Attempt attempt : pending) {
      if (attempt != null) {
        inFlight.add(attempt);
      }
    }
    return inFlight;
  }

  /// What was in flight is there whole or not at all.
  private void settle(Database database, List<Attempt> inFlight) {
    for (Attempt attempt : inFlight) {
      Batch before = Objects.requireNonNull(expected.get(attempt.key()));
      List<Point> found = read(database, attempt.key(), 0);
      if (matches(attempt.key(), attempt.batch(), found)) {
        expected.put(attempt.key(), attempt.batch());
      } else {
        assertThat(matches(attempt.key(), before, found))
            .as("%s found %s, before %s", attempt, found, before)
            .isTrue();
      }
    }
  }

  private void verify(Database database) {
    long points = 0;
    for (Map.Entry<Key, Batch> entry : expected.entrySet()) {
      List<Point> found = read(database, entry.getKey(), 0);
      assertThat(matches(entry.getKey(), entry.getValue(), found))
          .as("%s: %s", entry, found)
          .isTrue();
      points += found.size();
    }
    assertThat(database.count(MigrationCrashWriter.COLLECTION, 0)).isEqualTo(points);
  }

  /// Works the migration's backlog off, then holds both versions against the texts.
  private void finish(Database database, Migration last) {
    Migration migration = last;
    if (migration.state() == MigrationState.FAILED) {
      throw new AssertionError("failed: " + migration.failure());
    }
    for (MigrationState passing :
        List.of(MigrationState.DUAL_WRITE, MigrationState.COMPLETING, MigrationState.CANCELLING)) {
      migration = MovingDocs.awaitState(database, migration, passing);
    }
    if (!migration.state().writesBoth()) {
      int version =
          database.describe(MigrationCrashWriter.COLLECTION).fields().getFirst().readVersion();
      compareOwned(database, migration, version);
      return;
    }
    while (MigrationCrashWriter.work(database, migration, 1_000)) {
      migration = database.migrations().get(migration.id());
    }
    migration = database.migrations().get(migration.id());
    assertThat(migration.progress().backlog()).isZero();
    assertThat(migration.progress().deadLetters()).isZero();
    assertThat(migration.progress().live()).isEqualTo(migration.progress().done());
    assertThat(migration.progress().live())
        .isEqualTo(database.count(MigrationCrashWriter.COLLECTION, 0));
    for (Key key : expected.keySet()) {
      for (Point point : read(database, key, migration.toVersion())) {
        Vector vector = Objects.requireNonNull(point.vectors().get("default"));
        assertThat(vector)
            .as("new vector of %s", point.id())
            .isEqualTo(MovingDocs.embed(migration.spec().to(), text(point)));
      }
    }
    compareOwned(database, migration, migration.fromVersion());
  }

  /// Writers of the lower half never change a text without its vectors.
  private void compareOwned(Database database, Migration migration, int version) {
    for (Key key : expected.keySet()) {
      if (key.writer() < MigrationCrashWriter.WRITERS / 2) {
        for (Point point : read(database, key, version)) {
          Vector vector = Objects.requireNonNull(point.vectors().get("default"));
          String text = text(point);
          assertThat(
                  List.of(
                      MovingDocs.embed(migration.from(), text),
                      MovingDocs.embed(migration.spec().to(), text)))
              .as("vector of %s in version %d", point.id(), version)
              .contains(vector);
        }
      }
    }
  }

  private static String text(Point point) {
    return ((Value.StringValue) Objects.requireNonNull(point.payload().get("text"))).value();
  }

  /// @param version 0 for the one that answers reads
  private static List<Point> read(Database database, Key key, int version) {
    List<PointId> ids = new ArrayList<>();
    for (int i = key.first(); i < key.first() + MigrationCrashWriter.BATCH; i++) {
      ids.add(MigrationCrashWriter.id(key.writer(), i));
    }
    Map<String, Integer> versions = version == 0 ? Map.of() : Map.of("default", version);
    return database.get(
        MigrationCrashWriter.COLLECTION,
        ids,
        new ReadOptions(Selector.ALL, Selector.ALL, 0, versions));
  }

  private static boolean matches(Key key, Batch batch, List<Point> found) {
    if (batch.deleted()) {
      return found.isEmpty();
    }
    if (found.size() != MigrationCrashWriter.BATCH) {
      return false;
    }
    for (int i = 0; i < found.size(); i++) {
      int point = batch.update() ? key.first() : key.first() + i;
      String text = MigrationCrashWriter.text(key.writer(), point, batch.generation());
      if (!text(found.get(i)).equals(text)) {
        return false;
      }
    }
    return true;
  }
}
