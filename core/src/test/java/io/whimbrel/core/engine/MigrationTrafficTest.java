package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.awaitState;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.ready;
import static io.whimbrel.core.engine.MovingDocs.start;
import static io.whimbrel.core.engine.MovingDocs.switched;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.migration.RoutingBuckets;
import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Traffic that moves under running searches, and space that comes back.
class MigrationTrafficTest {
  private static final int FLIPS = 100;

  /// `-Dwhimbrel.flip.searches=10000` is a million searches.
  private static final int SEARCHES_PER_FLIP = Integer.getInteger("whimbrel.flip.searches", 50);

  private static final int SEARCHERS = 3;

  @TempDir private Path directory;

  /// Every answer is of one policy: the version that its epoch gives the key, with vectors and hits
  /// of that version alone.
  @Test
  void noAnswerMixesVersionsWhileTrafficFlips()
      throws IOException, ExecutionException, InterruptedException {
    try (Database database = Database.open(directory);
        ExecutorService pool = Executors.newFixedThreadPool(SEARCHERS)) {
      MovingDocs.create(database);
      for (int i = 0; i < 20; i++) {
        upsert(database, point("p" + i, "text " + i, OLD));
      }
      Migration migration = ready(database, start(database));
      Map<Long, RoutingPolicy> policies = new ConcurrentHashMap<>();
      AtomicBoolean stop = new AtomicBoolean();
      AtomicLong served = new AtomicLong();
      List<Future<List<Served>>> searchers = new ArrayList<>();
      long started = System.nanoTime();
      for (int s = 0; s < SEARCHERS; s++) {
        String key = "user-" + s;
        searchers.add(
            pool.submit(() -> {
              List<Served> answers = new ArrayList<>();
              while (!stop.get()) {
                SearchResult result = searchBoth(database, key);
                checkIsOfOneVersion(result);
                answers.add(new Served(result.epoch(), result.servedVersion()));
                served.incrementAndGet();
              }
              return answers;
            }));
      }
      RoutingPolicy now = database.migrations().policy(COLLECTION, "default");
      policies.put(now.epoch(), now);
      for (int flip = 0; flip < FLIPS; flip++) {
        long before = served.get();
        database
            .migrations()
            .switchTraffic(migration.id(), flip % 2 == 0 ? 6_000 : 0, 0, false, NOTE);
        RoutingPolicy policy = database.migrations().policy(COLLECTION, "default");
        policies.put(policy.epoch(), policy);
        while (served.get() < before + SEARCHES_PER_FLIP) {
          Thread.onSpinWait();
        }
      }
      stop.set(true);
      double seconds = (System.nanoTime() - started) / 1e9;
      System.out.printf(
          "%,d searches, %,.0f/s, through %d flips%n", served.get(), served.get() / seconds, FLIPS);
      for (int s = 0; s < SEARCHERS; s++) {
        for (Served answer : searchers.get(s).get()) {
          RoutingPolicy policy = Objects.requireNonNull(policies.get(answer.epoch()));
          int bucket = RoutingBuckets.of(policy.migrationId(), "user-" + s);
          assertThat(answer.version()).isEqualTo(policy.versionOf(bucket));
        }
      }
      assertThat(policies).hasSize(FLIPS + 1);
    }
  }

  private record Served(long epoch, int version) {}

  private static void checkIsOfOneVersion(SearchResult result) {
    EmbeddingSpec model = result.servedVersion() == 1 ? OLD : NEW;
    assertThat(result.hits()).hasSize(5);
    for (SearchResult.Hit hit : result.hits()) {
      String text = "text " + hit.point().id().toString().substring(1);
      assertThat(hit.point().vectors()).containsEntry("default", embed(model, text));
    }
  }

  private static SearchResult searchBoth(Database database, String key) {
    SearchRequest request =
        new SearchRequest(
            "default",
            0,
            embed(OLD, "text 3"),
            5,
            OptionalDouble.empty(),
            0,
            false,
            new ReadOptions(Selector.NONE, Selector.ALL, 0));
    return database.search(
        COLLECTION,
        request.withRouting(
            new QueryRouting(key, 0, List.of(embed(NEW, "text 3")), OptionalDouble.empty())));
  }

  /// Writes that know the new model only, after the switch: going back says exactly how many lag,
  /// and none does once they are worked off.
  @Test
  void goingBackLosesNothing() throws IOException {
    try (Database database = Database.open(directory)) {
      MovingDocs.create(database);
      upsert(database, point("p0", "text 0", OLD));
      Migration migration = switched(database, start(database));
      int points = 10_000;
      for (int from = 0; from < points; from += 1_000) {
        List<PointWrite> writes = new ArrayList<>();
        for (int i = from; i < from + 1_000; i++) {
          writes.add(point("p" + i, "later " + i, NEW));
        }
        database.write(COLLECTION, new Mutation.Upsert(writes), WriteOptions.DEFAULT).join();
      }
      Migration now = database.migrations().reverseTraffic(migration.id(), NOTE);
      assertThat(now.reverseBacklog()).isEqualTo(points);
      assertThat(now.rollbackReady()).isFalse();
      int filled = 0;
      while (!now.rollbackReady()) {
        List<BackfillCommit> commits = new ArrayList<>();
        for (BackfillLease lease :
            database
                .migrations()
                .lease(now.id(), BackfillSide.REVERSE, 1_000, Duration.ofMinutes(5))
                .leases()) {
          commits.add(MovingDocs.commit(lease, OLD));
        }
        database.migrations().commit(now.id(), BackfillSide.REVERSE, commits).join();
        filled += commits.size();
        now = database.migrations().get(now.id());
      }
      assertThat(filled).isEqualTo(points);
      assertThat(now.progress().backlog()).isZero();
      for (int i = 0; i < points; i += 997) {
        SearchResult result =
            database.search(COLLECTION, SearchRequest.of(embed(OLD, "later " + i), 1));
        assertThat(result.servedVersion()).isEqualTo(1);
        assertThat(result.hits().getFirst().point().id()).isEqualTo(PointId.of("p" + i));
      }
    }
  }

  @Test
  void completeGivesTheSpaceBackAlsoAfterACrashInTheMiddle() throws IOException {
    EmbeddingSpec wide = MovingDocs.spec("wide", 768, new IndexSpec.Flat());
    int points = 4_000;
    long vectorBytes = 4L * wide.dimension() * points;
    String id;
    long before;
    try (Database database = Database.open(directory)) {
      database.createCollection(CollectionSpec.of(COLLECTION, wide));
      for (int from = 0; from < points; from += 500) {
        List<PointWrite> writes = new ArrayList<>();
        for (int i = from; i < from + 500; i++) {
          writes.add(point("p" + i, "text " + i, wide));
        }
        database.write(COLLECTION, new Mutation.Upsert(writes), WriteOptions.DEFAULT).join();
      }
      Migration migration =
          switched(database, start(database, MigrationSpec.of(COLLECTION, "default", NEW)));
      id = migration.id();
      before = database.status().diskBytes();
      assertThat(before).isGreaterThan(vectorBytes);
      database.migrations().complete(id, COLLECTION, false, false, NOTE);
      // Closed at once: the last step of giving back cannot be recorded any more, or only just.
    }
    try (Database database = Database.open(directory)) {
      Migration migration =
          awaitState(database, database.migrations().get(id), MigrationState.COMPLETING);
      assertThat(migration.state()).isEqualTo(MigrationState.COMPLETED);
      long after = database.status().diskBytes();
      System.out.printf(
          "disk: %,d bytes before, %,d after, of %,d of the old version's vectors%n",
          before, after, vectorBytes);
      assertThat(before - after).isGreaterThan((long) (0.95 * vectorBytes));
      assertThat(database.count(COLLECTION, 0)).isEqualTo(points);
      assertThat(
              database
                  .search(COLLECTION, SearchRequest.of(embed(NEW, "text 17"), 1))
                  .hits()
                  .getFirst()
                  .point()
                  .id()
                  .toString())
          .isEqualTo("p17");
    }
  }
}
