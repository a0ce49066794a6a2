package io.whimbrel.core.collection;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.StaleRead;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Writers and lagging workers on a few points each, in random order: whatever comes between a
/// lease and its commit, every point ends with the vectors of its last content, deleted points stay
/// deleted, and no vector that came with a write is replaced by one of a worker.
///
/// Contents repeat, ids are re-created, workers die with their leases, leases overlap and commits
/// come twice. Several requests of an interleaving go into one group. `-Dwhimbrel.race.runs=50000`
/// runs more of them, `-Dwhimbrel.race.seed=N` repeats a run.
class MigrationRaceTest {
  private static final int RUNS = Integer.getInteger("whimbrel.race.runs", 1_500);
  private static final long SEED = Long.getLong("whimbrel.race.seed", System.nanoTime());
  private static final int PARALLEL = 64;
  private static final int POINTS = 4;
  private static final int WRITES = 14;
  private static final String COLLECTION = "race";
  private static final EmbeddingSpec OLD = spec("old");
  private static final EmbeddingSpec NEW = spec("new");
  private static final ChangeNote NOTE = new ChangeNote("test", "");
  private static final WriteOptions ASYNC = new WriteOptions("", Durability.ASYNC);

  @TempDir private Path directory;

  private final Random random = new Random(SEED);

  /// Every commit that was ever sent.
  private final List<BackfillCommit> commits = new ArrayList<>();

  private final Map<CommitResult.Outcome, Long> outcomes =
      new TreeMap<>(Map.of(CommitResult.Outcome.STORED, 0L));

  /// What a point must hold; absent when it must not be there.
  ///
  /// @param nativeNew whether the new vector came with the last write
  /// @param hasOld whether the old vector is of this content
  private record Expected(String text, boolean nativeNew, boolean hasOld) {}

  private static EmbeddingSpec spec(String model) {
    return new EmbeddingSpec(
        new ModelId("test", model, "1"),
        4,
        Metric.L2,
        Cardinality.SINGLE,
        Storage.FLOAT32,
        new IndexSpec.Flat(),
        List.of("text"),
        Origin.CLIENT,
        false,
        "",
        "");
  }

  private static Vector embed(EmbeddingSpec model, String text) {
    float seed = text.hashCode() % 1000;
    float name = model.model().name().hashCode() % 1000;
    return new Vector(new float[] {seed, name, seed + name, 1}, 1, model.spaceId());
  }

  private Recovery.Opened open(Store store) throws StorageException {
    return new Recovery(store, directory, KernelProvider.best(), false, 1)
        .open(new Sequencer.Options(64L << 20, Duration.ofSeconds(30), Duration.ofSeconds(10)));
  }

  @ParameterizedTest
  @EnumSource(StaleRead.class)
  @Timeout(value = 60, unit = TimeUnit.MINUTES)
  void everyPointEndsWithItsLastContent(StaleRead staleRead) throws IOException {
    System.out.println("repeat with -Dtest=MigrationRaceTest -Dwhimbrel.race.seed=" + SEED);
    Store store = Store.open(directory.resolve("rocksdb"), 64L << 20, false);
    Recovery.Opened opened = open(store);
    LiveCollection collection =
        opened.sequencer().create(CollectionSpec.of(COLLECTION, OLD)).join();
    Migration migration =
        opened
            .migrations()
            .create(
                new MigrationSpec(
                    COLLECTION,
                    "default",
                    NEW,
                    LegacyWrite.ENQUEUE,
                    staleRead,
                    true,
                    Duration.ZERO,
                    BackfillThrottle.NONE),
                true,
                NOTE)
            .join();
    Map<String, Expected> expected = new TreeMap<>();
    for (int done = 0; done < RUNS; done += PARALLEL) {
      wave(opened, store, collection, migration, done, expected);
      if (done % (8 * PARALLEL) == 0) {
        countersAreExact(store, collection);
      }
    }
    drain(opened, migration);
    verify(store, collection, expected);
    countersAreExact(store, collection);
    LiveCollection.Moving moving = collection.moving().getFirst();
    assertThat(moving.state().counters().forward()).isZero();
    assertThat(moving.state().counters().live()).isEqualTo(expected.size());

    // Every commit twice more, in any order: nothing is left that it could change.
    Map<String, String> before = rows(store);
    for (int round = 0; round < 2; round++) {
      Collections.shuffle(commits, random);
      for (int from = 0; from < commits.size(); from += 500) {
        List<BackfillCommit> some = commits.subList(from, Math.min(commits.size(), from + 500));
        opened.migrations().commit(migration.id(), BackfillSide.FORWARD, some).join();
      }
    }
    assertThat(rows(store)).isEqualTo(before);
    System.out.printf(
        "%d interleavings of %d points and %d writes, stale vectors %s: %d commits %s, 0 wrong"
            + " points%n",
        RUNS, POINTS, WRITES, staleRead, commits.size(), outcomes);

    opened.migrations().close();
    opened.sequencer().stop();
    opened.catalog().closeAll();
    store.close();
    Store again = Store.open(directory.resolve("rocksdb"), 64L << 20, false);
    Recovery.Opened reopened = open(again);
    verify(again, reopened.catalog().require(COLLECTION), expected);
    assertThat(reopened.migrations().get(migration.id()).state())
        .isNotIn(MigrationState.PLANNED, MigrationState.FAILED);
    reopened.migrations().close();
    reopened.sequencer().stop();
    reopened.catalog().closeAll();
    again.close();
  }

  /// What one interleaving still has to do.
  private static final class Run {
    final List<String> ids = new ArrayList<>();
    final List<BackfillCommit> held = new ArrayList<>();
    int writes = WRITES;
  }

  private void wave(
      Recovery.Opened opened,
      Store store,
      LiveCollection collection,
      Migration migration,
      int first,
      Map<String, Expected> expected)
      throws StorageException {
    List<Run> runs = new ArrayList<>();
    for (int i = 0; i < PARALLEL; i++) {
      Run run = new Run();
      for (int p = 0; p < POINTS; p++) {
        run.ids.add(first + i + "-" + p);
      }
      runs.add(run);
    }
    boolean more = true;
    while (more) {
      more = false;
      List<CompletableFuture<?>> answers = new ArrayList<>();
      // What a worker leases now may be old by the time of its commit in this very turn.
      for (Run run : runs) {
        if (random.nextInt(3) > 0) {
          lease(store, collection, run).ifPresent(run.held::add);
        }
      }
      for (Run run : runs) {
        for (int actions = 1 + random.nextInt(3); actions > 0; actions--) {
          if (!run.held.isEmpty() && random.nextInt(3) == 0) {
            answers.add(commit(opened, migration, run));
          } else if (run.writes > 0) {
            run.writes--;
            answers.add(opened.sequencer().write(collection, write(run, expected), ASYNC));
          }
        }
        more |= run.writes > 0;
      }
      answers.forEach(CompletableFuture::join);
    }
    // What is held still goes with its worker, or comes late.
    List<CompletableFuture<?>> late = new ArrayList<>();
    for (Run run : runs) {
      while (!run.held.isEmpty() && random.nextBoolean()) {
        late.add(commit(opened, migration, run));
      }
    }
    late.forEach(CompletableFuture::join);
  }

  private CompletableFuture<?> commit(Recovery.Opened opened, Migration migration, Run run) {
    int which = random.nextInt(run.held.size());
    // A worker that saw no answer sends it again.
    BackfillCommit commit = random.nextInt(4) == 0 ? run.held.get(which) : run.held.remove(which);
    commits.add(commit);
    return opened
        .migrations()
        .commit(migration.id(), BackfillSide.FORWARD, List.of(commit))
        .thenAccept(results -> {
          synchronized (outcomes) {
            outcomes.merge(results.getFirst().outcome(), 1L, Long::sum);
          }
        });
  }

  private Mutation write(Run run, Map<String, Expected> expected) {
    String id = run.ids.get(random.nextInt(run.ids.size()));
    String text = "text " + random.nextInt(3);
    Expected before = expected.get(id);
    Map<String, Value> payload = Map.of("text", new Value.StringValue(text));
    switch (random.nextInt(8)) {
      case 0, 1 -> {
        expected.put(id, new Expected(text, true, true));
        return upsert(id, payload, embed(OLD, text), embed(NEW, text));
      }
      case 2, 3 -> {
        boolean kept = before != null && before.nativeNew() && before.text().equals(text);
        expected.put(id, new Expected(text, kept, true));
        return upsert(id, payload, embed(OLD, text));
      }
      case 4 -> {
        boolean kept = before != null && before.hasOld() && before.text().equals(text);
        expected.put(id, new Expected(text, true, kept));
        return upsert(id, payload, embed(NEW, text));
      }
      case 5 -> {
        if (before == null) {
          expected.put(id, new Expected(text, true, true));
          return upsert(id, payload, embed(OLD, text), embed(NEW, text));
        }
        boolean same = before.text().equals(text);
        expected.put(id, new Expected(text, before.nativeNew() && same, before.hasOld() && same));
        return new Mutation.UpdatePayload(
            List.of(PointId.of(id)),
            new Mutation.PayloadChange.Merge(payload),
            OptionalLong.empty());
      }
      case 6 -> {
        if (before != null) {
          return new Mutation.UpdatePayload(
              List.of(PointId.of(id)),
              new Mutation.PayloadChange.Merge(
                  Map.of("price", new Value.IntValue(random.nextInt()))),
              OptionalLong.empty());
        }
        return new Mutation.Delete(List.of(PointId.of(id)), OptionalLong.empty());
      }
      default -> {
        expected.remove(id);
        return new Mutation.Delete(List.of(PointId.of(id)), OptionalLong.empty());
      }
    }
  }

  private static Mutation upsert(String id, Map<String, Value> payload, Vector... vectors) {
    return new Mutation.Upsert(List.of(PointWrite.of(PointId.of(id), payload, List.of(vectors))));
  }

  /// A lease of one of the run's points, made from what is stored now, as a worker's would be.
  private Optional<BackfillCommit> lease(Store store, LiveCollection collection, Run run)
      throws StorageException {
    PointId id = PointId.of(run.ids.get(random.nextInt(run.ids.size())));
    try (View view = store.view()) {
      Optional<byte[]> internalId = view.get(Table.IDS, Keys.id(collection.number(), id));
      if (internalId.isEmpty()) {
        return Optional.empty();
      }
      long number = ByteBuffer.wrap(internalId.get()).getLong();
      PointRecord point =
          PointRecord.decode(
              view.get(Table.POINTS, Keys.point(collection.number(), number)).orElseThrow());
      long hash =
          Backfills.contents(view)
              .hash(collection.number(), collection.moving().getFirst(), number, point);
      Value text = Objects.requireNonNull(point.decodePayload().get("text"));
      return Optional.of(
          new BackfillCommit(
              id, point.seq(), hash, embed(NEW, ((Value.StringValue) text).value())));
    }
  }

  private void drain(Recovery.Opened opened, Migration migration) throws StorageException {
    while (true) {
      List<BackfillLease> leases =
          opened
              .migrations()
              .lease(migration.id(), BackfillSide.FORWARD, 1_000, Duration.ofMinutes(5))
              .leases();
      if (leases.isEmpty()) {
        return;
      }
      List<BackfillCommit> vectors = new ArrayList<>();
      for (BackfillLease lease : leases) {
        Value text = Objects.requireNonNull(lease.source().get("text"));
        vectors.add(
            new BackfillCommit(
                lease.id(),
                lease.seq(),
                lease.contentHash(),
                embed(NEW, ((Value.StringValue) text).value())));
      }
      commits.addAll(vectors);
      assertThat(opened.migrations().commit(migration.id(), BackfillSide.FORWARD, vectors).join())
          .extracting(CommitResult::outcome)
          .containsOnly(CommitResult.Outcome.STORED);
    }
  }

  private static void verify(Store store, LiveCollection collection, Map<String, Expected> expected)
      throws StorageException {
    LiveCollection.Moving moving = collection.moving().getFirst();
    Map<String, Expected> found = new TreeMap<>();
    int number = collection.number();
    try (View view = store.view()) {
      try (Scan points =
          view.scan(
              Table.POINTS, Keys.collectionPrefix(number), Keys.collectionPrefix(number + 1))) {
        while (points.advance()) {
          long internalId = Keys.internalIdOf(points.key());
          PointRecord point = PointRecord.decode(points.valueBytes());
          Value text = Objects.requireNonNull(point.decodePayload().get("text"));
          String content = ((Value.StringValue) text).value();
          byte[] to = row(view, collection, moving.to(), internalId).orElseThrow();
          assertThat(moving.to().form().decode(ByteBuffer.wrap(to)))
              .as("new vector of %s", point.id())
              .isEqualTo(embed(NEW, content).values());
          Optional<byte[]> from = row(view, collection, moving.from(), internalId);
          boolean hasOld =
              from.isPresent()
                  && Arrays.equals(
                      moving.from().form().decode(ByteBuffer.wrap(from.get())),
                      embed(OLD, content).values());
          boolean nativeNew =
              VectorRecord.sourceOf(ByteBuffer.wrap(to)) == VectorRecord.Source.NATIVE;
          Expected wanted = Objects.requireNonNull(expected.get(point.id().toString()));
          // A worker may have been there first with the same content; the other way round is
          // forbidden.
          assertThat(nativeNew || !wanted.nativeNew()).as("%s", point.id()).isTrue();
          assertThat(hasOld || !wanted.hasOld()).as("old vector of %s", point.id()).isTrue();
          assertThat(point.vectors().contains(moving.from().ref())).isEqualTo(from.isPresent());
          found.put(point.id().toString(), new Expected(content, true, true));
        }
      }
    }
    Map<String, Expected> texts = new HashMap<>();
    expected.forEach((id, e) -> texts.put(id, new Expected(e.text(), true, true)));
    assertThat(found).isEqualTo(texts);
    assertThat(moving.to().live()).isEqualTo(expected.size());
    assertThat(moving.to().points()).isEqualTo(expected.size());
  }

  private static Optional<byte[]> row(
      View view, LiveCollection collection, LiveVersion version, long internalId)
      throws StorageException {
    PointRecord.VectorRef ref = version.ref();
    return view.get(
        Table.VECTORS, Keys.vector(collection.number(), ref.field(), ref.version(), internalId));
  }

  /// The counters equal a full scan.
  private static void countersAreExact(Store store, LiveCollection collection)
      throws StorageException {
    LiveCollection.Moving moving = collection.moving().getFirst();
    long[] counts = new long[2];
    try (View view = store.view()) {
      char[] kinds = {MovingRows.FORWARD, MovingRows.REVERSE};
      for (int i = 0; i < kinds.length; i++) {
        try (Scan rows =
            view.scan(
                Table.MIGRATION,
                Keys.inMotion(collection.number(), moving.migration().number(), kinds[i], 0),
                Keys.inMotion(
                    collection.number(), moving.migration().number(), (char) (kinds[i] + 1), 0))) {
          while (rows.advance()) {
            counts[i]++;
          }
        }
      }
    }
    assertThat(moving.state().counters().forward()).isEqualTo(counts[0]);
    assertThat(moving.state().counters().reverse()).isEqualTo(counts[1]);
  }

  /// Every row of points, vectors and backlogs.
  private static Map<String, String> rows(Store store) throws StorageException {
    Map<String, String> rows = new TreeMap<>();
    try (View view = store.view()) {
      for (Table table : List.of(Table.IDS, Table.POINTS, Table.VECTORS, Table.MIGRATION)) {
        byte[] end = new byte[32];
        Arrays.fill(end, (byte) 0xFF);
        try (Scan scan = view.scan(table, new byte[0], end)) {
          while (scan.advance()) {
            rows.put(
                table + Arrays.toString(scan.keyBytes()),
                Integer.toString(Arrays.hashCode(scan.valueBytes())));
          }
        }
      }
    }
    return rows;
  }
}
