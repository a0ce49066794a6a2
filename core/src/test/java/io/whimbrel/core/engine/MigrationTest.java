package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.awaitState;
import static io.whimbrel.core.engine.MovingDocs.commit;
import static io.whimbrel.core.engine.MovingDocs.drain;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.lease;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.ready;
import static io.whimbrel.core.engine.MovingDocs.start;
import static io.whimbrel.core.engine.MovingDocs.switched;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static io.whimbrel.core.engine.MovingDocs.vector;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.migration.RoutingBuckets;
import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.CommitResult.Outcome;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationPlan;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.StaleRead;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.VerificationReport;
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
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The verbs of a migration, and what a write and a read do in each of its states.
class MigrationTest {
  @TempDir private Path directory;
  private Database database;
  private Migrations migrations;

  @BeforeEach
  void open() throws IOException {
    database = Database.open(directory);
    migrations = database.migrations();
    MovingDocs.create(database);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private void reopen() throws IOException {
    database.close();
    database = Database.open(directory);
    migrations = database.migrations();
  }

  private static MigrationSpec spec(LegacyWrite legacy, StaleRead stale, boolean allowNewOnly) {
    return new MigrationSpec(
        COLLECTION,
        "default",
        NEW,
        legacy,
        stale,
        allowNewOnly,
        Duration.ZERO,
        BackfillThrottle.NONE);
  }

  private static void refused(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .satisfies(thrown -> {
          Throwable e =
              thrown instanceof CompletionException
                  ? Objects.requireNonNull(thrown.getCause())
                  : thrown;
          assertThat(e)
              .isInstanceOfSatisfying(
                  WhimbrelException.class,
                  refusal -> assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code));
        });
  }

  private Migration.Progress progress(Migration migration) {
    return migrations.get(migration.id()).progress();
  }

  private SearchResult search(Vector query) {
    return database.search(COLLECTION, SearchRequest.of(query, 10));
  }

  private SearchResult search(Vector query, int version) {
    return database.search(
        COLLECTION,
        new SearchRequest(
            "default",
            version,
            query,
            10,
            OptionalDouble.empty(),
            0,
            true,
            ReadOptions.DEFAULT,
            new QueryRouting("", 0, List.of(), OptionalDouble.of(0))));
  }

  private static List<String> ids(SearchResult result) {
    return result.hits().stream().map(hit -> hit.point().id().toString()).sorted().toList();
  }

  @Test
  void goesFromPlanToCompleteAndGivesTheOldVersionUp() throws IOException {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    MigrationSpec spec = MigrationSpec.of(COLLECTION, "default", NEW);
    MigrationPlan plan = migrations.plan(spec);
    assertThat(plan.points()).isEqualTo(2);
    assertThat(plan.pointsToEmbed()).isEqualTo(2);
    assertThat(plan.sourceBytes()).isPositive();
    assertThat(plan.warnings()).anyMatch(warning -> warning.contains("space_id"));

    Migration migration = migrations.create(spec, false, NOTE);
    assertThat(migration.state()).isEqualTo(MigrationState.PLANNED);
    refused(ErrorCode.SPACE_MISMATCH, () -> upsert(database, point("c", "cherry", OLD, NEW)));
    migrations.start(migration.id(), NOTE);
    migration = awaitState(database, migration, MigrationState.PLANNED);
    migration = awaitState(database, migration, MigrationState.DUAL_WRITE);
    assertThat(migration.state()).isEqualTo(MigrationState.BACKFILLING);
    assertThat(migration.progress().backlog()).isEqualTo(2);

    upsert(database, point("c", "cherry", OLD, NEW));
    assertThat(progress(migration).backlog()).isEqualTo(2);
    assertThat(progress(migration).done()).isEqualTo(1);
    assertThat(drain(database, migration))
        .extracting(CommitResult::outcome)
        .containsExactly(Outcome.STORED, Outcome.STORED);
    String id = migration.id();
    refused(ErrorCode.MIGRATION_STATE, () -> migrations.switchTraffic(id, 100, 0, false, NOTE));
    refused(
        ErrorCode.MIGRATION_STATE, () -> migrations.complete(id, COLLECTION, false, false, NOTE));
    migration = ready(database, migration);
    assertThat(migration.state()).isEqualTo(MigrationState.READY);
    assertThat(search(embed(OLD, "apple")).servedVersion()).isEqualTo(1);

    migration = migrations.switchTraffic(id, 3000, 0, false, NOTE);
    assertThat(migration.state()).isEqualTo(MigrationState.SHIFTING);
    migration = migrations.reverseTraffic(id, NOTE);
    assertThat(migration.state()).isEqualTo(MigrationState.ROLLED_BACK);
    assertThat(migration.basisPoints()).isZero();
    migration = migrations.switchTraffic(id, 10_000, migration.epoch(), false, NOTE);
    assertThat(migration.state()).isEqualTo(MigrationState.SWITCHED);
    assertThat(migration.rollbackReady()).isTrue();
    SearchResult found = search(embed(NEW, "berry"));
    assertThat(found.servedVersion()).isEqualTo(2);
    assertThat(found.hits().getFirst().point().id()).isEqualTo(PointId.of("b"));

    refused(ErrorCode.INVALID_ARGUMENT, () -> migrations.complete(id, "other", false, false, NOTE));
    migrations.complete(id, COLLECTION, false, false, NOTE);
    migration = awaitState(database, migrations.get(id), MigrationState.COMPLETING);
    assertThat(migration.state()).isEqualTo(MigrationState.COMPLETED);
    assertThat(database.describe(COLLECTION).fields().getFirst().versions())
        .extracting(version -> version.number())
        .containsExactly(2);
    refused(ErrorCode.OLD_SPACE, () -> upsert(database, point("d", "date", OLD)));
    refused(ErrorCode.OLD_SPACE, () -> search(embed(OLD, "apple")));
    upsert(database, point("a", "avocado", NEW));
    MovingDocs.delete(database, "b");

    reopen();
    assertThat(ids(search(embed(NEW, "cherry")))).containsExactly("a", "c");
    assertThat(migrations.get(id).state()).isEqualTo(MigrationState.COMPLETED);
    assertThat(migrations.history(id))
        .extracting(MigrationEvent::state)
        .containsSubsequence(
            MigrationState.PLANNED,
            MigrationState.DUAL_WRITE,
            MigrationState.BACKFILLING,
            MigrationState.INDEXING,
            MigrationState.VERIFYING,
            MigrationState.READY,
            MigrationState.SHIFTING,
            MigrationState.ROLLED_BACK,
            MigrationState.SWITCHED,
            MigrationState.COMPLETING,
            MigrationState.COMPLETED);
    // The next one gets a number that was never used.
    Migration next = start(database, MigrationSpec.of(COLLECTION, "default", OLD));
    assertThat(next.toVersion()).isEqualTo(3);
  }

  @Test
  void cancelGivesTheNewVersionUp() throws IOException {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    drain(database, migration);
    migrations.cancel(migration.id(), false, NOTE);
    Migration ended =
        awaitState(database, migrations.get(migration.id()), MigrationState.CANCELLING);
    assertThat(ended.state()).isEqualTo(MigrationState.CANCELLED);
    refused(ErrorCode.OLD_SPACE, () -> upsert(database, point("a", "apple", OLD, NEW)));
    upsert(database, point("a", "apple", OLD));
    reopen();
    assertThat(ids(search(embed(OLD, "apple")))).containsExactly("a");
    assertThat(start(database).toVersion()).isEqualTo(3);
  }

  @Test
  void oldOnlyWritesWaitForTheirNewVector() {
    Migration migration = start(database);
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD, NEW));
    assertThat(progress(migration).backlog()).isEqualTo(1);
    assertThat(migrations.get(migration.id()).legacyWrites()).isEqualTo(1);
    drain(database, migration);
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "apple"));
    // The same content again: the new vector is still right.
    upsert(database, point("a", "apple", OLD));
    assertThat(progress(migration).backlog()).isZero();
    // Other content: what the new version has is left out at once.
    upsert(database, point("a", "avocado", OLD));
    assertThat(progress(migration).backlog()).isEqualTo(1);
    assertThat(vector(database, "a", 2)).isEmpty();
    assertThat(ids(search(embed(NEW, "x"), 2))).containsExactly("b");
  }

  @Test
  void staleVectorsAreServedWhenThatIsWanted() {
    Migration migration = start(database, spec(LegacyWrite.ENQUEUE, StaleRead.SERVE, false));
    upsert(database, point("a", "apple", OLD, NEW));
    upsert(database, point("a", "avocado", OLD));
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "apple"));
    assertThat(progress(migration).backlog()).isEqualTo(1);
    // Back to the first content: the stale vector is right again.
    upsert(database, point("a", "apple", OLD));
    assertThat(progress(migration).backlog()).isZero();
    MovingDocs.setText(database, "a", "apricot");
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "apple"));
    assertThat(progress(migration).backlog()).isEqualTo(1);
    drain(database, migration);
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "apricot"));
  }

  @Test
  void rejectsOldOnlyWritesWhenThatIsWanted() {
    start(database, spec(LegacyWrite.REJECT, StaleRead.EXCLUDE, false));
    refused(ErrorCode.OLD_ONLY_WRITE, () -> upsert(database, point("a", "apple", OLD)));
    upsert(database, point("a", "apple", OLD, NEW));
  }

  @Test
  void newOnlyWritesAreRefusedBeforeTheSwitchAndFeedTheReverseBacklogAfterIt() {
    Migration migration = start(database);
    refused(ErrorCode.NEW_ONLY_WRITE, () -> upsert(database, point("a", "apple", NEW)));
    upsert(database, point("a", "apple", OLD, NEW));
    Migration now = switched(database, migration);
    upsert(database, point("a", "avocado", NEW), point("b", "berry", NEW));
    now = migrations.get(now.id());
    assertThat(now.reverseBacklog()).isEqualTo(2);
    assertThat(now.rollbackReady()).isFalse();
    String id = now.id();
    refused(ErrorCode.UNSAFE, () -> migrations.complete(id, COLLECTION, false, false, NOTE));
    BackfillLeases leases = migrations.lease(id, BackfillSide.REVERSE, 10, Duration.ofMinutes(1));
    migrations
        .commit(
            id,
            BackfillSide.REVERSE,
            leases.leases().stream().map(lease -> commit(lease, OLD)).toList())
        .join();
    assertThat(migrations.get(id).rollbackReady()).isTrue();
    migrations.reverseTraffic(id, NOTE);
    assertThat(search(embed(OLD, "berry")).hits().getFirst().point().id())
        .isEqualTo(PointId.of("b"));
    assertThat(vector(database, "a", 1)).contains(embed(OLD, "avocado"));
  }

  @Test
  void allowsNewOnlyWritesWhenThatIsWanted() {
    Migration migration = start(database, spec(LegacyWrite.ENQUEUE, StaleRead.EXCLUDE, true));
    upsert(database, point("a", "apple", NEW));
    assertThat(migrations.get(migration.id()).reverseBacklog()).isEqualTo(1);
    assertThat(progress(migration).backlog()).isZero();
    upsert(database, point("a", "apple", OLD));
    assertThat(migrations.get(migration.id()).reverseBacklog()).isZero();
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "apple"));
  }

  @Test
  void payloadUpdatesCostNothingUnlessTheyTouchTheSource() {
    Migration migration = start(database);
    upsert(database, point("a", "apple", OLD, NEW));
    MovingDocs.merge(database, "a", Map.of("price", new Value.IntValue(7)));
    assertThat(progress(migration).backlog()).isZero();
    MovingDocs.setText(database, "a", "avocado");
    assertThat(progress(migration).backlog()).isEqualTo(1);
    assertThat(vector(database, "a", 2)).isEmpty();
    assertThat(vector(database, "a", 1)).isPresent();
    Migration now = switched(database, migration);
    assertThat(now.reverseBacklog()).isZero();
    MovingDocs.setText(database, "a", "apricot");
    assertThat(migrations.get(now.id()).reverseBacklog()).isEqualTo(1);
    assertThat(progress(now).backlog()).isEqualTo(1);
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "avocado"));
    upsert(database, point("a", "apricot", OLD, NEW));
    assertThat(migrations.get(now.id()).reverseBacklog()).isZero();
    assertThat(progress(now).backlog()).isZero();
  }

  @Test
  void commitsOnlyWhatIsStillTrue() {
    upsert(
        database,
        point("same", "apple", OLD),
        point("changed", "berry", OLD),
        point("deleted", "cherry", OLD),
        point("again", "date", OLD),
        point("native", "elder", OLD));
    Migration migration = start(database);
    List<BackfillCommit> commits =
        lease(database, migration, 10).leases().stream().map(lease -> commit(lease, NEW)).toList();
    assertThat(commits).hasSize(5);
    assertThat(lease(database, migration, 10).leases()).isEmpty();
    upsert(database, point("changed", "blueberry", OLD));
    MovingDocs.delete(database, "deleted", "again");
    upsert(database, point("again", "date", OLD));
    upsert(database, point("native", "elder", OLD, NEW));
    List<CommitResult> results =
        migrations.commit(migration.id(), BackfillSide.FORWARD, commits).join();
    assertThat(results)
        .extracting(result -> result.id() + " " + result.outcome())
        .containsExactlyInAnyOrder(
            "same STORED", "changed STALE", "deleted GONE", "again STORED", "native STORED");
    assertThat(migrations.commit(migration.id(), BackfillSide.FORWARD, commits).join())
        .isEqualTo(results);
    assertThat(progress(migration).backlog()).isEqualTo(1);
    assertThat(vector(database, "changed", 2)).isEmpty();
    assertThat(vector(database, "deleted", 2)).isEmpty();
    assertThat(ids(search(embed(NEW, "cherry"), 2))).containsExactly("again", "native", "same");
    drain(database, migration);
    assertThat(vector(database, "changed", 2)).contains(embed(NEW, "blueberry"));
  }

  @Test
  void aStaleCommitEndsItsLease() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    List<BackfillCommit> commits =
        lease(database, migration, 1).leases().stream().map(lease -> commit(lease, NEW)).toList();
    upsert(database, point("a", "avocado", OLD));
    // Nothing else is in the request, so that it writes no row.
    assertThat(migrations.commit(migration.id(), BackfillSide.FORWARD, commits).join())
        .extracting(CommitResult::outcome)
        .containsExactly(Outcome.STALE);
    assertThat(progress(migration).leased()).isZero();
    assertThat(drain(database, migration))
        .extracting(CommitResult::outcome)
        .containsExactly(Outcome.STORED);
    assertThat(vector(database, "a", 2)).contains(embed(NEW, "avocado"));
  }

  @Test
  void refusesVectorsOfAnotherModelInACommit() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    BackfillCommit good = commit(lease(database, migration, 1).leases().getFirst(), NEW);
    BackfillCommit wrongSpace =
        new BackfillCommit(good.id(), good.seq(), good.contentHash(), embed(OLD, "apple"));
    BackfillCommit wrongDimension =
        new BackfillCommit(good.id(), good.seq(), good.contentHash(), Vector.of(1, 2));
    refused(
        ErrorCode.SPACE_MISMATCH,
        () ->
            migrations
                .commit(migration.id(), BackfillSide.FORWARD, List.of(good, wrongSpace))
                .join());
    refused(
        ErrorCode.DIMENSION_MISMATCH,
        () ->
            migrations
                .commit(migration.id(), BackfillSide.FORWARD, List.of(wrongDimension))
                .join());
    assertThat(progress(migration).backlog()).isEqualTo(1);
    assertThat(vector(database, "a", 2)).isEmpty();
  }

  @Test
  void poisonBecomesADeadLetterThatBlocksCompleteUntilItIsWaived() {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD), point("c", "c", OLD));
    Migration migration = start(database);
    String id = migration.id();
    BackfillLeases leases = lease(database, migration, 3);
    BackfillCommit first = commit(leases.leases().get(0), NEW);
    float[] zero = new float[MovingDocs.DIMENSION];
    CommitResult dead =
        migrations
            .commit(
                id,
                BackfillSide.FORWARD,
                List.of(
                    new BackfillCommit(
                        first.id(),
                        first.seq(),
                        first.contentHash(),
                        new Vector(zero, 1, NEW.spaceId()))))
            .join()
            .getFirst();
    assertThat(dead.outcome()).isEqualTo(Outcome.DEAD_LETTER);
    assertThat(dead.reason()).contains("zero");
    PointId second = leases.leases().get(1).id();
    for (int attempt = 1; attempt <= 5; attempt++) {
      CommitResult failed =
          migrations
              .release(
                  id,
                  BackfillSide.FORWARD,
                  List.of(new BackfillFailure(second, "too long", false, Duration.ZERO)))
              .join()
              .getFirst();
      assertThat(failed.outcome()).isEqualTo(attempt < 5 ? Outcome.REQUEUED : Outcome.DEAD_LETTER);
    }
    PointId third = leases.leases().get(2).id();
    assertThat(
            migrations
                .release(
                    id,
                    BackfillSide.FORWARD,
                    List.of(new BackfillFailure(third, "", false, Duration.ZERO)))
                .join()
                .getFirst()
                .outcome())
        .isEqualTo(Outcome.REQUEUED);
    assertThat(lease(database, migration, 10).leases()).hasSize(1);
    assertThat(progress(migration).deadLetters()).isEqualTo(2);
    assertThat(migrations.deadLetters(id, new byte[0], 1).deadLetters()).hasSize(1);
    byte[] next = migrations.deadLetters(id, new byte[0], 1).nextCursor();
    assertThat(migrations.deadLetters(id, next, 1).deadLetters().getFirst().reason())
        .isEqualTo("too long");

    migrations.retryDeadLetters(id, NOTE);
    assertThat(progress(migration).deadLetters()).isZero();
    assertThat(progress(migration).backlog()).isEqualTo(3);
    migrations
        .release(
            id,
            BackfillSide.FORWARD,
            List.of(
                new BackfillFailure(first.id(), "no text", true, Duration.ZERO),
                new BackfillFailure(third, "", false, Duration.ZERO)))
        .join();
    drain(database, migration);
    assertThat(progress(migration).deadLetters()).isEqualTo(1);
    Migration verifying = awaitState(database, migrations.get(id), MigrationState.BACKFILLING);
    awaitState(database, verifying, MigrationState.INDEXING);
    refused(
        ErrorCode.MIGRATION_STATE,
        () -> migrations.verified(id, new VerificationReport(2, 0, ""), NOTE));
    migrations.waiveDeadLetters(id, NOTE);
    migrations.verified(id, new VerificationReport(2, 0, ""), NOTE);
    migrations.switchTraffic(id, 10_000, 0, false, NOTE);
    migrations.complete(id, COLLECTION, false, false, NOTE);
  }

  @Test
  void newContentGetsANewChance() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    PointId a = lease(database, migration, 1).leases().getFirst().id();
    migrations
        .release(
            migration.id(),
            BackfillSide.FORWARD,
            List.of(new BackfillFailure(a, "bad", true, Duration.ZERO)))
        .join();
    assertThat(progress(migration).backlog()).isZero();
    upsert(database, point("a", "apple", OLD));
    assertThat(progress(migration).deadLetters()).isEqualTo(1);
    upsert(database, point("a", "avocado", OLD));
    assertThat(progress(migration).deadLetters()).isZero();
    assertThat(progress(migration).backlog()).isEqualTo(1);
  }

  @Test
  void aVectorWithoutASpaceIsTheOldVersionsUntilTheSwitchAndRefusedAfterIt() {
    Vector bare = Vector.of(embed(OLD, "apple").values());
    PointWrite write = PointWrite.of(PointId.of("a"), MovingDocs.payload("apple"), bare);
    Migration migration = start(database);
    upsert(database, write);
    assertThat(vector(database, "a", 1)).contains(embed(OLD, "apple"));
    assertThat(vector(database, "a", 2)).isEmpty();
    assertThat(search(bare).servedVersion()).isEqualTo(1);
    switched(database, migration);
    refused(ErrorCode.SPACE_REQUIRED, () -> upsert(database, write));
    refused(ErrorCode.SPACE_REQUIRED, () -> search(bare));
  }

  @Test
  void aVectorOfAnotherDimensionTellsItsVersion() {
    EmbeddingSpec wide = MovingDocs.spec("wide", 12, new IndexSpec.Flat());
    Migration migration = start(database, MigrationSpec.of(COLLECTION, "default", wide));
    Vector narrowVector = Vector.of(embed(OLD, "apple").values());
    Vector wideVector = Vector.of(embed(wide, "apple").values());
    upsert(
        database,
        PointWrite.of(
            PointId.of("a"), MovingDocs.payload("apple"), List.of(wideVector, narrowVector)));
    assertThat(vector(database, "a", 2)).contains(embed(wide, "apple"));
    Vector odd = Vector.of(1, 2, 3);
    refused(
        ErrorCode.DIMENSION_MISMATCH,
        () -> upsert(database, PointWrite.of(PointId.of("a"), Map.of(), odd)));
    refused(ErrorCode.ROUTING_STALE, () -> search(wideVector));
    switched(database, migration);
    assertThat(search(wideVector).servedVersion()).isEqualTo(2);
    refused(ErrorCode.ROUTING_STALE, () -> search(narrowVector));
  }

  @Test
  void routesByBucketAndTellsThePolicyWhenTheVectorIsOfTheOtherVersion() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    ready(database, migration);
    refused(
        ErrorCode.EPOCH_MISMATCH,
        () -> migrations.switchTraffic(migration.id(), 5000, 999, false, NOTE));
    long epoch = migrations.policy(COLLECTION, "default").epoch();
    assertThat(migrations.switchTraffic(migration.id(), 5000, epoch, true, NOTE).basisPoints())
        .isZero();
    migrations.switchTraffic(migration.id(), 5000, epoch, false, NOTE);
    RoutingPolicy policy = migrations.policy(COLLECTION, "default");
    assertThat(policy.basisPoints()).isEqualTo(5000);
    assertThat(policy.epoch()).isGreaterThan(epoch);
    int[] served = new int[3];
    for (int i = 0; i < 200; i++) {
      String key = "user-" + i;
      int version = policy.versionOf(RoutingBuckets.of(policy.migrationId(), key));
      EmbeddingSpec right = version == 1 ? OLD : NEW;
      EmbeddingSpec wrong = version == 1 ? NEW : OLD;
      SearchRequest request = SearchRequest.of(embed(right, "apple"), 1);
      QueryRouting routing =
          new QueryRouting(key, policy.epoch(), List.of(), OptionalDouble.empty());
      SearchResult result = database.search(COLLECTION, request.withRouting(routing));
      assertThat(result.servedVersion()).isEqualTo(version);
      assertThat(result.epoch()).isEqualTo(policy.epoch());
      served[version]++;
      SearchRequest stale = SearchRequest.of(embed(wrong, "apple"), 1).withRouting(routing);
      assertThatThrownBy(() -> database.search(COLLECTION, stale))
          .isInstanceOfSatisfying(
              WhimbrelException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.ROUTING_STALE);
                assertThat(e.policy()).contains(policy);
              });
      QueryRouting both =
          new QueryRouting(key, 0, List.of(embed(wrong, "apple")), OptionalDouble.empty());
      assertThat(database.search(COLLECTION, request.withRouting(both)).servedVersion())
          .isEqualTo(version);
    }
    assertThat(served[1]).isBetween(60, 140);
    // Clients that know the old model only are served by it, and counted.
    assertThat(search(embed(OLD, "apple")).servedVersion()).isEqualTo(1);
    assertThat(migrations.get(migration.id()).legacyReads()).isEqualTo(1);
    EmbeddingSpec stranger = MovingDocs.spec("stranger", 8, new IndexSpec.Flat());
    refused(ErrorCode.SPACE_MISMATCH, () -> search(embed(stranger, "apple")));
  }

  @Test
  void aHalfFilledVersionIsAskedOnlyByThoseWhoSaySo() {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration = start(database);
    refused(
        ErrorCode.COVERAGE_TOO_LOW,
        () ->
            database.search(
                COLLECTION,
                new SearchRequest(
                    "default",
                    2,
                    embed(NEW, "apple"),
                    1,
                    OptionalDouble.empty(),
                    0,
                    false,
                    ReadOptions.DEFAULT)));
    BackfillLeases leases = lease(database, migration, 1);
    migrations
        .commit(
            migration.id(), BackfillSide.FORWARD, List.of(commit(leases.leases().getFirst(), NEW)))
        .join();
    SearchResult half = search(embed(NEW, "apple"), 2);
    assertThat(half.coverage()).isEqualTo(0.5);
    assertThat(half.hits()).hasSize(1);
  }

  @Test
  void aPageChainReadsOneVersionUntilItIsGone() {
    for (String text : List.of("a", "b", "c", "d")) {
      upsert(database, point(text, text, OLD));
    }
    Migration migration = start(database);
    ready(database, migration);
    ReadOptions vectors = new ReadOptions(Selector.NONE, Selector.ALL, 0);
    Page first = database.scroll(COLLECTION, new byte[0], 1, vectors);
    migrations.switchTraffic(migration.id(), 10_000, 0, false, NOTE);
    Page second = database.scroll(COLLECTION, first.nextCursor(), 1, vectors);
    assertThat(second.points().getFirst().vectors()).containsEntry("default", embed(OLD, "b"));
    Page anew = database.scroll(COLLECTION, new byte[0], 1, vectors);
    assertThat(anew.points().getFirst().vectors()).containsEntry("default", embed(NEW, "a"));
    migrations.complete(migration.id(), COLLECTION, false, true, NOTE);
    refused(
        ErrorCode.CURSOR_EXPIRED,
        () -> database.scroll(COLLECTION, second.nextCursor(), 1, vectors));
  }

  @Test
  void refusesWhatCannotBeAMigration() {
    // Without a point to fill in it would go on to VERIFYING by itself.
    upsert(database, point("a", "apple", OLD));
    MigrationSpec spec = MigrationSpec.of(COLLECTION, "default", NEW);
    refused(
        ErrorCode.UNKNOWN_FIELD,
        () -> migrations.create(MigrationSpec.of(COLLECTION, "other", NEW), true, NOTE));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        () -> migrations.create(MigrationSpec.of(COLLECTION, "default", OLD), true, NOTE));
    refused(
        ErrorCode.UNIMPLEMENTED,
        () -> migrations.create(spec(LegacyWrite.EMBED, StaleRead.EXCLUDE, false), true, NOTE));
    refused(ErrorCode.MIGRATION_NOT_FOUND, () -> migrations.get("m-77"));
    refused(ErrorCode.MIGRATION_NOT_FOUND, () -> migrations.get("docs"));
    Migration migration = start(database);
    refused(ErrorCode.MIGRATION_EXISTS, () -> migrations.create(spec, true, NOTE));
    assertThat(migrations.list(COLLECTION)).hasSize(1);
    refused(ErrorCode.MIGRATION_STATE, () -> migrations.reverseTraffic(migration.id(), NOTE));
    refused(
        ErrorCode.MIGRATION_STATE,
        () -> migrations.verified(migration.id(), new VerificationReport(0, 0, ""), NOTE));
    switched(database, migrations.get(migration.id()));
    refused(ErrorCode.MIGRATION_STATE, () -> migrations.cancel(migration.id(), false, NOTE));
  }

  @Test
  void completeIsRefusedWhileTheOldVersionIsReadOrTheSoakTimeRuns() {
    MigrationSpec spec =
        new MigrationSpec(
            COLLECTION,
            "default",
            NEW,
            LegacyWrite.ENQUEUE,
            StaleRead.EXCLUDE,
            false,
            Duration.ofDays(7),
            BackfillThrottle.NONE);
    Migration migration = switched(database, start(database, spec));
    search(embed(OLD, "apple"), 1);
    assertThatThrownBy(() -> migrations.complete(migration.id(), COLLECTION, false, false, NOTE))
        .hasMessageContaining("soak")
        .hasMessageContaining("read within");
    migrations.complete(migration.id(), COLLECTION, false, true, NOTE);
  }

  @Test
  void aKeptVersionStaysReadableWithoutFurtherWrites() throws IOException {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration = switched(database, start(database));
    migrations.complete(migration.id(), COLLECTION, true, false, NOTE);
    awaitState(database, migrations.get(migration.id()), MigrationState.COMPLETING);
    upsert(database, point("a", "avocado", NEW));
    reopen();
    assertThat(ids(search(embed(OLD, "x"), 1))).containsExactly("b");
    assertThat(ids(search(embed(NEW, "x")))).containsExactly("a", "b");
  }

  @Test
  void pausesThrottlesAndResumes() {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration = start(database);
    String id = migration.id();
    assertThat(migrations.pause(id, NOTE).paused()).isTrue();
    BackfillLeases paused = lease(database, migration, 1);
    assertThat(paused.leases()).isEmpty();
    assertThat(paused.waitReason()).contains("because");
    assertThat(migrations.resume(id, NOTE).paused()).isFalse();
    AtomicReference<Duration> p99 = new AtomicReference<>(Duration.ofMillis(20));
    migrations.searchP99(p99::get);
    migrations.setThrottle(
        id, new BackfillThrottle(0, 0, 0, Duration.ofMillis(10), Duration.ofMillis(100)), NOTE);
    assertThat(lease(database, migration, 1).waitReason()).contains("search p99");
    p99.set(Duration.ofMillis(200));
    assertThat(lease(database, migration, 1).waitReason()).contains("paused");
    p99.set(Duration.ZERO);
    assertThat(lease(database, migration, 1).leases()).isEmpty();
    migrations.resume(id, NOTE);
    assertThat(lease(database, migration, 1).leases()).hasSize(1);
    migrations.setThrottle(
        id, new BackfillThrottle(1e-6, 0, 0, Duration.ZERO, Duration.ZERO), NOTE);
    // Overdraws by the point that is left; the debt is paid off after 1e6 seconds, not in this
    // test.
    lease(database, migration, 1);
    assertThat(lease(database, migration, 1).waitReason()).contains("points_per_second");
  }

  @Test
  void slowSearchesOfItsOwnHoldABackfill() {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration = start(database);
    migrations.setThrottle(
        migration.id(), new BackfillThrottle(0, 0, 0, Duration.ofNanos(1), Duration.ZERO), NOTE);
    assertThat(lease(database, migration, 1).leases()).hasSize(1);
    for (int i = 0; i < 50; i++) {
      search(embed(OLD, "apple"));
    }
    assertThat(lease(database, migration, 1).waitReason()).contains("search p99");
  }

  @Test
  void failureTakesAllReadsBackAndCanBeResumed() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    ready(database, migration);
    migrations.switchTraffic(migration.id(), 9000, 0, false, NOTE);
    Migration failed = migrations.fail(migration.id(), NOTE);
    assertThat(failed.state()).isEqualTo(MigrationState.FAILED);
    assertThat(failed.failure()).isEqualTo("because");
    assertThat(failed.basisPoints()).isZero();
    upsert(database, point("a", "apple", OLD, NEW));
    Migration resumed = migrations.resume(migration.id(), NOTE);
    assertThat(awaitState(database, resumed, MigrationState.BACKFILLING).state())
        .isIn(MigrationState.INDEXING, MigrationState.VERIFYING);
  }

  @Test
  void aDerivedVersionFillsItselfAndNeedsNoOtherClient() throws IOException {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    EmbeddingSpec prefix =
        new EmbeddingSpec(
            OLD.model(),
            4,
            OLD.metric(),
            OLD.cardinality(),
            OLD.storage(),
            new IndexSpec.Hnsw(8, 50),
            OLD.sourceFields(),
            io.whimbrel.core.model.Origin.DERIVED,
            true,
            "",
            "");
    MigrationPlan plan = migrations.plan(MigrationSpec.of(COLLECTION, "default", prefix));
    assertThat(plan.pointsToEmbed()).isZero();
    Migration migration =
        migrations.create(MigrationSpec.of(COLLECTION, "default", prefix), true, NOTE);
    String id = migration.id();
    refused(ErrorCode.MIGRATION_STATE, () -> lease(database, migration, 1));
    upsert(database, point("c", "cherry", OLD));
    Migration now = migrations.get(id);
    for (MigrationState state :
        List.of(MigrationState.DUAL_WRITE, MigrationState.BACKFILLING, MigrationState.INDEXING)) {
      now = awaitState(database, now, state);
    }
    assertThat(progress(now).backlog()).isZero();
    for (String text : List.of("apple", "berry", "cherry")) {
      String point = text.substring(0, 1);
      assertThat(vector(database, point, 2).orElseThrow().values()).containsExactly(derived(text));
    }
    migrations.skipVerification(id, NOTE);
    migrations.switchTraffic(id, 10_000, 0, false, NOTE);
    // Clients go on with what they always sent, with and without a space.
    assertThat(ids(search(embed(OLD, "berry")))).contains("b");
    assertThat(search(Vector.of(embed(OLD, "berry").values())).hits().getFirst().point().id())
        .isEqualTo(PointId.of("b"));
    migrations.complete(id, COLLECTION, false, true, NOTE);
    awaitState(database, migrations.get(id), MigrationState.COMPLETING);
    upsert(database, point("d", "date", OLD));
    reopen();
    assertThat(search(embed(OLD, "date")).hits().getFirst().point().id())
        .isEqualTo(PointId.of("d"));
    assertThat(search(embed(OLD, "date")).servedVersion()).isEqualTo(2);
  }

  @Test
  void aDerivedVersionOfBytesAnswersLikeTheOneOfFloats() throws IOException {
    for (int i = 0; i < 200; i++) {
      upsert(database, point("p" + i, "text " + i, OLD));
    }
    EmbeddingSpec bytes =
        new EmbeddingSpec(
            OLD.model(),
            OLD.dimension(),
            OLD.metric(),
            OLD.cardinality(),
            io.whimbrel.core.model.Storage.INT8,
            OLD.index(),
            OLD.sourceFields(),
            io.whimbrel.core.model.Origin.DERIVED,
            false,
            "",
            "",
            false);
    Migration now = migrations.create(MigrationSpec.of(COLLECTION, "default", bytes), true, NOTE);
    String id = now.id();
    for (MigrationState state :
        List.of(MigrationState.DUAL_WRITE, MigrationState.BACKFILLING, MigrationState.INDEXING)) {
      now = awaitState(database, now, state);
    }
    assertThat(progress(now).done()).isEqualTo(200);
    migrations.skipVerification(id, NOTE);
    List<SearchResult> byFloats = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      byFloats.add(search(embed(OLD, "text " + i)));
    }
    migrations.switchTraffic(id, 10_000, 0, false, NOTE);
    migrations.complete(id, COLLECTION, false, true, NOTE);
    awaitState(database, migrations.get(id), MigrationState.COMPLETING);
    reopen();
    for (int i = 0; i < 200; i++) {
      SearchResult before = byFloats.get(i);
      SearchResult after = search(embed(OLD, "text " + i));
      assertThat(after.servedVersion()).isEqualTo(2);
      assertThat(after.hits().getFirst().point().id()).isEqualTo(PointId.of("p" + i));
      for (int rank = 0; rank < before.hits().size(); rank++) {
        // A byte a value: each value is off by up to half a step of a two hundred and fifty-fifth.
        assertThat(after.hits().get(rank).score())
            .isCloseTo(before.hits().get(rank).score(), org.assertj.core.data.Offset.offset(0.02));
      }
    }
  }

  @Test
  void whatWasKeptAtTheEndIsDroppedByAskingOnceMore() throws IOException {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    String id = switched(database, start(database)).id();
    migrations.complete(id, COLLECTION, true, true, NOTE);
    awaitState(database, migrations.get(id), MigrationState.COMPLETING);
    assertThat(versions()).containsExactly(1, 2);
    assertThat(vector(database, "a", 1)).contains(embed(OLD, "apple"));
    // Kept is kept, also when it is asked for twice.
    migrations.complete(id, COLLECTION, true, true, NOTE);
    reopen();
    assertThat(versions()).containsExactly(1, 2);

    refused(ErrorCode.INVALID_ARGUMENT, () -> migrations.complete(id, "other", false, false, NOTE));
    assertThat(migrations.complete(id, COLLECTION, false, false, NOTE).state())
        .isEqualTo(MigrationState.COMPLETED);
    assertThat(versions()).containsExactly(2);
    assertThat(search(embed(NEW, "berry")).hits().getFirst().point().id())
        .isEqualTo(PointId.of("b"));
    reopen();
    assertThat(versions()).containsExactly(2);
    upsert(database, point("a", "avocado", NEW));
    MovingDocs.delete(database, "b");
    reopen();
    assertThat(ids(search(embed(NEW, "avocado")))).containsExactly("a");
  }

  @Test
  void aCancelledVersionThatWasKeptIsDroppedByAskingOnceMore() {
    upsert(database, point("a", "apple", OLD));
    Migration migration = start(database);
    ready(database, migration);
    migrations.cancel(migration.id(), true, NOTE);
    awaitState(database, migrations.get(migration.id()), MigrationState.CANCELLING);
    assertThat(versions()).containsExactly(1, 2);
    migrations.cancel(migration.id(), false, NOTE);
    assertThat(versions()).containsExactly(1);
    assertThat(search(embed(OLD, "apple")).servedVersion()).isEqualTo(1);
  }

  private List<Integer> versions() {
    return database.describe(COLLECTION).fields().getFirst().versions().stream()
        .map(version -> version.number())
        .toList();
  }

  private static float[] derived(String text) {
    float[] values = java.util.Arrays.copyOf(embed(OLD, text).values(), 4);
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] * (1 / Math.sqrt(squares)));
    }
    return values;
  }

  @Test
  void refusesADerivationThatCannotBe() {
    EmbeddingSpec wider =
        new EmbeddingSpec(
            OLD.model(),
            16,
            OLD.metric(),
            OLD.cardinality(),
            OLD.storage(),
            OLD.index(),
            List.of(),
            io.whimbrel.core.model.Origin.DERIVED,
            false,
            "",
            "");
    refused(
        ErrorCode.INVALID_ARGUMENT,
        () -> migrations.create(MigrationSpec.of(COLLECTION, "default", wider), true, NOTE));
  }

  @Test
  void requeuedPointsAreFilledAnew() {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration = start(database);
    ready(database, migration);
    assertThat(
            migrations.requeue(
                migration.id(),
                BackfillSide.FORWARD,
                List.of(PointId.of("a"), PointId.of("nobody")),
                NOTE))
        .isEqualTo(1);
    Migration now = migrations.get(migration.id());
    assertThat(now.state()).isEqualTo(MigrationState.BACKFILLING);
    assertThat(now.progress().backlog()).isEqualTo(1);
    assertThat(drain(database, now))
        .extracting(CommitResult::outcome)
        .containsExactly(Outcome.STORED);
    assertThat(ready(database, now).state()).isEqualTo(MigrationState.READY);
  }

  @Test
  void contentWithoutTextIsKnownByItsNameOrItsVector() {
    EmbeddingSpec model = MovingDocs.spec("new", 8, new IndexSpec.Flat());
    Migration migration = start(database, MigrationSpec.of(COLLECTION, "default", model));
    Vector first = embed(OLD, "one");
    Vector second = embed(OLD, "two");
    upsert(database, bare("a", first, ""), bare("b", first, "v1"));
    List<BackfillCommit> commits =
        lease(database, migration, 2).leases().stream().map(lease -> commit(lease, NEW)).toList();
    // The name says that it is the same content, although the vector is another.
    upsert(database, bare("a", second, ""), bare("b", second, "v1"));
    assertThat(migrations.commit(migration.id(), BackfillSide.FORWARD, commits).join())
        .extracting(result -> result.id() + " " + result.outcome())
        .containsExactly("a STALE", "b STORED");
    upsert(database, bare("b", second, "v2"));
    assertThat(progress(migration).backlog()).isEqualTo(2);
  }

  private static PointWrite bare(String id, Vector vector, String contentVersion) {
    return new PointWrite(
        PointId.of(id),
        Map.of(),
        Map.of("default", List.of(vector)),
        java.util.OptionalLong.empty(),
        contentVersion);
  }

  @Test
  void survivesARestartInEveryState() throws IOException {
    upsert(database, point("a", "apple", OLD), point("b", "berry", OLD));
    Migration migration =
        migrations.create(MigrationSpec.of(COLLECTION, "default", NEW), false, NOTE);
    reopen();
    assertThat(migrations.get(migration.id()).state()).isEqualTo(MigrationState.PLANNED);
    migrations.start(migration.id(), NOTE);
    reopen();
    Migration now = awaitState(database, migrations.get(migration.id()), MigrationState.DUAL_WRITE);
    assertThat(now.progress().backlog()).isEqualTo(2);
    assertThat(lease(database, now, 2).leases()).hasSize(2);
    reopen();
    // Leases are gone with the process; the points are handed out anew.
    assertThat(drain(database, now)).hasSize(2);
    reopen();
    now = awaitState(database, migrations.get(now.id()), MigrationState.BACKFILLING);
    now = awaitState(database, now, MigrationState.INDEXING);
    assertThat(now.state()).isEqualTo(MigrationState.VERIFYING);
    migrations.skipVerification(now.id(), NOTE);
    migrations.switchTraffic(now.id(), 2500, 0, false, NOTE);
    RoutingPolicy policy = migrations.policy(COLLECTION, "default");
    reopen();
    assertThat(migrations.policy(COLLECTION, "default")).isEqualTo(policy);
    migrations.switchTraffic(now.id(), 10_000, 0, false, NOTE);
    upsert(database, point("c", "cherry", NEW));
    reopen();
    now = migrations.get(now.id());
    assertThat(now.state()).isEqualTo(MigrationState.SWITCHED);
    assertThat(now.reverseBacklog()).isEqualTo(1);
    assertThat(search(embed(NEW, "cherry")).servedVersion()).isEqualTo(2);
    assertThat(Optional.of(now.progress().live())).contains(3L);
  }
}
