package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.DeadLetter;
import io.whimbrel.core.model.DeadLetterPage;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationPlan;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.VerificationReport;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.BacklogCounters;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.EventRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The verbs of migrations: what can be checked is checked in the caller's thread, then
/// [MigrationSteps] decides in the sequencer. Any thread.
public final class MigrationDesk implements AutoCloseable {
  /// Reads of the old version in this time count as open readers.
  private static final Duration READERS_WINDOW = Duration.ofMinutes(1);

  private static final int PAGE_MAX = 1_000;

  /// From this share of the backlog done an estimate of the rest is worth something.
  private static final double ETA_DONE_MIN = 0.01;

  private final Sequencer sequencer;
  private final MigrationSteps steps;
  private final Store store;
  private final Catalog catalog;
  private final Backfills backfills;
  private final DerivedBackfill derived;
  private final MigrationPlanner planner;

  MigrationDesk(Sequencer sequencer, Store store, Catalog catalog) {
    this.sequencer = sequencer;
    this.steps = sequencer.steps();
    this.store = store;
    this.catalog = catalog;
    this.backfills = new Backfills(store);
    this.derived = new DerivedBackfill(sequencer, store, catalog, backfills, this::pauseCritical);
    this.planner = new MigrationPlanner(store);
    derived.start();
  }

  public MigrationPlan plan(MigrationSpec spec) throws StorageException {
    LiveCollection collection = catalog.require(spec.collection());
    LiveCollection.LiveField field = collection.field("field", spec.field());
    return planner.plan(collection, field, spec);
  }

  public CompletableFuture<Migration> create(MigrationSpec spec, boolean start, ChangeNote note) {
    LiveCollection collection = catalog.require(spec.collection());
    LiveCollection.LiveField field = collection.field("field", spec.field());
    MigrationPlanner.check(field, spec);
    MigrationSteps.refuseSecond(collection, field);
    return step(() -> {
      MigrationSteps.Found created = steps.create(collection, spec, note);
      return start ? steps.start(created.migration().id(), note) : created;
    });
  }

  public CompletableFuture<Migration> start(String id, ChangeNote note) {
    return step(() -> steps.start(id, note));
  }

  public Migration get(String id) {
    return info(steps.find(id));
  }

  /// Newest first; of all collections when the name is empty.
  public List<Migration> list(String collection) {
    List<LiveCollection> collections =
        collection.isEmpty() ? catalog.all() : List.of(catalog.require(collection));
    List<Migration> migrations = new ArrayList<>();
    for (LiveCollection each : collections) {
      for (MigrationRecord migration : each.layout().migrations().values()) {
        migrations.add(get(migration.id()));
      }
    }
    migrations.sort(Comparator.comparingLong(Migration::createdAtMillis).reversed());
    return migrations;
  }

  public List<MigrationEvent> history(String id) throws StorageException {
    MigrationSteps.Found found = steps.find(id);
    int collection = found.collection().number();
    long number = found.migration().number();
    List<MigrationEvent> events = new ArrayList<>();
    try (View view = store.view();
        Scan scan =
            view.scan(
                Table.MIGRATION,
                Keys.inMotion(collection, number, 'H', 0),
                Keys.inMotion(collection, number, 'I', 0))) {
      while (scan.advance()) {
        events.add(EventRecord.decode(scan.valueBytes()));
      }
    }
    return events;
  }

  public Migration await(String id, long revision, Duration wait) {
    sequencer.awaitChange(() -> steps.find(id).migration().revision() > revision, wait);
    return get(id);
  }

  public CompletableFuture<Migration> pause(String id, ChangeNote note) {
    return flags(
        id,
        flags ->
            new MigrationRecord.Flags(
                note.reason().isEmpty() ? "by " + note.actor() : note.reason(),
                flags.postponed(),
                flags.throttle()),
        note);
  }

  public CompletableFuture<Migration> resume(String id, ChangeNote note) {
    return step(() -> steps.resume(id, note));
  }

  public CompletableFuture<Migration> setThrottle(
      String id, BackfillThrottle throttle, ChangeNote note) {
    return flags(
        id,
        flags -> new MigrationRecord.Flags(flags.pausedBecause(), flags.postponed(), throttle),
        note);
  }

  public CompletableFuture<Migration> postpone(String id, boolean postponed, ChangeNote note) {
    return flags(
        id,
        flags -> new MigrationRecord.Flags(flags.pausedBecause(), postponed, flags.throttle()),
        note);
  }

  @FunctionalInterface
  private interface FlagChange {
    MigrationRecord.Flags of(MigrationRecord.Flags flags);
  }

  private CompletableFuture<Migration> flags(String id, FlagChange change, ChangeNote note) {
    return step(() -> steps.setFlags(id, change.of(steps.find(id).migration().flags()), note));
  }

  public BackfillLeases lease(String id, BackfillSide side, int points, Duration ttl)
      throws StorageException {
    Backfills.checkLease(points, ttl);
    MigrationSteps.Found found = steps.find(id);
    LiveCollection.Moving moving = found.requireMoving();
    if (moving.migration().derived() && side == BackfillSide.FORWARD) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          id + " derives its vectors",
          "no worker: the server fills a derived version itself");
    }
    if (!moving.migration().flags().paused() && backfills.isCritical(moving)) {
      pauseCritical(id);
      moving = steps.find(id).requireMoving();
    }
    Backfills.Work work = backfills.lease(found.collection(), moving, side, points, ttl);
    return backfills.leases(found.collection(), moving, work, ttl);
  }

  private void pauseCritical(String id) {
    pause(id, ChangeNote.server("search p99 is above critical_search_p99")).join();
  }

  public CompletableFuture<List<CommitResult>> commit(
      String id, BackfillSide side, List<BackfillCommit> commits) {
    MigrationSteps.Found found = steps.find(id);
    return sequencer.backfill(
        PreparedBackfill.commit(found.collection(), found.requireMoving(), side, commits));
  }

  /// A release without a reason is no failed attempt and needs no durable step.
  public CompletableFuture<List<CommitResult>> release(
      String id, BackfillSide side, List<BackfillFailure> failures) throws StorageException {
    MigrationSteps.Found found = steps.find(id);
    LiveCollection.Moving moving = found.requireMoving();
    List<BackfillFailure> failed =
        failures.stream()
            .filter(failure -> !failure.reason().isEmpty() || failure.permanent())
            .toList();
    if (failed.size() == failures.size()) {
      return sequencer.backfill(
          PreparedBackfill.release(found.collection(), moving, side, failures));
    }
    Limits.checkRange("failures", failures.size(), 1, PreparedBackfill.POINTS_MAX);
    endLeases(found.collection(), moving, side, failures);
    CompletableFuture<List<CommitResult>> durable =
        failed.isEmpty()
            ? CompletableFuture.completedFuture(List.of())
            : sequencer.backfill(
                PreparedBackfill.release(found.collection(), moving, side, failed));
    return durable.thenApply(results -> {
      List<CommitResult> all = new ArrayList<>(failures.size());
      int next = 0;
      for (BackfillFailure failure : failures) {
        all.add(
            failure.reason().isEmpty() && !failure.permanent()
                ? new CommitResult(failure.id(), CommitResult.Outcome.REQUEUED, "")
                : results.get(next++));
      }
      return all;
    });
  }

  private void endLeases(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      List<BackfillFailure> failures)
      throws StorageException {
    List<BackfillFailure> returned =
        failures.stream()
            .filter(failure -> failure.reason().isEmpty() && !failure.permanent())
            .toList();
    try (View view = store.view()) {
      List<byte[]> keys = returned.stream().map(f -> Keys.id(collection.number(), f.id())).toList();
      List<byte @Nullable []> ids = view.multiGet(Table.IDS, keys);
      for (int i = 0; i < ids.size(); i++) {
        byte[] internalId = ids.get(i);
        if (internalId != null) {
          moving
              .state()
              .side(side)
              .leases()
              .rest(ByteBuffer.wrap(internalId).getLong(), returned.get(i).retryAfter().toNanos());
        }
      }
    }
  }

  public DeadLetterPage deadLetters(String id, byte[] cursor, int limit) throws StorageException {
    Limits.checkRange("limit", limit, 1, PAGE_MAX);
    if (cursor.length != 0 && cursor.length != Long.BYTES) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_CURSOR,
          "cursor",
          cursor.length + " bytes",
          "empty, or next_cursor of a page of dead letters");
    }
    MigrationSteps.Found found = steps.find(id);
    int collection = found.collection().number();
    long number = found.migration().number();
    long from = cursor.length == 0 ? 0 : ByteBuffer.wrap(cursor).getLong();
    List<DeadLetter> letters = new ArrayList<>();
    byte[] next = {};
    try (View view = store.view();
        Scan scan =
            view.scan(
                Table.MIGRATION,
                Keys.inMotion(collection, number, MovingRows.DEAD, from),
                Keys.inMotion(collection, number, (char) (MovingRows.DEAD + 1), 0))) {
      while (scan.advance()) {
        long internalId = Keys.internalIdOf(scan.key());
        if (letters.size() == limit) {
          next = ByteBuffer.allocate(Long.BYTES).putLong(internalId).array();
          break;
        }
        BacklogRecord row = BacklogRecord.decode(scan.valueBytes());
        Optional<byte[]> point = view.get(Table.POINTS, Keys.point(collection, internalId));
        if (point.isEmpty()) {
          throw new StorageException("a dead letter names a point that is not there");
        }
        letters.add(
            new DeadLetter(
                PointRecord.decode(point.get()).id(), row.reason(), row.attempts(), row.waived()));
      }
    }
    return new DeadLetterPage(letters, next);
  }

  public CompletableFuture<Migration> moveDeadLetters(String id, boolean waive, ChangeNote note) {
    // In bounded steps, so that writes get their turn.
    return sequencer
        .run(() -> steps.moveDead(id, waive))
        .thenCompose(moved ->
            moved > 0 ? moveDeadLetters(id, waive, note) : step(() -> steps.deadMoved(id, note)));
  }

  public CompletableFuture<Long> requeue(
      String id, BackfillSide side, List<PointId> ids, ChangeNote note) {
    MigrationSteps.Found found = steps.find(id);
    return sequencer
        .backfill(PreparedBackfill.requeue(found.collection(), found.requireMoving(), side, ids))
        .thenCompose(results -> {
          long listed =
              results.stream()
                  .filter(result -> result.outcome() == CommitResult.Outcome.REQUEUED)
                  .count();
          return listed == 0 || side == BackfillSide.REVERSE
              ? CompletableFuture.completedFuture(listed)
              : step(() -> steps.relisted(id, note)).thenApply(_ -> listed);
        });
  }

  public CompletableFuture<Migration> verified(
      String id, VerificationReport report, ChangeNote note) {
    String summary =
        "%d points compared, %d faults; %s"
            .formatted(report.checked(), report.faults(), report.summary());
    ChangeNote full =
        new ChangeNote(note.actor(), summary.substring(0, Math.min(summary.length(), 1_000)));
    return step(() -> report.faults() == 0 ? steps.ready(id, true, full) : steps.faulty(id, full));
  }

  public CompletableFuture<Migration> skipVerification(String id, ChangeNote note) {
    return step(() -> steps.ready(id, false, note));
  }

  public CompletableFuture<Migration> switchTraffic(
      String id, int basisPoints, long expectedEpoch, boolean dryRun, ChangeNote note) {
    Limits.checkRange("basis_points", basisPoints, 0, RoutingPolicy.BUCKETS);
    return step(() -> steps.switchTraffic(id, basisPoints, expectedEpoch, dryRun, note));
  }

  public CompletableFuture<Migration> reverseTraffic(String id, ChangeNote note) {
    return step(() -> steps.reverseTraffic(id, note));
  }

  public CompletableFuture<Migration> fail(String id, ChangeNote note) {
    return step(() -> steps.fail(id, note));
  }

  public CompletableFuture<Migration> complete(
      String id, String confirmCollection, boolean keepData, boolean force, ChangeNote note) {
    MigrationSteps.Found asked = steps.find(id);
    if (!asked.collection().name().equals(confirmCollection)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "confirm_collection",
          '"' + confirmCollection + '"',
          '"'
              + asked.collection().name()
              + "\", since the old version's vectors are lost for ever");
    }
    return step(() ->
        steps.ends().complete(id, keepData, force ? List.of() : unsafe(steps.find(id)), note));
  }

  /// What would be lost or hurt by completing now.
  private static List<String> unsafe(MigrationSteps.Found found) {
    MigrationRecord migration = found.migration();
    Optional<LiveCollection.Moving> moving = found.moving();
    if (moving.isEmpty() || migration.state() != MigrationState.SWITCHED) {
      return List.of();
    }
    List<String> unsafe = new ArrayList<>();
    long soakEnd = migration.switchedAtMillis() + migration.rules().soak().toMillis();
    if (System.currentTimeMillis() < soakEnd) {
      unsafe.add("the soak time runs until " + Instant.ofEpochMilli(soakEnd));
    }
    BacklogCounters counters = moving.get().state().counters();
    if (counters.forward() > 0) {
      unsafe.add(counters.forward() + " points wait for their new vector");
    }
    if (counters.reverse() > 0) {
      unsafe.add(
          counters.reverse() + " points are in the reverse backlog, so the old version lags");
    }
    if (counters.dead() > 0) {
      unsafe.add(counters.dead() + " dead letters are not waived");
    }
    if (moving.get().state().oldReadWithin(READERS_WINDOW.toNanos())) {
      unsafe.add("the old version was read within the last " + READERS_WINDOW.toSeconds() + " s");
    }
    return unsafe;
  }

  public CompletableFuture<Migration> cancel(String id, boolean keepData, ChangeNote note) {
    return step(() -> steps.ends().cancel(id, keepData, note));
  }

  public RoutingPolicy policy(String collection, String field) {
    return catalog.require(collection).field("field", field).policy();
  }

  public RoutingPolicy awaitPolicy(String collection, String field, long epoch, Duration wait) {
    sequencer.awaitChange(() -> policy(collection, field).epoch() > epoch, wait);
    return policy(collection, field);
  }

  public void searchP99(Supplier<Duration> p99) {
    backfills.searchP99(p99);
  }

  private CompletableFuture<Migration> step(Sequencer.Step<MigrationSteps.Found> step) {
    return sequencer.run(() -> info(step.run()));
  }

  private Migration info(MigrationSteps.Found found) {
    MigrationRecord migration = found.migration();
    Optional<LiveCollection.Moving> moving = found.moving();
    BacklogCounters counters = moving.map(m -> m.state().counters()).orElse(BacklogCounters.EMPTY);
    RoutingPolicy policy = found.field().policy();
    boolean routed = policy.migrationId().equals(migration.id());
    return new Migration(
        migration.id(),
        new MigrationSpec(
            found.collection().name(),
            found.field().name(),
            migration.to(),
            migration.rules().legacyWrite(),
            migration.rules().staleRead(),
            migration.rules().allowNewOnly(),
            migration.rules().soak(),
            migration.flags().throttle()),
        migration.fromVersion(),
        migration.toVersion(),
        migration.from(),
        migration.derived(),
        migration.state(),
        migration.revision(),
        routed ? policy.basisPoints() : 0,
        policy.epoch(),
        migration.flags().paused(),
        migration.flags().pausedBecause(),
        migration.flags().postponed(),
        moving.map(m -> progress(found, m)).orElse(NO_PROGRESS),
        moving.isPresent() && counters.reverse() == 0,
        counters.reverse(),
        moving.map(m -> m.state().legacyWrites()).orElse(0L),
        moving.map(m -> m.state().legacyReads()).orElse(0L),
        migration.switchedAtMillis(),
        migration.verified(),
        migration.failure(),
        migration.createdAtMillis());
  }

  private static final Migration.Progress NO_PROGRESS =
      new Migration.Progress(0, 0, 0, 0, 0, 0, 0, OptionalDouble.empty(), "", 0, Duration.ZERO);

  private Migration.Progress progress(MigrationSteps.Found found, LiveCollection.Moving moving) {
    BacklogCounters counters = moving.state().counters();
    boolean listing = moving.migration().state() == MigrationState.DUAL_WRITE;
    long rest = counters.forward() + counters.dead() + counters.waived();
    // While points are being listed, those with a new vector are known from the totals alone.
    long done =
        listing
            ? found.collection().totals().vectorsOf(moving.to().ref()).count()
            : counters.live() - rest;
    MovingField.Side forward = moving.state().side(BackfillSide.FORWARD);
    double rate = forward.pace().rate();
    boolean known = !listing && rate > 0 && done >= ETA_DONE_MIN * counters.live();
    return new Migration.Progress(
        counters.live(),
        done,
        counters.forward(),
        forward.leases().count(),
        counters.dead(),
        counters.waived(),
        rate,
        known ? OptionalDouble.of(counters.forward() / rate) : OptionalDouble.empty(),
        moving.migration().flags().paused()
            ? "paused: " + moving.migration().flags().pausedBecause()
            : forward.pace().waitReason(),
        moving.to().coverage(),
        backfills.searchP99());
  }

  /// Ends the worker inside. The sequencer must still run.
  @Override
  public void close() {
    derived.close();
  }
}
