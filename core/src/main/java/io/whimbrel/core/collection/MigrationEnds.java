package io.whimbrel.core.collection;

import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.Totals;
import io.whimbrel.core.store.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How migrations end: one version remains, the other one's rows are given back in the background.
/// Of the sequencer thread, like [MigrationSteps].
final class MigrationEnds {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationEnds.class);

  /// Spaces of dropped versions that a field remembers, to tell old clients what became of them.
  private static final int RETIRED_MAX = 64;

  private final MigrationSteps steps;
  private final Sequencer sequencer;
  private final Store store;
  private final Catalog catalog;

  MigrationEnds(MigrationSteps steps, Sequencer sequencer, Store store, Catalog catalog) {
    this.steps = steps;
    this.sequencer = sequencer;
    this.store = store;
    this.catalog = catalog;
  }

  /// Passes the point of no return. What makes it unsafe is checked by the caller's rules in
  /// `unsafe`, which are empty when the operator forces it.
  MigrationSteps.Found complete(String id, boolean keepData, List<String> unsafe, ChangeNote note)
      throws StorageException {
    MigrationSteps.Found found = steps.find(id);
    MigrationState state = found.migration().state();
    if (state == MigrationState.COMPLETING || state == MigrationState.COMPLETED) {
      return keepData ? found : dropKept(found, note);
    }
    state.to(MigrationState.COMPLETING);
    if (!unsafe.isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.UNSAFE,
          "migration",
          String.join("; ", unsafe),
          "none of this, or force with the collection's name as confirmation");
    }
    return end(
        found,
        MigrationState.COMPLETING,
        found.migration().fromVersion(),
        found.migration().toVersion(),
        keepData,
        note);
  }

  /// Gives the new version up.
  MigrationSteps.Found cancel(String id, boolean keepData, ChangeNote note)
      throws StorageException {
    MigrationSteps.Found found = steps.find(id);
    MigrationState state = found.migration().state();
    if (state == MigrationState.CANCELLING || state == MigrationState.CANCELLED) {
      return keepData ? found : dropKept(found, note);
    }
    if (state == MigrationState.PLANNED) {
      return steps.move(
          found, found.migration(), MigrationState.CANCELLED, found.field().fieldRecord(), note);
    }
    if (!state.leadsTo(MigrationState.CANCELLING)) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          id + " is " + state,
          "0 basis points; reverse the traffic first");
    }
    return end(
        found,
        MigrationState.CANCELLING,
        found.migration().toVersion(),
        found.migration().fromVersion(),
        keepData,
        note);
  }

  /// One version remains; the other is dropped, or kept without further writes.
  private MigrationSteps.Found end(
      MigrationSteps.Found found,
      MigrationState next,
      int goneVersion,
      int remaining,
      boolean keepData,
      ChangeNote note)
      throws StorageException {
    LiveCollection collection = found.collection();
    CollectionRecord.FieldRecord field = found.field().fieldRecord();
    LiveVersion gone = found.field().version(goneVersion);
    LiveVersion stays = found.field().version(remaining);
    List<String> retired = new ArrayList<>(field.retired());
    if (!stays.takesSpace(gone.inputSpaceId())) {
      retired.remove(gone.inputSpaceId());
      retired.add(gone.inputSpaceId());
      if (retired.size() > RETIRED_MAX) {
        retired.removeFirst();
      }
    }
    CollectionRecord.FieldRecord newField =
        new CollectionRecord.FieldRecord(
            field.number(),
            field.name(),
            keepData ? field.versions() : versionsWithout(field, goneVersion),
            List.of(remaining),
            remaining,
            field.nextVersion(),
            CollectionRecord.Route.only(remaining, field.route().epoch() + 1),
            retired);
    MigrationRecord migration = found.migration();
    Totals newTotals = keepData ? collection.totals() : totalsWithout(collection, gone.ref());
    steps.write(
        collection,
        migration
            .withFacts(migration.switchedAtMillis(), migration.verified(), "", keepData)
            .withState(migration.state().to(next)),
        newField,
        note,
        batch -> batch.put(Table.SYSTEM, Keys.totals(collection.number()), newTotals.encode()));
    dropped(collection, newTotals);
    reclaimLater(collection, migration.number());
    return steps.find(migration.id());
  }

  /// Drops the version that was kept when the migration ended. Nothing changes when none was, or
  /// while its end is not done.
  private MigrationSteps.Found dropKept(MigrationSteps.Found found, ChangeNote note)
      throws StorageException {
    MigrationRecord migration = found.migration();
    if (!migration.keepData() || !migration.state().ended()) {
      return found;
    }
    LiveCollection collection = found.collection();
    CollectionRecord.FieldRecord field = found.field().fieldRecord();
    int gone = goneVersion(migration);
    CollectionRecord.FieldRecord newField =
        new CollectionRecord.FieldRecord(
            field.number(),
            field.name(),
            versionsWithout(field, gone),
            field.writeSet(),
            field.readVersion(),
            field.nextVersion(),
            field.route(),
            field.retired());
    Totals newTotals = totalsWithout(collection, new PointRecord.VectorRef(field.number(), gone));
    steps.write(
        collection,
        migration
            .withFacts(migration.switchedAtMillis(), migration.verified(), "", false)
            .withState(migration.state()),
        newField,
        note,
        batch -> batch.put(Table.SYSTEM, Keys.totals(collection.number()), newTotals.encode()));
    dropped(collection, newTotals);
    reclaimLater(collection, migration.number());
    return steps.find(migration.id());
  }

  private static List<CollectionRecord.VersionRecord> versionsWithout(
      CollectionRecord.FieldRecord field, int gone) {
    return field.versions().stream().filter(version -> version.number() != gone).toList();
  }

  private static Totals totalsWithout(LiveCollection collection, PointRecord.VectorRef gone) {
    Map<PointRecord.VectorRef, Totals.Tally> vectors = new HashMap<>(collection.totals().vectors());
    vectors.remove(gone);
    return new Totals(collection.totals().points(), vectors);
  }

  /// What is in memory follows. The version is closed by now: a read that sees its points no longer
  /// cannot get hold of its vectors either.
  private static void dropped(LiveCollection collection, Totals newTotals) {
    collection.replaceTotals(newTotals);
    collection.payload().keepVersions(newTotals.vectors().keySet());
  }

  /// Takes up what an earlier process left unfinished of a migration that ends or has ended.
  void resume(LiveCollection collection, MigrationRecord migration) throws StorageException {
    boolean ends =
        migration.state() == MigrationState.COMPLETING
            || migration.state() == MigrationState.CANCELLING;
    if (ends
        || migration.state().ended() && !migration.keepData() && isLeft(collection, migration)) {
      reclaimLater(collection, migration.number());
    }
  }

  /// Whether rows of the dropped version are there. Cost: one seek.
  private boolean isLeft(LiveCollection collection, MigrationRecord migration)
      throws StorageException {
    int gone = goneVersion(migration);
    try (View view = store.view();
        Scan rows =
            view.scan(
                Table.VECTORS,
                Keys.vector(collection.number(), migration.field(), gone, 0),
                Keys.vector(collection.number(), migration.field(), gone + 1, 0))) {
      return rows.advance();
    }
  }

  private static int goneVersion(MigrationRecord migration) {
    boolean completes =
        migration.state() == MigrationState.COMPLETING
            || migration.state() == MigrationState.COMPLETED;
    return completes ? migration.fromVersion() : migration.toVersion();
  }

  private void reclaimLater(LiveCollection collection, long migration) {
    sequencer.later(() -> reclaim(collection, migration));
  }

  /// Removes the rows of a version that is no longer in use, and of the migration's backlogs. Can
  /// be repeated. In the background thread.
  private void reclaim(LiveCollection collection, long number) {
    MigrationRecord migration = collection.layout().migrations().get(number);
    if (migration == null) {
      return;
    }
    int gone = goneVersion(migration);
    try {
      if (!migration.keepData()) {
        store.removeRange(
            Table.VECTORS,
            Keys.vector(collection.number(), migration.field(), gone, 0),
            Keys.vector(collection.number(), migration.field(), gone + 1, 0));
      }
      for (char kind : new char[] {MovingRows.FORWARD, MovingRows.DEAD, MovingRows.REVERSE}) {
        store.removeRange(
            Table.MIGRATION,
            Keys.inMotion(collection.number(), number, kind, 0),
            Keys.inMotion(collection.number(), number, (char) (kind + 1), 0));
      }
      // The logs hold the removed rows too, as long as other tables have not written what is in
      // them.
      store.flush();
      sequencer.run(() -> reclaimed(collection, number));
    } catch (StorageException e) {
      LOG.error("cannot give back the space of version {} of migration {}", gone, number, e);
    }
  }

  private boolean reclaimed(LiveCollection collection, long number) throws StorageException {
    MigrationRecord migration = collection.layout().migrations().get(number);
    if (!catalog.holds(collection) || migration == null || migration.state().ended()) {
      return false;
    }
    MigrationState next =
        migration.state() == MigrationState.COMPLETING
            ? MigrationState.COMPLETED
            : MigrationState.CANCELLED;
    steps.write(
        collection,
        migration.withState(migration.state().to(next)),
        MigrationSteps.fieldRecord(collection, migration),
        ChangeNote.server("the space is given back"),
        batch -> batch.delete(Table.SYSTEM, Keys.migration('Q', collection.number(), number)));
    return true;
  }
}
