package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.Totals;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What of a collection is changed while it is in use: vector fields come and go, and the payload
/// field that says when points expire.
///
/// A dropped field's number is never used again, so points that still name it lose nothing and gain
/// nothing. Its rows are removed in the background; the record remembers that until it is done.
final class FieldSteps {
  private static final Logger LOG = LoggerFactory.getLogger(FieldSteps.class);

  private final Sequencer sequencer;
  private final Store store;
  private final Catalog catalog;

  FieldSteps(Sequencer sequencer, Store store, Catalog catalog) {
    this.sequencer = sequencer;
    this.store = store;
    this.catalog = catalog;
  }

  /// Takes up what an earlier process left unfinished.
  void resume() {
    for (LiveCollection collection : catalog.all()) {
      for (int field : collection.layout().collectionRecord().dropped()) {
        reclaimLater(collection, field);
      }
    }
  }

  /// Points that are there have no vector in the new field until one is written.
  CompletableFuture<LiveCollection> add(LiveCollection collection, FieldSpec spec) {
    return sequencer.run(() -> addNow(collection, spec));
  }

  /// Drops a field with all its versions. Refused while a migration is open on it.
  CompletableFuture<LiveCollection> drop(LiveCollection collection, String field) {
    return sequencer.run(() -> dropNow(collection, field));
  }

  /// The payload path that says when points expire; empty when none does.
  CompletableFuture<LiveCollection> expireBy(LiveCollection collection, Optional<FieldPath> path) {
    return sequencer.run(() -> expireByNow(collection, path));
  }

  private LiveCollection addNow(LiveCollection collection, FieldSpec spec) throws StorageException {
    sequencer.requireHeld(collection);
    CollectionRecord before = collection.layout().collectionRecord();
    if (collection.layout().fields().containsKey(spec.name())) {
      throw WhimbrelException.of(
          ErrorCode.FIELD_EXISTS,
          "field.name",
          '"' + spec.name() + '"',
          "another name than those of " + collection.layout().fields().keySet());
    }
    Limits.checkRange("fields", before.fields().size() + 1L, 1, Limits.FIELDS_MAX);
    Limits.checkRange("field number", before.nextField(), 1, Short.MAX_VALUE);
    LiveCollection.Layout after =
        collection.next(before.withNew(spec), collection.layout().migrations());
    long seq = sequencer.nextSeq();
    collection
        .field(after, "field.name", spec.name())
        .versions()
        .values()
        .forEach(version -> version.publish(seq));
    write(collection, after, _ -> {});
    return collection;
  }

  private LiveCollection dropNow(LiveCollection collection, String name) throws StorageException {
    sequencer.requireHeld(collection);
    LiveCollection.Layout before = collection.layout();
    LiveCollection.LiveField field = collection.field("field", name);
    int number = field.fieldRecord().number();
    NavigableMap<Long, MigrationRecord> migrations = new TreeMap<>(before.migrations());
    migrations.values().removeIf(migration -> migration.field() == number);
    for (MigrationRecord migration : before.migrations().values()) {
      if (migration.field() == number && !migration.state().ended()) {
        throw WhimbrelException.of(
            ErrorCode.MIGRATION_STATE,
            "field",
            "\"%s\" has migration %s in state %s"
                .formatted(name, migration.id(), migration.state()),
            "a field without an open migration; complete or cancel that one first");
      }
    }
    if (before.fields().size() == 1) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "field",
          '"' + name + "\", the only one",
          "a field beside others; delete the collection to be rid of all");
    }
    Totals totals = collection.totals();
    Map<PointRecord.VectorRef, Totals.Tally> vectors = new HashMap<>(totals.vectors());
    vectors.keySet().removeIf(ref -> ref.field() == number);
    Totals newTotals = new Totals(totals.points(), vectors);
    LiveCollection.Layout after =
        collection.next(before.collectionRecord().withoutField(number), migrations);
    write(
        collection,
        after,
        batch -> {
          batch.put(Table.SYSTEM, Keys.totals(collection.number()), newTotals.encode());
          for (MigrationRecord migration : before.migrations().values()) {
            if (migration.field() == number) {
              long id = migration.number();
              batch.delete(Table.SYSTEM, Keys.migration('M', collection.number(), id));
              batch.delete(Table.SYSTEM, Keys.migration('Q', collection.number(), id));
              batch.deleteRange(
                  Table.MIGRATION,
                  Keys.inMotion(collection.number(), id, (char) 0, 0),
                  Keys.inMotion(collection.number(), id + 1, (char) 0, 0));
            }
          }
        });
    collection.replaceTotals(newTotals);
    reclaimLater(collection, number);
    return collection;
  }

  private void reclaimLater(LiveCollection collection, int field) {
    sequencer.later(() -> reclaim(collection, field));
  }

  /// Gives the space of a dropped field back. Can be repeated. In the background thread.
  private void reclaim(LiveCollection collection, int field) {
    try {
      store.removeRange(
          Table.VECTORS,
          Keys.vector(collection.number(), field, 0, 0),
          Keys.vector(collection.number(), field + 1, 0, 0));
      // The logs hold the removed rows too, as long as other tables have not written what is in
      // them.
      store.flush();
      sequencer.run(() -> reclaimed(collection, field));
    } catch (StorageException e) {
      LOG.error(
          "cannot give back the space of dropped field {} of {}", field, collection.name(), e);
    }
  }

  private boolean reclaimed(LiveCollection collection, int field) throws StorageException {
    if (!catalog.holds(collection)) {
      return false;
    }
    LiveCollection.Layout before = collection.layout();
    CollectionRecord record = before.collectionRecord().withoutDropped(field);
    write(collection, collection.next(record, before.migrations()), _ -> {});
    return true;
  }

  private LiveCollection expireByNow(LiveCollection collection, Optional<FieldPath> path)
      throws StorageException {
    sequencer.requireHeld(collection);
    if (path.isPresent()) {
      PayloadIndexSpec index = collection.payload().snapshot().declared().get(path.get().steps());
      boolean ready = collection.payload().snapshot().indexes().containsKey(path.get().steps());
      if (index == null || index.type() != ScalarType.TIMESTAMP || !ready) {
        throw WhimbrelException.of(
            ErrorCode.INDEX_NEEDED,
            "ttl_path",
            '"' + path.get().text() + '"',
            "a path with a timestamp index that is ready");
      }
    }
    LiveCollection.Layout before = collection.layout();
    CollectionRecord record = before.collectionRecord().expiringBy(path);
    write(collection, collection.next(record, before.migrations()), _ -> {});
    return collection;
  }

  private void write(LiveCollection collection, LiveCollection.Layout after, Sequencer.Rows more)
      throws StorageException {
    sequencer.change(
        collection,
        batch -> {
          batch.put(
              Table.SYSTEM,
              Keys.collection(collection.number()),
              after.collectionRecord().encode());
          more.addTo(batch);
        },
        after);
  }
}
