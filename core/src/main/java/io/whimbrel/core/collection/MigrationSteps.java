package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.BacklogCounters;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.EventRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The steps of migrations: each is one synced batch that holds the new state and all that comes
/// with it, then the new layout. Every method runs in the sequencer thread unless it says
/// otherwise.
///
/// A step that finds its work done already changes nothing. What a crash interrupts is taken up by
/// [#resume]: the listing of points by its cursor, the removal of a dropped version by the state.
final class MigrationSteps {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationSteps.class);

  /// One piece of listing looks at rows of about so many bytes.
  private static final long LIST_BYTES = 8L << 20;

  private static final int LIST_ROWS_MIN = 256;
  private static final int LIST_ROWS_MAX = 8_192;

  /// Dead letters moved in one step.
  private static final int DEAD_ROWS_MAX = 10_000;

  /// With so many vectors, or this share of all, not yet in the index, it counts as built: searches
  /// scan them.
  private static final int PENDING_MAX = 4_096;

  private static final int PENDING_SHARE = 100;

  private final Sequencer sequencer;
  private final Store store;
  private final Catalog catalog;
  private final MigrationEnds ends;

  MigrationSteps(Sequencer sequencer, Store store, Catalog catalog) {
    this.sequencer = sequencer;
    this.store = store;
    this.catalog = catalog;
    this.ends = new MigrationEnds(this, sequencer, store, catalog);
  }

  MigrationEnds ends() {
    return ends;
  }

  /// A migration as it is, with what it belongs to.
  record Found(
      LiveCollection collection, MigrationRecord migration, LiveCollection.LiveField field) {
    Optional<LiveCollection.Moving> moving() {
      return collection.moving(migration.number());
    }

    /// The two versions, while both take writes.
    LiveCollection.Moving requireMoving() {
      return moving()
          .orElseThrow(() ->
              WhimbrelException.of(
                  ErrorCode.MIGRATION_STATE,
                  "migration",
                  migration.id() + " is " + migration.state(),
                  "a migration that is started and has not ended"));
    }
  }

  /// Any thread.
  Found find(String id) {
    long number = number(id);
    for (LiveCollection collection : catalog.all()) {
      LiveCollection.Layout layout = collection.layout();
      MigrationRecord migration = layout.migrations().get(number);
      if (migration != null) {
        return new Found(collection, migration, field(layout, migration.field()));
      }
    }
    throw WhimbrelException.of(
        ErrorCode.MIGRATION_NOT_FOUND,
        "id",
        '"' + (id.length() > 80 ? id.substring(0, 80) + "..." : id) + '"',
        "the id of a migration, for example m-1207");
  }

  private static long number(String id) {
    try {
      return id.startsWith("m-") ? Long.parseLong(id, 2, id.length(), 10) : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  static LiveCollection.LiveField field(LiveCollection.Layout layout, int number) {
    return layout.fields().values().stream()
        .filter(field -> field.fieldRecord().number() == number)
        .findFirst()
        .orElseThrow();
  }

  /// Records a migration as PLANNED. The spec is checked already, but for what can change.
  Found create(LiveCollection collection, MigrationSpec spec, ChangeNote note)
      throws StorageException {
    if (!catalog.holds(collection)) {
      catalog.require(spec.collection());
    }
    LiveCollection.LiveField field = collection.field("field", spec.field());
    refuseSecond(collection, field);
    MigrationRecord migration =
        new MigrationRecord(
            sequencer.nextSeq(),
            field.fieldRecord().number(),
            field.fieldRecord().writeSet().getFirst(),
            0,
            field.writeVersion().spec(),
            spec.to(),
            spec.to().origin() == Origin.DERIVED,
            new MigrationRecord.Rules(
                spec.legacyWrite(), spec.staleRead(), spec.allowNewOnly(), spec.soak()),
            MigrationState.PLANNED,
            1,
            0,
            new MigrationRecord.Flags("", false, spec.throttle()),
            0,
            false,
            "",
            false,
            System.currentTimeMillis());
    write(collection, migration, field.fieldRecord(), note, _ -> {});
    return find(migration.id());
  }

  /// Any thread. Refuses a field that has a migration.
  static void refuseSecond(LiveCollection collection, LiveCollection.LiveField field) {
    for (MigrationRecord other : collection.layout().migrations().values()) {
      if (other.field() == field.fieldRecord().number() && !other.state().ended()) {
        throw WhimbrelException.of(
            ErrorCode.MIGRATION_EXISTS,
            "field",
            '"' + field.name() + "\" has migration " + other.id() + " in state " + other.state(),
            "a field without one; complete or cancel that one first");
      }
    }
  }

  /// Adds the new version to the write set. Points with a smaller internal id than the fence are
  /// listed piece by piece; every write from here on keeps the backlog itself.
  Found start(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    MigrationRecord migration = found.migration();
    if (migration.state().writesBoth()) {
      return found;
    }
    MigrationState next = migration.state().to(MigrationState.DUAL_WRITE);
    CollectionRecord.FieldRecord field = found.field().fieldRecord();
    LiveVersion from = found.field().version(migration.fromVersion());
    int number = field.nextVersion();
    List<CollectionRecord.VersionRecord> versions = new ArrayList<>(field.versions());
    versions.add(
        new CollectionRecord.VersionRecord(
            number,
            migration.to(),
            migration.derived() ? Optional.of(from.inputSpec()) : Optional.empty()));
    List<String> retired = new ArrayList<>(field.retired());
    retired.remove(migration.to().spaceId());
    CollectionRecord.Route route = field.route();
    CollectionRecord.FieldRecord newField =
        new CollectionRecord.FieldRecord(
            field.number(),
            field.name(),
            versions,
            List.of(migration.fromVersion(), number),
            migration.fromVersion(),
            number + 1,
            new CollectionRecord.Route(
                route.epoch() + 1, migration.number(), 0, migration.fromVersion(), number),
            retired);
    BacklogCounters counters =
        BacklogCounters.start(found.collection().totals().vectorsOf(from.ref()).count());
    write(
        found.collection(),
        migration.withStart(number, sequencer.nextInternalId()).withState(next),
        newField,
        note,
        batch ->
            batch.put(
                Table.SYSTEM,
                Keys.migration('Q', found.collection().number(), migration.number()),
                counters.encode()));
    Found started = find(id);
    started.requireMoving().state().replaceCounters(counters);
    listLater(started.collection(), migration.number());
    return started;
  }

  private void listLater(LiveCollection collection, long migration) {
    sequencer.run(() -> {
      if (listPiece(collection, migration)) {
        listLater(collection, migration);
      }
      return true;
    });
  }

  /// Lists the next points that were there before the fence; tells whether more wait.
  private boolean listPiece(LiveCollection collection, long number) throws StorageException {
    Optional<LiveCollection.Moving> open = collection.moving(number);
    if (!catalog.holds(collection)
        || open.isEmpty()
        || open.get().migration().state() != MigrationState.DUAL_WRITE) {
      return false;
    }
    LiveCollection.Moving moving = open.get();
    try (View view = store.view()) {
      long first = moving.state().counters().listed() + 1;
      List<Long> ids =
          vectorIds(view, collection, moving.from(), first, moving.migration().fence());
      boolean last = ids.isEmpty();
      long listed = last ? moving.migration().fence() - 1 : ids.getLast();
      Set<Long> settled = settled(view, collection, moving, first, listed + 1);
      MigrationRecord migration =
          last
              ? moving
                  .migration()
                  .withState(moving.migration().state().to(MigrationState.BACKFILLING))
              : moving.migration();
      MovingRows[] rows = new MovingRows[1];
      write(
          collection,
          migration,
          fieldRecord(collection, migration),
          last ? Optional.of(ChangeNote.server("every point is listed")) : Optional.empty(),
          batch -> {
            rows[0] = new MovingRows(view, batch);
            for (long id : ids) {
              if (!settled.contains(id)) {
                rows[0].put(
                    collection.number(), moving, MovingRows.FORWARD, id, BacklogRecord.FRESH);
              }
            }
            rows[0].listed(collection.number(), moving, listed);
            rows[0].finish();
          });
      rows[0].publish();
      return !last;
    }
  }

  /// Internal ids of a version's vectors from `first` on and below `end`, as many as one piece
  /// takes.
  private static List<Long> vectorIds(
      View view, LiveCollection collection, LiveVersion version, long first, long end)
      throws StorageException {
    long rowBytes = (long) Float.BYTES * version.spec().dimension();
    int rows = (int) Math.clamp(LIST_BYTES / rowBytes, LIST_ROWS_MIN, LIST_ROWS_MAX);
    List<Long> ids = new ArrayList<>(rows);
    PointRecord.VectorRef ref = version.ref();
    try (Scan scan =
        view.scan(
            Table.VECTORS,
            Keys.vector(collection.number(), ref.field(), ref.version(), first),
            Keys.vector(collection.number(), ref.field(), ref.version(), end))) {
      while (ids.size() < rows && scan.advance()) {
        ids.add(Keys.internalIdOf(scan.key()));
      }
    }
    return ids;
  }

  /// Points of `[first, end)` that a write has put where they belong since the fence.
  private static Set<Long> settled(
      View view, LiveCollection collection, LiveCollection.Moving moving, long first, long end)
      throws StorageException {
    Set<Long> settled = new HashSet<>();
    PointRecord.VectorRef to = moving.to().ref();
    try (Scan scan =
        view.scan(
            Table.VECTORS,
            Keys.vector(collection.number(), to.field(), to.version(), first),
            Keys.vector(collection.number(), to.field(), to.version(), end))) {
      while (scan.advance()) {
        settled.add(Keys.internalIdOf(scan.key()));
      }
    }
    for (char kind : new char[] {MovingRows.FORWARD, MovingRows.DEAD}) {
      long number = moving.migration().number();
      try (Scan scan =
          view.scan(
              Table.MIGRATION,
              Keys.inMotion(collection.number(), number, kind, first),
              Keys.inMotion(collection.number(), number, kind, end))) {
        while (scan.advance()) {
          settled.add(Keys.internalIdOf(scan.key()));
        }
      }
    }
    return settled;
  }

  /// Whether a migration can move by itself. Any thread.
  boolean wantsAdvance() {
    for (LiveCollection collection : catalog.all()) {
      for (LiveCollection.Moving moving : collection.moving()) {
        if (next(moving).isPresent()) {
          return true;
        }
      }
    }
    return false;
  }

  /// Moves every migration as far as it goes by itself.
  void advance() throws StorageException {
    for (LiveCollection collection : catalog.all()) {
      for (LiveCollection.Moving before : collection.moving()) {
        long number = before.migration().number();
        Optional<LiveCollection.Moving> moving = Optional.of(before);
        Optional<MigrationState> next = next(before);
        while (moving.isPresent() && next.isPresent()) {
          advance(collection, moving.get(), next.get());
          moving = collection.moving(number);
          next = moving.flatMap(MigrationSteps::next);
        }
      }
    }
  }

  private void advance(LiveCollection collection, LiveCollection.Moving moving, MigrationState next)
      throws StorageException {
    ChangeNote note =
        ChangeNote.server(
            switch (next) {
              case INDEXING -> "the backlog is empty";
              case VERIFYING -> "the index covers the new version";
              case FAILED -> "the index of the new version cannot be built";
              default -> throw new IllegalStateException("no migration goes to " + next + " alone");
            });
    if (next == MigrationState.FAILED) {
      fail(moving.migration().id(), note);
      return;
    }
    MigrationRecord migration = moving.migration();
    write(
        collection,
        migration.withState(migration.state().to(next)),
        fieldRecord(collection, migration),
        note,
        _ -> {});
  }

  private static Optional<MigrationState> next(LiveCollection.Moving moving) {
    BacklogCounters counters = moving.state().counters();
    return switch (moving.migration().state()) {
      case BACKFILLING ->
          counters.forward() == 0 ? Optional.of(MigrationState.INDEXING) : Optional.empty();
      case INDEXING -> {
        LiveVersion to = moving.to();
        if (to.hasFailed()) {
          yield Optional.of(MigrationState.FAILED);
        }
        boolean built = to.pending() <= Math.max(PENDING_MAX, to.live() / PENDING_SHARE);
        yield built && counters.forward() == 0
            ? Optional.of(MigrationState.VERIFYING)
            : Optional.empty();
      }
      case PLANNED,
          DUAL_WRITE,
          VERIFYING,
          READY,
          SHIFTING,
          SWITCHED,
          COMPLETING,
          COMPLETED,
          ROLLED_BACK,
          CANCELLING,
          CANCELLED,
          FAILED ->
          Optional.empty();
    };
  }

  /// Replaces what an operator can change at any time.
  Found setFlags(String id, MigrationRecord.Flags flags, ChangeNote note) throws StorageException {
    Found found = find(id);
    if (flags.equals(found.migration().flags())) {
      return found;
    }
    if (found.migration().state().ended()) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          id + " is " + found.migration().state(),
          "a migration that has not ended");
    }
    write(
        found.collection(),
        found.migration().withFlags(flags),
        found.field().fieldRecord(),
        note,
        _ -> {});
    return find(id);
  }

  /// Notes something in the history.
  private Found note(Found found, ChangeNote note) throws StorageException {
    MigrationRecord migration = found.migration();
    write(
        found.collection(),
        migration.withFlags(migration.flags()),
        found.field().fieldRecord(),
        note,
        _ -> {});
    return find(migration.id());
  }

  /// Work is handed out again; FAILED becomes BACKFILLING.
  Found resume(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    MigrationRecord.Flags flags = found.migration().flags();
    Found running =
        setFlags(id, new MigrationRecord.Flags("", flags.postponed(), flags.throttle()), note);
    if (running.migration().state() != MigrationState.FAILED) {
      return running;
    }
    return move(
        running,
        running.migration().withFacts(0, false, "", false),
        MigrationState.BACKFILLING,
        running.field().fieldRecord(),
        note);
  }

  Found move(
      Found found,
      MigrationRecord facts,
      MigrationState next,
      CollectionRecord.FieldRecord field,
      ChangeNote note)
      throws StorageException {
    write(found.collection(), facts.withState(facts.state().to(next)), field, note, _ -> {});
    return find(facts.id());
  }

  /// READY once a comparison found nothing, or on an operator's word.
  Found ready(String id, boolean verified, ChangeNote note) throws StorageException {
    Found found = find(id);
    MigrationRecord migration = found.migration();
    if (migration.state() == MigrationState.READY && migration.verified() == verified) {
      return found;
    }
    BacklogCounters counters = found.requireMoving().state().counters();
    if (verified && migration.state() == MigrationState.READY) {
      // Made ready on an operator's word before.
      MigrationRecord facts = migration.withFacts(0, true, "", false);
      write(
          found.collection(),
          facts.withFlags(facts.flags()),
          found.field().fieldRecord(),
          note,
          _ -> {});
      return find(id);
    }
    if (!verified && migration.state() == MigrationState.INDEXING) {
      found = move(found, migration, MigrationState.VERIFYING, found.field().fieldRecord(), note);
      migration = found.migration();
    }
    if (migration.state() != MigrationState.VERIFYING) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          id + " is " + migration.state(),
          "VERIFYING, which comes when the backlog is empty and the index is built");
    }
    if (verified && counters.forward() + counters.dead() > 0) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "backlog",
          counters.forward() + " points wait and " + counters.dead() + " are dead letters",
          "0 of both: let workers finish, retry or waive dead letters, then verify again");
    }
    return move(
        found,
        migration.withFacts(0, verified, "", false),
        MigrationState.READY,
        found.field().fieldRecord(),
        note);
  }

  /// A comparison found faults: the state stays, the history says so.
  Found faulty(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    found.requireMoving();
    return note(found, note);
  }

  /// Back to BACKFILLING, after points were listed anew that had been verified.
  Found relisted(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    MigrationState state = found.migration().state();
    if (state == MigrationState.BACKFILLING || !state.leadsTo(MigrationState.BACKFILLING)) {
      return note(found, note);
    }
    return move(
        found,
        found.migration().withFacts(0, false, "", false),
        MigrationState.BACKFILLING,
        found.field().fieldRecord(),
        note);
  }

  /// Moves traffic, or with `dryRun` only checks that it could.
  Found switchTraffic(
      String id, int basisPoints, long expectedEpoch, boolean dryRun, ChangeNote note)
      throws StorageException {
    Found found = find(id);
    CollectionRecord.FieldRecord field = found.field().fieldRecord();
    if (expectedEpoch != 0 && expectedEpoch != field.route().epoch()) {
      throw WhimbrelException.routing(
          ErrorCode.EPOCH_MISMATCH,
          "expected_epoch",
          expectedEpoch,
          field.route().epoch() + ", the epoch in force; look again before you switch",
          found.field().policy());
    }
    MigrationRecord migration = found.migration();
    if (!migration.state().readable()) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          id + " is " + migration.state(),
          "READY, SHIFTING, SWITCHED or ROLLED_BACK; verify first, or skip the verification");
    }
    if (field.route().basisPoints() == basisPoints
        || (basisPoints == 0 && migration.state() == MigrationState.READY)) {
      return found;
    }
    MigrationState next =
        switch (basisPoints) {
          case 0 -> MigrationState.ROLLED_BACK;
          case RoutingPolicy.BUCKETS -> MigrationState.SWITCHED;
          default -> MigrationState.SHIFTING;
        };
    migration.state().to(next);
    if (dryRun) {
      return found;
    }
    long switchedAt = next == MigrationState.SWITCHED ? System.currentTimeMillis() : 0;
    return move(
        found,
        migration.withFacts(switchedAt, migration.verified(), "", false),
        next,
        routed(field, basisPoints),
        note);
  }

  private static CollectionRecord.FieldRecord routed(
      CollectionRecord.FieldRecord field, int basisPoints) {
    CollectionRecord.Route route = field.route();
    return new CollectionRecord.FieldRecord(
        field.number(),
        field.name(),
        field.versions(),
        field.writeSet(),
        basisPoints == RoutingPolicy.BUCKETS ? route.toVersion() : route.fromVersion(),
        field.nextVersion(),
        new CollectionRecord.Route(
            route.epoch() + 1,
            route.migration(),
            basisPoints,
            route.fromVersion(),
            route.toVersion()),
        field.retired());
  }

  /// All reads to the old version.
  Found reverseTraffic(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    if (found.migration().state() == MigrationState.ROLLED_BACK) {
      return found;
    }
    return move(
        found,
        found.migration().withFacts(0, found.migration().verified(), "", false),
        MigrationState.ROLLED_BACK,
        routed(found.field().fieldRecord(), 0),
        note);
  }

  /// Stops a migration that went wrong.
  Found fail(String id, ChangeNote note) throws StorageException {
    Found found = find(id);
    if (found.migration().state() == MigrationState.FAILED) {
      return found;
    }
    CollectionRecord.FieldRecord field = found.field().fieldRecord();
    return move(
        found,
        found.migration().withFacts(0, false, note.reason(), false),
        MigrationState.FAILED,
        field.route().basisPoints() == 0 ? field : routed(field, 0),
        note);
  }

  /// Takes up what an earlier process left unfinished. Before other requests come.
  void resume() throws StorageException {
    for (LiveCollection collection : catalog.all()) {
      for (MigrationRecord migration : collection.layout().migrations().values()) {
        if (migration.state() == MigrationState.DUAL_WRITE) {
          listLater(collection, migration.number());
        } else {
          ends.resume(collection, migration);
        }
      }
    }
  }

  /// Puts dead letters back into the backlog, or waives them; a bounded number, and tells how many.
  int moveDead(String id, boolean waive) throws StorageException {
    Found found = find(id);
    LiveCollection.Moving moving = found.requireMoving();
    LiveCollection collection = found.collection();
    long number = moving.migration().number();
    MovingRows[] rows = new MovingRows[1];
    int[] moved = new int[1];
    try (View view = store.view()) {
      write(
          collection,
          moving.migration(),
          found.field().fieldRecord(),
          Optional.empty(),
          batch -> {
            rows[0] = new MovingRows(view, batch);
            try (Scan scan =
                view.scan(
                    Table.MIGRATION,
                    Keys.inMotion(collection.number(), number, MovingRows.DEAD, 0),
                    Keys.inMotion(collection.number(), number, (char) (MovingRows.DEAD + 1), 0))) {
              while (moved[0] < DEAD_ROWS_MAX && scan.advance()) {
                BacklogRecord dead = BacklogRecord.decode(scan.valueBytes());
                if (dead.waived()) {
                  continue;
                }
                long internalId = Keys.internalIdOf(scan.key());
                if (waive) {
                  rows[0].put(
                      collection.number(),
                      moving,
                      MovingRows.DEAD,
                      internalId,
                      new BacklogRecord(dead.attempts(), dead.contentHash(), true, dead.reason()));
                } else {
                  rows[0].remove(collection.number(), moving, MovingRows.DEAD, internalId);
                  rows[0].put(
                      collection.number(),
                      moving,
                      MovingRows.FORWARD,
                      internalId,
                      BacklogRecord.FRESH);
                }
                moved[0]++;
              }
            }
            rows[0].finish();
          });
      rows[0].publish();
    }
    if (!waive) {
      moving.state().side(BackfillSide.FORWARD).leases().wakeAll();
    }
    return moved[0];
  }

  /// Notes in the history that dead letters were moved.
  Found deadMoved(String id, ChangeNote note) throws StorageException {
    return note(find(id), note);
  }

  static CollectionRecord.FieldRecord fieldRecord(
      LiveCollection collection, MigrationRecord migration) {
    return field(collection.layout(), migration.field()).fieldRecord();
  }

  void write(
      LiveCollection collection,
      MigrationRecord migration,
      CollectionRecord.FieldRecord field,
      ChangeNote note,
      Sequencer.Rows more)
      throws StorageException {
    write(collection, migration, field, Optional.of(note), more);
  }

  /// The one way by which a migration changes: its record, its field, its history and whatever else
  /// belongs to the step go into one batch; then the new layout is in force.
  private void write(
      LiveCollection collection,
      MigrationRecord migration,
      CollectionRecord.FieldRecord field,
      Optional<ChangeNote> note,
      Sequencer.Rows more)
      throws StorageException {
    LiveCollection.Layout before = collection.layout();
    CollectionRecord collectionRecord = before.collectionRecord().with(field);
    NavigableMap<Long, MigrationRecord> migrations = new TreeMap<>(before.migrations());
    migrations.put(migration.number(), migration);
    // Writes that wait are prepared once more for a new layout, so there is one only when something
    // is new.
    boolean same =
        migrations.equals(before.migrations())
            && collectionRecord.equals(before.collectionRecord());
    LiveCollection.Layout after = same ? before : collection.next(collectionRecord, migrations);
    long seq = sequencer.nextSeq();
    Set<LiveVersion> present = new HashSet<>(LiveCollection.versions(before).toList());
    LiveCollection.versions(after)
        .filter(version -> !present.contains(version))
        .forEach(version -> version.publish(seq));
    sequencer.change(
        collection,
        batch -> {
          batch.put(
              Table.SYSTEM,
              Keys.migration('M', collection.number(), migration.number()),
              migration.encode());
          if (!collectionRecord.equals(before.collectionRecord())) {
            batch.put(
                Table.SYSTEM, Keys.collection(collection.number()), collectionRecord.encode());
          }
          if (note.isPresent()) {
            MigrationEvent event =
                new MigrationEvent(
                    migration.revision(),
                    System.currentTimeMillis(),
                    migration.state(),
                    field.route().basisPoints(),
                    field.route().epoch(),
                    note.get().actor(),
                    note.get().reason());
            batch.put(
                Table.MIGRATION,
                Keys.inMotion(collection.number(), migration.number(), 'H', migration.revision()),
                EventRecord.encode(event));
          }
          more.addTo(batch);
        },
        after);
  }

  /// What a client would send and the new version take, or a refusal of what cannot be migrated to.
  /// Any thread.
  static void checkSpec(LiveCollection.LiveField field, EmbeddingSpec to) {
    LiveVersion from = field.writeVersion();
    if (to.origin() != Origin.DERIVED && from.takesSpace(to.spaceId())) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.model",
          to.model() + ", whose vectors are of the same space as those of the present version",
          "another model or revision; or origin DERIVED for another index, storage, metric or fewer"
              + " dimensions of the same model");
    }
  }
}
