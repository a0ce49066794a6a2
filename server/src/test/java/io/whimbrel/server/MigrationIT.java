package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.migration.BackfillSide;
import io.whimbrel.client.migration.BackfillStats;
import io.whimbrel.client.migration.BackfillWorker;
import io.whimbrel.client.migration.CommitResult;
import io.whimbrel.client.migration.LeasedPoint;
import io.whimbrel.client.migration.Leases;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Migrations;
import io.whimbrel.client.migration.RoutedCollection;
import io.whimbrel.client.migration.RoutingPolicy;
import io.whimbrel.client.migration.Schedule;
import io.whimbrel.client.migration.TextPoint;
import io.whimbrel.client.migration.VDiff;
import io.whimbrel.server.cli.demo.MigrationTraffic;
import io.whimbrel.server.cli.demo.TwoModels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Migrations against a real server, with real vectors of two models of one dimension.
///
/// `-Dwhimbrel.migration.rows=N` takes more of the rows, with `-Dwhimbrel.data` those beyond the
/// sample.
class MigrationIT {
  private static final int ROWS = Integer.getInteger("whimbrel.migration.rows", 600);
  private static final String DOCS = "docs";
  private static final Duration WAIT_MAX = Duration.ofMinutes(2);
  private static final Duration RECLAIM_MAX = Duration.ofSeconds(60);
  private static final EmbeddingSpec OLD = spec("old", 2);
  private static final EmbeddingSpec NEW = spec("new", 2);

  @TempDir Path directory;
  private WhimbrelServer server;
  private WhimbrelClient client;
  private Migrations migrations;

  @BeforeEach
  void start() throws Exception {
    server =
        WhimbrelServer.start(
            ServerConfig.load(Map.of("port", "0", "data", directory.toString()), Map.of()));
    client = WhimbrelClient.builder().address("127.0.0.1", server.port()).build();
    migrations = client.migrations();
  }

  @AfterEach
  void stop() {
    client.close();
    server.stop();
  }

  @Test
  void fromPlanToCompleteUnderTrafficWithARollBackAtThirtyPerCent() throws Exception {
    TwoModels models = TwoModels.read(sample(), ROWS);
    IndexSpec hnsw = new IndexSpec.Hnsw(16, 100);
    client.createCollection(CollectionSpec.of(DOCS, models.oldSpec(hnsw)));
    MigrationTraffic traffic = new MigrationTraffic(client, models, DOCS, Duration.ofMillis(2));
    traffic.written(load(models));

    MigrationSpec spec = MigrationSpec.builder(DOCS, models.newSpec(hnsw)).build();
    assertThat(migrations.plan(spec, 0.1, 100).pointsToEmbed())
        .isEqualTo(traffic.expected().size());
    assertThat(migrations.list(DOCS)).isEmpty();
    Migration migration = migrations.create(spec);
    String id = migration.id();
    traffic.newVersion(migration.toVersion());
    traffic.start(4, 4, 7);
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      BackfillWorker worker =
          BackfillWorker.builder(client, id, models::byNew).batchPoints(8).keepRunning().build();
      workers.add(Thread.ofPlatform().daemon().start(worker::run));
    }
    // Old clients must have written while the backfill ran.
    awaitMigration(id, m -> m.legacyWrites() > 0 && m.progress().done() > m.progress().live() / 2);
    traffic.retireOldClients();
    awaitMigration(id, m -> m.state() == MigrationState.VERIFYING);
    verify(id);
    migrations.mirror(id, 50);
    shift(traffic, id, 1_000);
    shift(traffic, id, 3_000);
    migrations.reverse(id, "at 30 %");
    assertThat(migrations.get(id).state()).isEqualTo(MigrationState.ROLLED_BACK);
    assertThat(migrations.get(id).basisPoints()).isZero();
    awaitReads(traffic, 50);
    long ofNew = traffic.readsOfNew();
    awaitReads(traffic, 50);
    assertThat(traffic.readsOfNew()).isEqualTo(ofNew);
    shift(traffic, id, 5_000);
    shift(traffic, id, 10_000);
    assertThat(migrations.get(id).rollbackReady()).isTrue();
    migrations.complete(id, DOCS, false, true);
    awaitMigration(id, m -> m.state() == MigrationState.COMPLETED);
    awaitReads(traffic, 50);
    traffic.stop();
    for (Thread worker : workers) {
      worker.join();
    }

    assertThat(traffic.faults()).isEmpty();
    assertThat(traffic.wrong()).isZero();
    assertThat(traffic.lost()).as("%s", traffic.faults()).isZero();
    assertThat(client.count(DOCS)).isEqualTo(traffic.expected().size());
    assertThat(traffic.recall(10, true)).isGreaterThan(0.95);
    assertThat(client.collection(DOCS).fields().getFirst().versions())
        .extracting(v -> v.number())
        .containsExactly(migration.toVersion());
  }

  @Test
  void aVectorOfAnotherModelIsRefusedHoweverItComes() {
    Migration migration = started(3);
    Vector byNew = Vector.of(1, 0).inSpace(migration.to().spaceId());
    Vector byOther = Vector.of(1, 0).inSpace("0123456789abcdef0123456789abcdef");

    assertThat(code(() -> search(byNew, 1))).isEqualTo(ErrorCode.SPACE_MISMATCH);
    assertThat(code(() -> search(byOther, 0))).isEqualTo(ErrorCode.SPACE_MISMATCH);
    assertThat(code(() -> client.upsert(DOCS, List.of(Point.of(PointId.of("x"), byOther)))))
        .isEqualTo(ErrorCode.SPACE_MISMATCH);
    assertThat(code(() -> client.upsert(DOCS, List.of(Point.of(PointId.of("x"), byNew)))))
        .isEqualTo(ErrorCode.NEW_ONLY_WRITE);
    Leases leases =
        migrations.lease(migration.id(), BackfillSide.FORWARD, "w", 10, Duration.ofMinutes(1));
    assertThat(leases.points()).hasSize(3);
    List<LeasedPoint> one = leases.points().subList(0, 1);
    Vector byOld = Vector.of(1, 0).inSpace(migration.from().spaceId());
    assertThat(code(() -> commit(migration, one, byOld))).isEqualTo(ErrorCode.SPACE_MISMATCH);
    Vector longer = Vector.of(1, 0, 0).inSpace(migration.to().spaceId());
    assertThat(code(() -> commit(migration, one, longer))).isEqualTo(ErrorCode.DIMENSION_MISMATCH);
    Vector zero = Vector.of(0, 0).inSpace(migration.to().spaceId());
    assertThat(commit(migration, one, zero).getFirst().outcome())
        .isEqualTo(CommitResult.Outcome.DEAD_LETTER);

    Migration after = migrations.get(migration.id());
    assertThat(client.count(DOCS)).isEqualTo(3);
    assertThat(after.progress().done()).isZero();
    assertThat(after.progress().deadLetters()).isEqualTo(1);
    assertThat(migrations.deadLetters(migration.id(), 10, "").entries().getFirst().id())
        .isEqualTo(one.getFirst().id());
  }

  @Test
  void whatIsTooEarlyOrUnknownIsRefusedAndChangesNothing() {
    Migration migration = started(2);
    String id = migration.id();
    long revision = migration.revision();

    assertThat(code(() -> migrations.create(MigrationSpec.builder(DOCS, spec("third", 4)).build())))
        .isEqualTo(ErrorCode.MIGRATION_EXISTS);
    assertThat(code(() -> migrations.switchTraffic(id, 100))).isEqualTo(ErrorCode.MIGRATION_STATE);
    assertThat(code(() -> migrations.complete(id, DOCS))).isEqualTo(ErrorCode.MIGRATION_STATE);
    assertThat(code(() -> migrations.get("m-0"))).isEqualTo(ErrorCode.MIGRATION_NOT_FOUND);
    assertThat(code(() -> migrations.vdiff(id))).isEqualTo(ErrorCode.MIGRATION_STATE);
    assertThat(code(() -> search(Vector.of(1, 0).inSpace(migration.to().spaceId()), 2)))
        .isEqualTo(ErrorCode.COVERAGE_TOO_LOW);
    assertThat(migrations.get(id).revision()).isEqualTo(revision);

    backfill(id);
    verify(id);
    assertThat(code(() -> migrations.switchTraffic(id, 10_001)))
        .isEqualTo(ErrorCode.LIMIT_EXCEEDED);
    assertThat(
            code(() ->
                migrations.switchTraffic(
                    id, 100, new Migrations.SwitchOptions(false, 1_000_000, ""))))
        .isEqualTo(ErrorCode.EPOCH_MISMATCH);
    Migration dry =
        migrations.switchTraffic(id, 100, new Migrations.SwitchOptions(true, 0, "look"));
    assertThat(dry.state()).isEqualTo(MigrationState.READY);
    assertThat(migrations.get(id).basisPoints()).isZero();
    migrations.switchTraffic(id, 5_000);
    assertThat(code(() -> migrations.complete(id, DOCS))).isEqualTo(ErrorCode.MIGRATION_STATE);
    assertThat(code(() -> migrations.cancel(id, ""))).isEqualTo(ErrorCode.MIGRATION_STATE);
    migrations.switchTraffic(id, 10_000);
    assertThat(code(() -> migrations.complete(id, "other"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(migrations.get(id).state()).isEqualTo(MigrationState.SWITCHED);
  }

  @Test
  void aThresholdOfAnotherVersionIsWarnedOf() {
    started(2);
    SearchRequest.Routing routing =
        new SearchRequest.Routing("", 0, List.of(), OptionalDouble.empty(), 2);
    SearchResult result =
        client.search(
            DOCS,
            SearchRequest.builder(Vector.of(1, 0).inSpace(oldSpace()))
                .scoreThreshold(0.1)
                .routing(routing)
                .build());
    assertThat(result.servedVersion()).isEqualTo(1);
    assertThat(result.warnings()).singleElement().asString().contains("version 2", "version 1");
  }

  @Test
  void progressCountsExactlyAndOnlyNewContentIsEmbeddedAgain() {
    Migration migration = started(5);
    String id = migration.id();
    backfill(id);
    assertThat(migrations.get(id).progress().backlog()).isZero();

    client.mergePayload(
        DOCS,
        List.of(PointId.of("p0")),
        Map.of("price", new Value.IntValue(3)),
        WriteOptions.DEFAULT);
    assertThat(migrations.get(id).progress().backlog()).isZero();
    client.mergePayload(
        DOCS,
        List.of(PointId.of("p0")),
        Map.of("text", new Value.StringValue("other")),
        WriteOptions.DEFAULT);
    assertThat(migrations.get(id).progress().backlog()).isEqualTo(1);
    assertThat(migrations.get(id).progress().done()).isEqualTo(4);
    client.delete(DOCS, List.of(PointId.of("p0"), PointId.of("p1")), WriteOptions.DEFAULT);
    assertThat(migrations.get(id).progress().backlog()).isZero();
    assertThat(migrations.get(id).progress().live()).isEqualTo(3);
  }

  @Test
  void aDeletedPointStaysDeletedAndAChangedOneIsLeasedAgain() {
    Migration migration = started(2);
    String id = migration.id();
    Leases leases = migrations.lease(id, BackfillSide.FORWARD, "w", 10, Duration.ofMinutes(1));
    client.delete(DOCS, List.of(PointId.of("p0")), WriteOptions.DEFAULT);
    client.upsert(DOCS, List.of(old("p1", "changed")));
    Vector vector = Vector.of(0, 1).inSpace(migration.to().spaceId());

    Map<PointId, CommitResult.Outcome> outcomes = new HashMap<>();
    for (int i = 0; i < 2; i++) {
      migrations
          .commit(id, BackfillSide.FORWARD, "w", leases.points(), List.of(vector, vector))
          .forEach(result -> outcomes.put(result.id(), result.outcome()));
      assertThat(outcomes)
          .containsEntry(PointId.of("p0"), CommitResult.Outcome.GONE)
          .containsEntry(PointId.of("p1"), CommitResult.Outcome.STALE);
    }
    assertThat(client.count(DOCS)).isEqualTo(1);
    assertThat(migrations.get(id).progress().backlog()).isEqualTo(1);
    assertThat(backfill(id).stored()).isEqualTo(1);
    verify(id);
  }

  @Test
  void aRoutedClientEmbedsOnceAndRecoversFromAnOldPolicyByItself() {
    Migration migration = started(3);
    String id = migration.id();
    backfill(id);
    verify(id);
    AtomicInteger byOld = new AtomicInteger();
    AtomicInteger byNew = new AtomicInteger();
    RoutedCollection docs =
        RoutedCollection.builder(client, DOCS)
            .model(
                OLD.model(),
                text -> {
                  byOld.incrementAndGet();
                  return new float[] {1, 0};
                })
            .model(
                NEW.model(),
                text -> {
                  byNew.incrementAndGet();
                  return new float[] {0, 1};
                })
            .build();

    assertThat(docs.search("a", "user", 3).servedVersion()).isEqualTo(1);
    assertThat(byOld).hasValue(1);
    assertThat(byNew).hasValue(0);
    migrations.switchTraffic(id, 10_000);
    SearchResult moved = docs.search("a", "user", 3);
    assertThat(moved.servedVersion()).isEqualTo(2);
    assertThat(docs.recoveries()).isEqualTo(1);
    assertThat(byOld).hasValue(2);
    assertThat(byNew).hasValue(1);
    assertThat(docs.search("a", "user", 3).servedVersion()).isEqualTo(2);
    assertThat(docs.recoveries()).isEqualTo(1);
    migrations.reverse(id, "");
    assertThat(docs.search("a", "user", 3).servedVersion()).isEqualTo(1);

    byOld.set(0);
    byNew.set(0);
    docs.upsert(List.of(TextPoint.of(PointId.of("dual"), "text", "t")));
    assertThat(byOld).hasValue(1);
    assertThat(byNew).hasValue(1);
    assertThat(migrations.get(id).progress().backlog()).isZero();
  }

  @Test
  void aClientOfTheOldModelOnlyIsServedByTheOldVersionAndCounted() {
    Migration migration = started(3);
    backfill(migration.id());
    verify(migration.id());
    migrations.switchTraffic(migration.id(), 5_000);
    RoutedCollection docs =
        RoutedCollection.builder(client, DOCS)
            .model(OLD.model(), text -> new float[] {1, 0})
            .build();
    for (int user = 0; user < 20; user++) {
      assertThat(docs.search("a", "user-" + user, 3).servedVersion()).isEqualTo(1);
    }
    assertThat(migrations.get(migration.id()).legacyReads()).isPositive();
    migrations.switchTraffic(migration.id(), 10_000);
    assertThat(docs.search("a", "user", 3).servedVersion()).isEqualTo(1);
  }

  @Test
  void aPageChainKeepsItsVersion() {
    Migration migration = started(6);
    String id = migration.id();
    backfill(id);
    verify(id);
    ReadOptions read = ReadOptions.DEFAULT.withVectors(Selector.ALL);
    Page first = client.scroll(DOCS, Page.START, 2, read);
    migrations.switchTraffic(id, 10_000);
    Page second = client.scroll(DOCS, first.nextCursor(), 2, read);
    assertThat(second.points())
        .allSatisfy(point -> assertThat(values(point)).containsExactly(1, 0));
    assertThat(values(client.scroll(DOCS, Page.START, 1, read).points().getFirst()))
        .containsExactly(0, 1);
    migrations.complete(id, DOCS, false, true);
    awaitMigration(id, m -> m.state() == MigrationState.COMPLETED);
    assertThat(code(() -> client.scroll(DOCS, second.nextCursor(), 2, read)))
        .isEqualTo(ErrorCode.CURSOR_EXPIRED);
  }

  @Test
  void afterTheSwitchTheOldVersionLagsByACountAndCatchesUp() {
    Migration migration = started(4);
    String id = migration.id();
    backfill(id);
    verify(id);
    migrations.switchTraffic(id, 10_000);
    assertThat(migrations.get(id).rollbackReady()).isTrue();
    assertThat(code(() -> client.upsert(DOCS, List.of(Point.of(PointId.of("x"), Vector.of(1, 0))))))
        .isEqualTo(ErrorCode.SPACE_REQUIRED);
    Vector byNew = Vector.of(0, 1).inSpace(migration.to().spaceId());
    for (int i = 0; i < 3; i++) {
      client.upsert(
          DOCS,
          List.of(
              Point.of(
                  PointId.of("late" + i),
                  Map.of("text", new Value.StringValue("late " + i)),
                  byNew)));
    }
    Migration lagging = migrations.get(id);
    assertThat(lagging.reverseBacklog()).isEqualTo(3);
    assertThat(lagging.rollbackReady()).isFalse();
    assertThat(code(() -> migrations.complete(id, DOCS))).isEqualTo(ErrorCode.UNSAFE);

    BackfillStats stats =
        BackfillWorker.builder(client, id, text -> new float[] {1, 0})
            .side(BackfillSide.REVERSE)
            .build()
            .run();
    assertThat(stats.stored()).isEqualTo(3);
    assertThat(migrations.get(id).rollbackReady()).isTrue();
    migrations.reverse(id, "");
    SearchResult all =
        client.search(
            DOCS, SearchRequest.builder(Vector.of(1, 0).inSpace(oldSpace())).k(10).build());
    assertThat(all.servedVersion()).isEqualTo(1);
    assertThat(all.hits()).hasSize(7);
  }

  @Test
  void eachAnswerIsOfOneVersionAsItsPolicySaysThroughAHundredFlips() throws Exception {
    Migration migration = started(20);
    String id = migration.id();
    backfill(id);
    verify(id);
    Map<Long, Integer> sharesByEpoch = new ConcurrentHashMap<>();
    sharesByEpoch.put(migrations.get(id).epoch(), 0);
    AtomicBoolean stopping = new AtomicBoolean();
    AtomicLong answers = new AtomicLong();
    List<String> mixed = java.util.Collections.synchronizedList(new ArrayList<>());
    record Answer(String key, long epoch, int version, double score) {}
    List<Answer> seen = java.util.Collections.synchronizedList(new ArrayList<>());
    List<Thread> readers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int reader = i;
      readers.add(
          Thread.ofPlatform()
              .start(() -> {
                for (int n = 0; !stopping.get(); n++) {
                  String key = "user-" + reader + "-" + n;
                  SearchRequest.Routing routing =
                      new SearchRequest.Routing(
                          key,
                          0,
                          List.of(Vector.of(0, 1).inSpace(migration.to().spaceId())),
                          OptionalDouble.empty(),
                          0);
                  SearchResult result =
                      client.search(
                          DOCS,
                          SearchRequest.builder(Vector.of(1, 0).inSpace(migration.from().spaceId()))
                              .k(20)
                              .routing(routing)
                              .build());
                  answers.incrementAndGet();
                  // By its own vector each version scores 1 for all points; another one would be 0.
                  result
                      .hits()
                      .forEach(hit -> {
                        if (Math.abs(hit.score() - 1) > 1e-5) {
                          mixed.add(key + " scored " + hit.score());
                        }
                      });
                  seen.add(new Answer(key, result.routingEpoch(), result.servedVersion(), 1));
                }
              }));
    }
    for (int flip = 0; flip < 100; flip++) {
      int share = flip % 2 == 0 ? 5_000 : 2_500;
      Migration now = migrations.switchTraffic(id, share);
      sharesByEpoch.put(now.epoch(), share);
      long before = answers.get();
      while (answers.get() < before + 4) {
        Thread.onSpinWait();
      }
    }
    stopping.set(true);
    for (Thread reader : readers) {
      reader.join();
    }
    assertThat(mixed).isEmpty();
    assertThat(seen).hasSizeGreaterThan(400);
    for (Answer answer : seen) {
      int share = Objects.requireNonNull(sharesByEpoch.get(answer.epoch()));
      int expected = RoutingPolicy.bucket(id, answer.key()) < share ? 2 : 1;
      assertThat(answer.version()).as("%s", answer).isEqualTo(expected);
    }
  }

  @Test
  void mirroredReadsChangeNoAnswer() {
    Migration migration = started(10);
    String id = migration.id();
    backfill(id);
    verify(id);
    SearchRequest request =
        SearchRequest.builder(Vector.of(1, 0).inSpace(oldSpace()))
            .k(10)
            .routing(
                new SearchRequest.Routing(
                    "user",
                    0,
                    List.of(Vector.of(0, 1).inSpace(migration.to().spaceId())),
                    OptionalDouble.empty(),
                    0))
            .build();
    SearchResult before = client.search(DOCS, request);
    assertThat(migrations.mirror(id, 100).mirrorPercent()).isEqualTo(100);
    for (int i = 0; i < 20; i++) {
      assertThat(client.search(DOCS, request).hits()).isEqualTo(before.hits());
    }
    awaitMigration(
        id,
        m -> m.mirror().filter(mirror -> mirror.compared() + mirror.dropped() >= 20).isPresent());
    assertThat(migrations.get(id).mirror().orElseThrow().failed()).isZero();
    assertThat(migrations.mirror(id, 0).mirrorPercent()).isZero();
  }

  @Test
  void aScheduleMovesTheTrafficAndCanBePostponed() {
    Migration migration = started(3);
    String id = migration.id();
    backfill(id);
    verify(id);
    Schedule schedule =
        new Schedule(
            List.of(
                new Schedule.Step(100, Duration.ofHours(1)),
                new Schedule.Step(10_000, Duration.ofDays(7))),
            Schedule.Gates.DEFAULT);
    Migration shifting = migrations.switchTraffic(id, schedule, Migrations.SwitchOptions.DEFAULT);
    awaitMigration(
        id,
        m -> m.basisPoints() == 100 && m.schedule().filter(s -> !s.heldBy().isEmpty()).isPresent());
    assertThat(shifting.schedule()).isPresent();
    assertThat(migrations.postpone(id).postponed()).isTrue();
    assertThat(migrations.unpostpone(id).postponed()).isFalse();
    Migration.ScheduleStatus status = migrations.get(id).schedule().orElseThrow();
    assertThat(status.state()).isEqualTo("RUNNING");
    assertThat(status.schedule().steps()).isEqualTo(schedule.steps());
    migrations.reverse(id, "by hand");
    awaitMigration(id, m -> m.schedule().filter(s -> s.state().equals("STOPPED")).isPresent());
  }

  /// A threshold that was made for the old model lets nothing of the new one through.
  @Test
  void aGateAtThirtyPerCentTakesAllReadsBackAndSaysWhy() {
    Migration migration = started(5);
    String id = migration.id();
    backfill(id);
    verify(id);
    // Of the gates only that of empty answers can trip, however slow the machine is.
    Schedule.Gates gates =
        new Schedule.Gates(Duration.ofSeconds(1), 20, 1, 1000, 0.02, Duration.ofHours(1), 1, "");
    migrations.switchTraffic(
        id,
        new Schedule(List.of(new Schedule.Step(3_000, Duration.ofDays(1))), gates),
        Migrations.SwitchOptions.DEFAULT);
    assertThat(migrations.get(id).basisPoints()).isEqualTo(3_000);

    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    int emptyAnswers = 0;
    int user = 0;
    while (migrations.get(id).state() == MigrationState.SHIFTING) {
      assertThat(System.nanoTime()).as("%s", migrations.get(id).schedule()).isLessThan(deadline);
      for (int i = 0; i < 20; i++) {
        SearchResult result = thresholdSearch(migration, "user-" + user++);
        emptyAnswers += result.hits().isEmpty() ? 1 : 0;
        assertThat(result.hits()).hasSize(result.servedVersion() == 1 ? 5 : 0);
      }
    }

    awaitMigration(id, m -> m.schedule().filter(s -> s.state().equals("TRIPPED")).isPresent());
    Migration after = migrations.get(id);
    assertThat(emptyAnswers).isGreaterThanOrEqualTo(40);
    assertThat(after.state()).isEqualTo(MigrationState.ROLLED_BACK);
    assertThat(after.basisPoints()).isZero();
    assertThat(after.schedule().orElseThrow().ended()).startsWith("empty answers: ");
    Migration.Event last = after.history().getLast();
    assertThat(last.state()).isEqualTo(MigrationState.ROLLED_BACK);
    assertThat(last.basisPoints()).isZero();
    assertThat(last.actor()).isEqualTo("server");
    assertThat(last.reason()).startsWith("gate: empty answers: ");
    for (int i = 0; i < user; i++) {
      assertThat(thresholdSearch(migration, "user-" + i).servedVersion()).isEqualTo(1);
    }
  }

  private SearchResult thresholdSearch(Migration migration, String key) {
    return client.search(
        DOCS,
        SearchRequest.builder(Vector.of(1, 0).inSpace(migration.from().spaceId()))
            .k(10)
            .scoreThreshold(0.9)
            .routing(
                new SearchRequest.Routing(
                    key,
                    0,
                    List.of(Vector.of(1, 0).inSpace(migration.to().spaceId())),
                    OptionalDouble.empty(),
                    0))
            .build());
  }

  @Test
  void completeGivesTheBytesOfTheOldVersionBack() {
    int rows = 20_000;
    int dimension = 64;
    EmbeddingSpec wide =
        EmbeddingSpec.builder(dimension, Metric.COSINE)
            .model("test", "wide", "1")
            .index(new IndexSpec.Flat())
            .sourceFields(List.of("text"))
            .build();
    client.createCollection(CollectionSpec.of(DOCS, wide));
    Random random = new Random(7);
    try (BulkWriter writer = client.bulkWriter(DOCS, BulkOptions.DEFAULT)) {
      for (int row = 0; row < rows; row++) {
        float[] values = new float[dimension];
        for (int i = 0; i < dimension; i++) {
          values[i] = random.nextFloat() - 0.5f;
        }
        writer.add(
            Point.of(
                PointId.of(row), Map.of("text", new Value.StringValue("t")), Vector.of(values)));
      }
      writer.flush();
    }
    EmbeddingSpec narrow =
        EmbeddingSpec.builder(2, Metric.COSINE)
            .model("test", "new", "2")
            .index(new IndexSpec.Flat())
            .sourceFields(List.of("text"))
            .build();
    Migration migration = migrations.create(MigrationSpec.builder(DOCS, narrow).build());
    String id = migration.id();
    awaitMigration(id, m -> m.state() == MigrationState.BACKFILLING);
    assertThat(backfill(id).stored()).isEqualTo(rows);
    verify(id);
    migrations.switchTraffic(id, 10_000);
    client.flush();
    long both = client.storageStats().diskBytes();
    migrations.complete(id, DOCS, false, true);
    awaitMigration(id, m -> m.state() == MigrationState.COMPLETED);

    // Of the old version its vectors alone, without keys; of the rest a point, its id and its new
    // vector, which take 85 bytes.
    long old = (long) rows * dimension * Float.BYTES;
    long rest = rows * 86L;
    assertThat(both).isGreaterThan(old + rest);
    client.flush();
    long deadline = System.nanoTime() + RECLAIM_MAX.toNanos();
    long after = client.storageStats().diskBytes();
    while (after > rest + 0.05 * old) {
      assertThat(System.nanoTime())
          .as("%d bytes with both versions, %d now, %d of the old one", both, after, old)
          .isLessThan(deadline);
      pause();
      after = client.storageStats().diskBytes();
    }
    assertThat(client.count(DOCS)).isEqualTo(rows);
  }

  @Test
  void aMigrationGoesOnAfterARestartWhereItWas() throws Exception {
    Migration migration = started(8);
    String id = migration.id();
    Leases leases = migrations.lease(id, BackfillSide.FORWARD, "w", 3, Duration.ofMinutes(1));
    Vector byNew = Vector.of(0, 1).inSpace(migration.to().spaceId());
    migrations.commit(id, BackfillSide.FORWARD, "w", leases.points(), List.of(byNew, byNew, byNew));
    stop();
    start();
    Migration after = migrations.get(id);
    assertThat(after.progress().done()).isEqualTo(3);
    assertThat(after.progress().backlog()).isEqualTo(5);
    assertThat(after.history()).isNotEmpty();
    assertThat(backfill(id).stored()).isEqualTo(5);
    verify(id);
    assertThat(migrations.cancel(id, "enough").state())
        .isIn(MigrationState.CANCELLING, MigrationState.CANCELLED);
    awaitMigration(id, m -> m.state() == MigrationState.CANCELLED);
    assertThat(search(Vector.of(1, 0), 0).hits()).hasSize(8);
    assertThat(code(() -> client.upsert(DOCS, List.of(Point.of(PointId.of("x"), byNew)))))
        .isEqualTo(ErrorCode.OLD_SPACE);
  }

  @Test
  void watchesTellOfEveryStepAndEndWithTheMigration() throws Exception {
    Migration migration = started(3);
    String id = migration.id();
    List<MigrationState> states = java.util.Collections.synchronizedList(new ArrayList<>());
    List<Long> epochs = java.util.Collections.synchronizedList(new ArrayList<>());
    Thread watcher =
        Thread.ofPlatform()
            .start(() ->
                migrations.watch(
                    id,
                    Duration.ofMillis(100),
                    m -> {
                      states.add(m.state());
                      return true;
                    }));
    Thread policyWatcher =
        Thread.ofPlatform()
            .start(() ->
                migrations.watchRoutingPolicy(
                    DOCS,
                    "default",
                    policy -> {
                      epochs.add(policy.epoch());
                      return policy.basisPoints() != 10_000;
                    }));
    backfill(id);
    verify(id);
    migrations.switchTraffic(id, 10_000);
    policyWatcher.join();
    migrations.complete(id, DOCS, false, true);
    watcher.join();
    assertThat(states).endsWith(MigrationState.COMPLETED);
    assertThat(epochs).isSorted().hasSizeGreaterThan(1);
  }

  private Migration started(int points) {
    client.createCollection(CollectionSpec.of(DOCS, OLD));
    List<Point> list = new ArrayList<>();
    for (int i = 0; i < points; i++) {
      list.add(old("p" + i, "text " + i));
    }
    client.upsert(DOCS, list);
    Migration migration = migrations.create(MigrationSpec.builder(DOCS, NEW).build());
    awaitMigration(migration.id(), m -> m.state() == MigrationState.BACKFILLING);
    return migrations.get(migration.id());
  }

  private Point old(String id, String text) {
    return Point.of(
        PointId.of(id),
        Map.of("text", new Value.StringValue(text)),
        Vector.of(1, 0).inSpace(oldSpace()));
  }

  private String oldSpace() {
    return client.collection(DOCS).fields().getFirst().versions().getFirst().spec().spaceId();
  }

  private BackfillStats backfill(String id) {
    return BackfillWorker.builder(client, id, text -> new float[] {0, 1}).build().run();
  }

  private void verify(String id) {
    awaitMigration(id, m -> m.state() == MigrationState.VERIFYING);
    VDiff vdiff = migrations.startVDiff(id);
    long until = System.nanoTime() + WAIT_MAX.toNanos();
    while (vdiff.state() == VDiff.State.RUNNING && System.nanoTime() < until) {
      pause();
      vdiff = migrations.vdiff(id);
    }
    assertThat(vdiff.clean()).as("%s", vdiff).isTrue();
    awaitMigration(id, m -> m.state() == MigrationState.READY);
  }

  private void shift(MigrationTraffic traffic, String id, int basisPoints) {
    migrations.switchTraffic(id, basisPoints);
    awaitReads(traffic, 100);
  }

  private static void awaitReads(MigrationTraffic traffic, int more) {
    long until = traffic.reads() + more;
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    while (traffic.reads() < until) {
      assertThat(System.nanoTime())
          .as("reads stand still: %s", traffic.faults())
          .isLessThan(deadline);
      pause();
    }
  }

  private void awaitMigration(String id, Predicate<Migration> until) {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    for (Migration now = migrations.get(id); !until.test(now); now = migrations.get(id)) {
      assertThat(System.nanoTime()).as("%s", now).isLessThan(deadline);
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private SearchResult search(Vector vector, int version) {
    return client.search(DOCS, SearchRequest.builder(vector).version(version).build());
  }

  private List<CommitResult> commit(Migration migration, List<LeasedPoint> points, Vector vector) {
    return migrations.commit(migration.id(), BackfillSide.FORWARD, "w", points, List.of(vector));
  }

  private static float[] values(Point point) {
    return Objects.requireNonNull(point.vectors().get("default")).values();
  }

  private static ErrorCode code(Runnable call) {
    WhimbrelException e = catchThrowableOfType(WhimbrelException.class, call::run);
    assertThat(e).as("not refused").isNotNull();
    return e.code();
  }

  private Map<PointId, String> load(TwoModels models) {
    Map<PointId, String> texts = new HashMap<>();
    try (BulkWriter writer = client.bulkWriter(DOCS, BulkOptions.DEFAULT)) {
      int rows = models.texts().size() * 9 / 10;
      for (int row = 0; row < rows; row++) {
        String text = models.texts().get(row);
        texts.put(PointId.of(row), text);
        writer.add(
            Point.of(
                PointId.of(row),
                Map.of(TwoModels.TEXT, new Value.StringValue(text)),
                Vector.of(models.byOld(text))));
      }
      writer.flush();
    }
    return texts;
  }

  static Path sample() {
    return Optional.ofNullable(System.getProperty("whimbrel.data"))
        .map(data -> Path.of(data, "wordnet-minilm-bge-384"))
        .filter(path -> path.toFile().isDirectory() && ROWS > 2_000)
        .orElseGet(() ->
            Path.of(System.getProperty("whimbrel.root", ".."), "data", "wordnet-2models-384"));
  }

  private static EmbeddingSpec spec(String model, int dimension) {
    return EmbeddingSpec.builder(dimension, Metric.COSINE)
        .model("test", model, "1")
        .sourceFields(List.of("text"))
        .build();
  }
}
