package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Kills a writing process with SIGKILL at random moments and checks the reopened database against
/// what the process announced: every acknowledged write is there, a write in flight is there whole
/// or not at all, and nothing else is.
///
/// `-Dwhimbrel.crash.rounds=100` runs more rounds, `-Dwhimbrel.crash.seed=N` repeats a run.
class CrashIT {
  private static final int ROUNDS = Integer.getInteger("whimbrel.crash.rounds", 12);
  private static final long SEED = Long.getLong("whimbrel.crash.seed", System.nanoTime());

  /// What a batch of points must look like: the last acknowledged write, or the one in flight.
  private record Batch(long generation, boolean deleted) {
    static final Batch NEVER_WRITTEN = new Batch(0, true);
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
  private long acknowledged;
  private long inFlightPresent;
  private long inFlightAbsent;
  private long generation = 1;

  @ParameterizedTest
  @ValueSource(strings = {"flat", "hnsw", "text"})
  @Timeout(value = 20, unit = TimeUnit.MINUTES)
  void losesAndInventsNothing(String index) throws IOException, InterruptedException {
    System.out.println("repeat with -Dtest=CrashIT -Dwhimbrel.crash.seed=" + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    for (int writer = 0; writer < CrashWriter.WRITERS; writer++) {
      for (int first = 0; first < CrashWriter.POINTS; first += CrashWriter.BATCH) {
        expected.put(new Key(writer, first), Batch.NEVER_WRITTEN);
      }
    }
    for (int round = 0; round < ROUNDS; round++) {
      List<Attempt> inFlight = writeUntilKilled(index, random);
      verify(inFlight);
    }
    assertThat(acknowledged).isGreaterThan(ROUNDS);
    System.out.printf(
        "%d kills: %d acknowledged writes, all there; of the writes in flight %d were there whole,"
            + " %d not at all; none half, none invented%n",
        ROUNDS, acknowledged, inFlightPresent, inFlightAbsent);
  }

  private List<Attempt> writeUntilKilled(String index, SplittableRandom random)
      throws IOException, InterruptedException {
    long killAfterAcks = 1 + random.nextLong(400);
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                CrashWriter.class.getName(),
                directory.toString(),
                Long.toString(random.nextLong()),
                Long.toString(generation),
                index)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Attempt[] pending = new Attempt[CrashWriter.WRITERS];
    long acks = 0;
    boolean killed = false;
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      String line;
      // Lines written before the kill are still in the pipe after it.
      while ((line = lines.readLine()) != null) {
        String[] words = line.split(" ");
        if (words[0].equals("try")) {
          Key key = new Key(Integer.parseInt(words[1]), Integer.parseInt(words[4]));
          long n = Long.parseLong(words[2]);
          generation = Math.max(generation, n + 1);
          pending[key.writer()] = new Attempt(key, new Batch(n, words[3].equals("delete")));
        } else if (words[0].equals("ack")) {
          int writer = Integer.parseInt(words[1]);
          expected.put(pending[writer].key(), pending[writer].batch());
          pending[writer] = null;
          acknowledged++;
          acks++;
        }
        if (!killed && acks >= killAfterAcks) {
          // By its handle: Process.destroyForcibly would throw away what is still in the pipe.
          process.toHandle().destroyForcibly();
          killed = true;
        }
      }
    }
    assertThat(process.waitFor()).as("the writers only end by the kill").isEqualTo(137);
    List<Attempt> inFlight = new ArrayList<>();
    for (Attempt attempt : pending) {
      if (attempt != null) {
        inFlight.add(attempt);
      }
    }
    return inFlight;
  }

  private void verify(List<Attempt> inFlight) throws IOException {
    try (Database database = Database.open(directory)) {
      for (Attempt attempt : inFlight) {
        Batch before = Objects.requireNonNull(expected.get(attempt.key()));
        Batch found = read(database, attempt.key());
        // A delete in flight over a deleted batch looks the same either way.
        if (found.equals(attempt.batch()) || (found.deleted() && attempt.batch().deleted())) {
          inFlightPresent++;
        } else {
          inFlightAbsent++;
          assertThat(found.deleted() && before.deleted() || found.equals(before))
              .as("%s: found %s, before %s", attempt, found, before)
              .isTrue();
        }
        expected.put(attempt.key(), found);
      }
      long points = 0;
      for (var entry : expected.entrySet()) {
        Batch found = read(database, entry.getKey());
        if (entry.getValue().deleted()) {
          assertThat(found.deleted()).as("%s was deleted", entry).isTrue();
        } else {
          assertThat(found).as("%s", entry).isEqualTo(entry.getValue());
          points += CrashWriter.BATCH;
        }
      }
      assertThat(database.count(CrashWriter.COLLECTION, 0)).isEqualTo(points);
      for (CollectionInfo.TextIndexInfo text : database.describe(CrashWriter.COLLECTION).texts()) {
        // Nothing deleted or replaced came back: one document for each point.
        assertThat(text.points()).isEqualTo(points);
      }
    }
  }

  /// The batch as it is stored; fails when it is half there, or when search does not agree with the
  /// store.
  private static Batch read(Database database, Key key) {
    List<PointId> ids = new ArrayList<>();
    for (int i = key.first(); i < key.first() + CrashWriter.BATCH; i++) {
      ids.add(CrashWriter.id(key.writer(), i));
    }
    List<Point> points =
        database.get(CrashWriter.COLLECTION, ids, new ReadOptions(Selector.ALL, Selector.ALL, 0));
    if (points.isEmpty()) {
      return new Batch(0, true);
    }
    assertThat(points).as("%s is whole", key).hasSize(CrashWriter.BATCH);
    Value stored = Objects.requireNonNull(points.getFirst().payload().get("generation"));
    long generation = ((Value.IntValue) stored).value();
    for (int i = 0; i < points.size(); i++) {
      Point point = points.get(i);
      assertThat(point.payload()).containsEntry("generation", new Value.IntValue(generation));
      Vector vector = Objects.requireNonNull(point.vectors().get("default"));
      assertThat(vector.values())
          .isEqualTo(CrashWriter.vector(key.writer(), key.first() + i, generation).values());
      SearchResult result = database.search(CrashWriter.COLLECTION, SearchRequest.of(vector, 1));
      assertThat(result.hits().getFirst().point().id()).isEqualTo(point.id());
      assertThat(result.hits().getFirst().score()).isZero();
      if (!database.describe(CrashWriter.COLLECTION).texts().isEmpty()) {
        String word = CrashWriter.word(key.writer(), key.first() + i, generation);
        assertThat(
                database
                    .query(
                        CrashWriter.COLLECTION,
                        QueryRequest.of(
                            new QueryNode.Text(FieldPath.of("word"), word, List.of()), 9))
                    .hits())
            .hasSize(1)
            .first()
            .satisfies(hit -> assertThat(hit.point().id()).isEqualTo(point.id()));
      }
    }
    return new Batch(generation, false);
  }
}
