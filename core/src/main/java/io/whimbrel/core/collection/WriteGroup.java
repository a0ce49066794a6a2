package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.ChangeRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Progress;
import io.whimbrel.core.store.RequestRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.Totals;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The requests that share one `WriteBatch`. Each is decided against what is stored and what
/// earlier requests of the group did; a refused request leaves no trace. Belongs to the sequencer
/// thread.
final class WriteGroup {
  /// Change-log rows kept; recovery of a derived file that is further behind starts from the points
  /// instead.
  static final long LOG_ROWS_MAX = 262_144;

  /// Rows are trimmed in steps, since every trim costs a range tombstone.
  private static final long LOG_TRIM_STEP = 65_536;

  private final View view;
  private final Batch batch;
  private final Catalog catalog;
  private final RequestMemory requests;
  private final int asyncWithinMillis;
  private Progress progress;
  private long logStart;
  private final Map<Key, Optional<StoredPoint>> overlay = new HashMap<>();
  private final Map<LiveCollection, TotalsBuilder> totals = new LinkedHashMap<>();
  private final List<IndexChange> indexChanges = new ArrayList<>();
  private final Set<LiveVersion> touched = new LinkedHashSet<>();
  private final Map<LiveCollection, PayloadIndexes.Prepared> payloads = new LinkedHashMap<>();
  private final MovingRows movingRows;
  private final MovingWrites movingWrites;
  private boolean changed;

  private record Key(int collection, PointId id) {}

  private record StoredPoint(long internalId, PointRecord record) {
    StoredPoint withVectors(List<PointRecord.VectorRef> vectors) {
      return new StoredPoint(internalId, record.withVectors(vectors));
    }
  }

  /// @param values the new vector; empty to remove it
  private record IndexChange(LiveVersion version, long internalId, float[] values, long seq) {}

  private static final float[] REMOVED = {};

  private static final Comparator<PointRecord.VectorRef> KEY_ORDER =
      Comparator.comparingInt(PointRecord.VectorRef::field)
          .thenComparingInt(PointRecord.VectorRef::version);

  WriteGroup(
      View view,
      Batch batch,
      Catalog catalog,
      RequestMemory requests,
      Progress progress,
      long logStart,
      int asyncWithinMillis) {
    this.view = view;
    this.batch = batch;
    this.catalog = catalog;
    this.requests = requests;
    this.progress = progress;
    this.logStart = logStart;
    this.asyncWithinMillis = asyncWithinMillis;
    this.movingRows = new MovingRows(view, batch);
    this.movingWrites = new MovingWrites(movingRows);
  }

  /// Decides one request and adds its rows to the batch, or refuses it with a `WhimbrelException`
  /// and adds nothing.
  WriteResult decide(PreparedWrite prepared, WriteOptions options, long nowMillis)
      throws StorageException {
    if (!options.requestId().isEmpty()) {
      Optional<RequestRecord> first = requests.recall(options.requestId(), prepared.fingerprint());
      if (first.isPresent()) {
        return result(first.get().seq(), first.get().affected(), options, true);
      }
    }
    requireHeld(prepared.collection());
    // A migration moved on since the request was prepared.
    PreparedWrite write =
        prepared.layout() == prepared.collection().layout() ? prepared : prepared.again();
    List<Optional<StoredPoint>> stored = load(write.collection(), write.kind().entries());
    checkConditions(write, stored);
    long seq = progress.seq() + 1;
    long affected = apply(write, stored, seq);
    if (!options.requestId().isEmpty()) {
      requests.remember(
          batch,
          options.requestId(),
          new RequestRecord(seq, affected, write.fingerprint(), nowMillis));
    }
    return result(seq, affected, options, false);
  }

  private void requireHeld(LiveCollection collection) {
    if (!catalog.holds(collection)) {
      // Dropped since the request was prepared; a collection made anew under the name has another
      // spec.
      catalog.require(collection.name());
      throw WhimbrelException.of(
          ErrorCode.COLLECTION_NOT_FOUND,
          "collection",
          '"' + collection.name() + '"',
          "the collection the request was made for; it was deleted and made anew");
    }
  }

  private WriteResult result(long seq, long affected, WriteOptions options, boolean repeated) {
    return new WriteResult(
        seq,
        affected,
        options.durability(),
        options.durability() == Durability.SYNC ? 0 : asyncWithinMillis,
        repeated);
  }

  /// The points as they stand, earlier requests of the group included.
  private List<Optional<StoredPoint>> load(
      LiveCollection liveCollection, List<? extends PreparedWrite.Named> entries)
      throws StorageException {
    int collection = liveCollection.number();
    List<PreparedWrite.Named> missing = new ArrayList<>();
    for (PreparedWrite.Named entry : entries) {
      if (!overlay.containsKey(new Key(collection, entry.id()))) {
        missing.add(entry);
      }
    }
    List<byte @Nullable []> internalIds =
        view.multiGet(Table.IDS, missing.stream().map(PreparedWrite.Named::idKey).toList());
    List<PreparedWrite.Named> present = new ArrayList<>();
    List<byte[]> pointKeys = new ArrayList<>();
    for (int i = 0; i < missing.size(); i++) {
      byte[] internalId = internalIds.get(i);
      if (internalId == null) {
        overlay.put(new Key(collection, missing.get(i).id()), Optional.empty());
      } else {
        present.add(missing.get(i));
        pointKeys.add(Keys.point(collection, ByteBuffer.wrap(internalId).getLong()));
      }
    }
    List<byte @Nullable []> records = view.multiGet(Table.POINTS, pointKeys);
    for (int i = 0; i < present.size(); i++) {
      byte[] bytes = records.get(i);
      if (bytes == null) {
        throw new StorageException(
            "a point id of collection " + liveCollection.name() + " has no point record");
      }
      long internalId = Keys.internalIdOf(ByteBuffer.wrap(pointKeys.get(i)));
      overlay.put(
          new Key(collection, present.get(i).id()),
          Optional.of(new StoredPoint(internalId, PointRecord.decode(bytes))));
    }
    List<Optional<StoredPoint>> stored = new ArrayList<>(entries.size());
    for (PreparedWrite.Named entry : entries) {
      stored.add(Objects.requireNonNull(overlay.get(new Key(collection, entry.id()))));
    }
    return stored;
  }

  private static void checkConditions(PreparedWrite write, List<Optional<StoredPoint>> stored) {
    for (int i = 0; i < stored.size(); i++) {
      PreparedWrite.Entry entry = write.kind().entries().get(i);
      if (write.kind() instanceof PreparedWrite.Kind.UpdatePayload && stored.get(i).isEmpty()) {
        throw WhimbrelException.of(
            ErrorCode.POINT_NOT_FOUND,
            entry.path(),
            '"' + entry.id().toString() + '"',
            "the id of a point in collection \"" + write.collection().name() + '"');
      }
      long seq = stored.get(i).map(point -> point.record().seq()).orElse(0L);
      if (entry.ifSeq().isPresent() && entry.ifSeq().getAsLong() != seq) {
        throw WhimbrelException.of(
            ErrorCode.SEQ_MISMATCH,
            write.kind() instanceof PreparedWrite.Kind.Upsert ? entry.path() + ".if_seq" : "if_seq",
            entry.ifSeq().getAsLong(),
            seq == 0
                ? "0, since there is no point \"" + entry.id() + '"'
                : seq + ", the stored sequence number of point \"" + entry.id() + '"');
      }
    }
  }

  private long apply(PreparedWrite write, List<Optional<StoredPoint>> stored, long seq)
      throws StorageException {
    // Encoded before the first row goes into the batch: a payload that outgrows its limit refuses
    // the whole request.
    List<PointRecord> payloadUpdates =
        write.kind() instanceof PreparedWrite.Kind.UpdatePayload update
            ? changedPayloads(update, stored, seq)
            : List.of();
    long affected = 0;
    long[] changedIds = new long[stored.size()];
    for (int i = 0; i < stored.size(); i++) {
      Optional<StoredPoint> before = stored.get(i);
      long internalId =
          switch (write.kind()) {
            case PreparedWrite.Kind.Upsert upsert ->
                upsert(write.collection(), upsert.entries().get(i), before, seq);
            case PreparedWrite.Kind.Delete delete ->
                before.isPresent() && delete.matcher().matches(before.get().record())
                    ? delete(write.collection(), delete.entries().get(i), before.get(), seq)
                    : 0;
            case PreparedWrite.Kind.UpdatePayload update ->
                updatePayload(
                    write.collection(),
                    update.entries().get(i),
                    before.orElseThrow(),
                    payloadUpdates.get(i),
                    seq);
          };
      if (internalId != 0) {
        changedIds[(int) affected++] = internalId;
      }
    }
    changed(write.collection(), Arrays.copyOf(changedIds, (int) affected), seq);
    return affected;
  }

  /// Notes what the request of `seq` changed.
  private void changed(LiveCollection collection, long[] internalIds, long seq)
      throws StorageException {
    batch.put(
        Table.LOG, Keys.log(seq), new ChangeRecord(collection.number(), internalIds).encode());
    progress = new Progress(seq, progress.nextInternalId(), progress.nextCollection());
    changed = true;
  }

  private long upsert(
      LiveCollection collection,
      PreparedWrite.PreparedPoint point,
      Optional<StoredPoint> before,
      long seq)
      throws StorageException {
    long internalId;
    if (before.isPresent()) {
      internalId = before.get().internalId();
    } else {
      internalId = progress.nextInternalId();
      progress = new Progress(progress.seq(), internalId + 1, progress.nextCollection());
      batch.put(
          Table.IDS, point.idKey(), ByteBuffer.allocate(Long.BYTES).putLong(internalId).array());
    }
    List<PointRecord.VectorRef> refs = new ArrayList<>(point.fields().size());
    for (PreparedWrite.PreparedField field : point.fields()) {
      for (PreparedWrite.PreparedVector vector : field.vectors()) {
        refs.add(vector.version().ref());
        VectorRecord.setSeq(vector.row(), seq, seq);
        putVector(collection, vector.version(), internalId, vector.values(), vector.row(), seq);
      }
      if (field.field().moving().isPresent() && before.isPresent()) {
        refs.addAll(
            movingWrites.kept(
                collection.number(),
                field.field().moving().get(),
                internalId,
                before.get().record(),
                field));
      }
    }
    refs.sort(KEY_ORDER);
    if (before.isPresent()) {
      removeVectors(collection, before.get(), refs, seq);
    }
    PointRecord after =
        new PointRecord(point.id(), seq, refs, point.contentVersion(), point.payload());
    for (LiveCollection.LiveField field : collection.fields()) {
      if (field.moving().isPresent()) {
        Optional<PreparedWrite.PreparedField> write =
            point.fields().stream().filter(f -> f.field() == field).findFirst();
        movingWrites.upserted(
            collection.number(),
            field.moving().get(),
            internalId,
            before.map(StoredPoint::record),
            after,
            write);
      }
    }
    put(collection, point, before, new StoredPoint(internalId, after));
    return internalId;
  }

  private void putVector(
      LiveCollection collection,
      LiveVersion version,
      long internalId,
      float[] values,
      byte[] row,
      long seq)
      throws StorageException {
    PointRecord.VectorRef ref = version.ref();
    batch.put(
        Table.VECTORS,
        Keys.vector(collection.number(), ref.field(), ref.version(), internalId),
        row);
    if (!collection.moving().isEmpty()) {
      movingRows.stored(collection.number(), ref, internalId, row);
    }
    indexChanges.add(new IndexChange(version, internalId, values, seq));
  }

  private long updatePayload(
      LiveCollection collection,
      PreparedWrite.PreparedId entry,
      StoredPoint before,
      PointRecord changedPayload,
      long seq)
      throws StorageException {
    PointRecord after = changedPayload;
    for (LiveCollection.Moving moving : collection.moving()) {
      after =
          after.withVectors(
              movingWrites.payloadChanged(
                  collection.number(), moving, before.internalId(), before.record(), after));
    }
    removeVectors(collection, before, after.vectors(), seq);
    return put(collection, entry, Optional.of(before), new StoredPoint(before.internalId(), after));
  }

  private long delete(
      LiveCollection collection, PreparedWrite.PreparedId entry, StoredPoint before, long seq)
      throws StorageException {
    removeVectors(collection, before, List.of(), seq);
    for (LiveCollection.Moving moving : collection.moving()) {
      movingWrites.deleted(collection.number(), moving, before.internalId(), before.record());
    }
    batch.delete(Table.IDS, entry.idKey());
    batch.delete(Table.POINTS, Keys.point(collection.number(), before.internalId()));
    overlay.put(new Key(collection.number(), entry.id()), Optional.empty());
    totals(collection).replace(Optional.of(before), Optional.empty());
    collection
        .payload()
        .change(before.internalId(), Optional.of(before.record()), Optional.empty());
    changeTexts(collection, before.internalId(), Optional.of(before), Optional.empty());
    return before.internalId();
  }

  /// Removes the vectors of `before` that are not in `kept`. Those of dropped versions go with
  /// their range.
  private void removeVectors(
      LiveCollection collection, StoredPoint before, List<PointRecord.VectorRef> kept, long seq)
      throws StorageException {
    for (PointRecord.VectorRef ref : before.record().vectors()) {
      Optional<LiveVersion> version =
          kept.contains(ref) ? Optional.empty() : collection.version(ref);
      if (version.isPresent()) {
        batch.delete(
            Table.VECTORS,
            Keys.vector(collection.number(), ref.field(), ref.version(), before.internalId()));
        if (!collection.moving().isEmpty()) {
          movingRows.removed(collection.number(), ref, before.internalId());
        }
        indexChanges.add(new IndexChange(version.get(), before.internalId(), REMOVED, seq));
      }
    }
  }

  private long put(
      LiveCollection collection,
      PreparedWrite.Named entry,
      Optional<StoredPoint> before,
      StoredPoint after)
      throws StorageException {
    batch.put(
        Table.POINTS, Keys.point(collection.number(), after.internalId()), after.record().encode());
    overlay.put(new Key(collection.number(), entry.id()), Optional.of(after));
    totals(collection).replace(before, Optional.of(after));
    collection
        .payload()
        .change(after.internalId(), before.map(StoredPoint::record), Optional.of(after.record()));
    changeTexts(collection, after.internalId(), before, Optional.of(after));
    return after.internalId();
  }

  private void changeTexts(
      LiveCollection collection,
      long internalId,
      Optional<StoredPoint> before,
      Optional<StoredPoint> after)
      throws StorageException {
    for (LiveText text : collection.texts()) {
      text.change(
          internalId,
          before.map(StoredPoint::record),
          after.map(StoredPoint::record),
          progress.seq() + 1);
    }
  }

  private static List<PointRecord> changedPayloads(
      PreparedWrite.Kind.UpdatePayload update, List<Optional<StoredPoint>> stored, long seq)
      throws StorageException {
    List<PointRecord> changed = new ArrayList<>(stored.size());
    for (Optional<StoredPoint> point : stored) {
      PointRecord before = point.orElseThrow().record();
      Map<String, Value> payload =
          switch (update.change()) {
            case Mutation.PayloadChange.Set set -> set.payload();
            case Mutation.PayloadChange.Merge merge -> {
              Map<String, Value> merged = new HashMap<>(before.decodePayload());
              merged.putAll(merge.payload());
              yield merged;
            }
            case Mutation.PayloadChange.DeleteKeys delete -> {
              Map<String, Value> rest = new HashMap<>(before.decodePayload());
              delete.keys().forEach(rest::remove);
              yield rest;
            }
            case Mutation.PayloadChange.Clear _ -> Map.of();
          };
      changed.add(
          new PointRecord(
              before.id(),
              seq,
              before.vectors(),
              before.contentVersion(),
              PayloadCodec.encode("payload", payload)));
    }
    return changed;
  }

  /// Decides one request of a backfill. Each point is decided by itself; nothing is refused after
  /// the first row.
  List<CommitResult> decide(PreparedBackfill request) throws StorageException {
    LiveCollection collection = request.collection();
    requireHeld(collection);
    LiveCollection.Moving moving = request.require();
    load(collection, request.items());
    long seq = progress.seq() + 1;
    List<CommitResult> results = new ArrayList<>(request.items().size());
    long[] changedIds = new long[request.items().size()];
    int changedCount = 0;
    boolean touched = false;
    for (PreparedBackfill.Item item : request.items()) {
      Optional<StoredPoint> stored =
          Objects.requireNonNull(overlay.get(new Key(collection.number(), item.id())));
      CommitResult.Outcome outcome;
      if (stored.isEmpty() || !MovingWrites.isIn(stored.get().record(), moving)) {
        outcome = CommitResult.Outcome.GONE;
      } else {
        StoredPoint point = stored.get();
        int changesBefore = indexChanges.size();
        outcome =
            switch (item.ask()) {
              case PreparedBackfill.Vector vector ->
                  commit(collection, moving, request.side(), item, vector, point, seq);
              case PreparedBackfill.Failure failure ->
                  fail(collection, moving, request.side(), failure, point);
              case PreparedBackfill.Requeue _ -> requeue(collection, moving, request.side(), point);
            };
        boolean stores = indexChanges.size() > changesBefore;
        if (stores) {
          changedIds[changedCount++] = point.internalId();
        }
        touched |=
            stores
                || outcome == CommitResult.Outcome.DEAD_LETTER
                || outcome == CommitResult.Outcome.REQUEUED;
        MovingField.Side side = moving.state().side(request.side());
        long rest = outcome == CommitResult.Outcome.REQUEUED ? item.restNanos() : 0;
        movingRows.afterwards(() -> side.leases().rest(point.internalId(), rest));
      }
      String reason = outcome == CommitResult.Outcome.DEAD_LETTER ? item.fault() : "";
      results.add(new CommitResult(item.id(), outcome, reason));
    }
    if (touched) {
      changed(collection, Arrays.copyOf(changedIds, changedCount), seq);
    }
    int stored = changedCount;
    if (stored > 0) {
      movingRows.afterwards(() ->
          moving
              .state()
              .side(request.side())
              .pace()
              .committed(moving.migration().flags().throttle(), stored));
    }
    return results;
  }

  /// The commit rule: the vector is stored when the point still has the content it was made from,
  /// and the version has not got a vector of that content already.
  private CommitResult.Outcome commit(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      PreparedBackfill.Item item,
      PreparedBackfill.Vector vector,
      StoredPoint point,
      long seq)
      throws StorageException {
    int number = collection.number();
    long internalId = point.internalId();
    LiveVersion target = side == BackfillSide.FORWARD ? moving.to() : moving.from();
    long contentHash = movingRows.contents().hash(number, moving, internalId, point.record());
    if (contentHash != vector.contentHash()) {
      return CommitResult.Outcome.STALE;
    }
    boolean has = point.record().vectors().contains(target.ref());
    if (has && movingRows.isCurrent(number, target, internalId, contentHash)) {
      return CommitResult.Outcome.STORED;
    }
    if (!vector.fault().isEmpty()) {
      // The old version has no dead letters: the point stays listed, which Complete shows.
      return side == BackfillSide.FORWARD
          ? bury(number, moving, internalId, contentHash, vector.fault())
          : CommitResult.Outcome.REQUEUED;
    }
    VectorRecord.setSeq(vector.row(), seq, point.record().seq());
    putVector(collection, target, internalId, vector.values(), vector.row(), seq);
    if (!has) {
      List<PointRecord.VectorRef> refs = new ArrayList<>(point.record().vectors());
      refs.add(target.ref());
      refs.sort(KEY_ORDER);
      put(collection, item, Optional.of(point), point.withVectors(refs));
    }
    movingRows.remove(number, moving, MovingRows.kind(side), internalId);
    if (side == BackfillSide.FORWARD) {
      movingRows.remove(number, moving, MovingRows.DEAD, internalId);
    }
    return CommitResult.Outcome.STORED;
  }

  private CommitResult.Outcome fail(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      PreparedBackfill.Failure failure,
      StoredPoint point)
      throws StorageException {
    int number = collection.number();
    Optional<BacklogRecord> listed =
        movingRows.entry(number, moving, MovingRows.kind(side), point.internalId());
    if (listed.isEmpty()) {
      // Written by somebody else meanwhile, or given up before.
      return movingRows.entry(number, moving, MovingRows.DEAD, point.internalId()).isPresent()
          ? CommitResult.Outcome.DEAD_LETTER
          : CommitResult.Outcome.STALE;
    }
    long contentHash =
        movingRows.contents().hash(number, moving, point.internalId(), point.record());
    int attempts = listed.get().attempts() + 1;
    if (side == BackfillSide.FORWARD
        && (failure.permanent() || attempts >= PreparedBackfill.ATTEMPTS_MAX)) {
      return bury(number, moving, point.internalId(), contentHash, failure.reason());
    }
    movingRows.put(
        number,
        moving,
        MovingRows.kind(side),
        point.internalId(),
        new BacklogRecord(attempts, contentHash, false, failure.reason()));
    return CommitResult.Outcome.REQUEUED;
  }

  private CommitResult.Outcome bury(
      int number, LiveCollection.Moving moving, long internalId, long contentHash, String reason)
      throws StorageException {
    int attempts =
        1
            + movingRows
                .entry(number, moving, MovingRows.FORWARD, internalId)
                .map(BacklogRecord::attempts)
                .orElse(0);
    movingRows.remove(number, moving, MovingRows.FORWARD, internalId);
    movingRows.put(
        number,
        moving,
        MovingRows.DEAD,
        internalId,
        new BacklogRecord(attempts, contentHash, false, reason));
    return CommitResult.Outcome.DEAD_LETTER;
  }

  /// Lists a point whose vector was found wrong. Its hash is cleared, so that a commit of the same
  /// content is taken.
  private CommitResult.Outcome requeue(
      LiveCollection collection, LiveCollection.Moving moving, BackfillSide side, StoredPoint point)
      throws StorageException {
    int number = collection.number();
    LiveVersion target = side == BackfillSide.FORWARD ? moving.to() : moving.from();
    LiveVersion other = side == BackfillSide.FORWARD ? moving.from() : moving.to();
    if (!point.record().vectors().contains(other.ref())) {
      return CommitResult.Outcome.STALE;
    }
    Optional<byte[]> row = movingRows.vector(number, target.ref(), point.internalId());
    if (row.isPresent()) {
      byte[] doubtful = VectorRecord.withoutContent(row.get());
      batch.put(
          Table.VECTORS,
          Keys.vector(number, target.ref().field(), target.ref().version(), point.internalId()),
          doubtful);
      movingRows.stored(number, target.ref(), point.internalId(), doubtful);
    }
    movingRows.put(number, moving, MovingRows.kind(side), point.internalId(), BacklogRecord.FRESH);
    return CommitResult.Outcome.REQUEUED;
  }

  private TotalsBuilder totals(LiveCollection collection) {
    return totals.computeIfAbsent(
        collection, c -> new TotalsBuilder(c.totals(), ref -> c.version(ref).isPresent()));
  }

  /// Whether there is anything to write.
  boolean changed() {
    return changed;
  }

  /// Adds the rows that all requests share. Nothing is decided afterwards.
  void finish() throws StorageException {
    for (Map.Entry<LiveCollection, TotalsBuilder> entry : totals.entrySet()) {
      batch.put(
          Table.SYSTEM, Keys.totals(entry.getKey().number()), entry.getValue().build().encode());
    }
    movingRows.finish();
    if (progress.seq() - logStart > LOG_ROWS_MAX + LOG_TRIM_STEP) {
      long newStart = progress.seq() - LOG_ROWS_MAX;
      batch.deleteRange(Table.LOG, Keys.log(logStart), Keys.log(newStart));
      logStart = newStart;
    }
    batch.put(Table.SYSTEM, Keys.PROGRESS, progress.encode());
  }

  /// Does all of publishing that costs time and that no reader sees. Called before the batch is
  /// written, so that readers never wait long for memory to follow the store; should the write
  /// fail, nothing is published any more.
  void stage() {
    for (IndexChange change : indexChanges) {
      if (change.values() == REMOVED) {
        change.version().remove(change.internalId(), change.seq());
      } else {
        change.version().put(change.internalId(), change.values(), change.seq());
      }
      touched.add(change.version());
    }
    for (LiveCollection collection : totals.keySet()) {
      payloads.put(collection, collection.payload().prepare());
    }
  }

  /// Makes the group visible to readers. Called once the batch is written.
  void publish() {
    for (LiveVersion version : touched) {
      version.publish(progress.seq());
    }
    payloads.forEach((collection, prepared) -> {
      collection.payload().publish(prepared);
      collection.texts().forEach(text -> text.index().publish(progress.seq()));
    });
    totals.forEach((collection, builder) -> collection.replaceTotals(builder.build()));
  }

  /// Called after the publish; they are told each version and text index that may have changed.
  void tidy(Consumer<LiveVersion> published, Consumer<LiveText> publishedTexts) {
    totals.keySet().forEach(collection -> collection.texts().forEach(publishedTexts));
    for (LiveVersion version : touched) {
      version.tidy();
      published.accept(version);
    }
    movingRows.publish();
  }

  Progress progress() {
    return progress;
  }

  long logStart() {
    return logStart;
  }

  /// Totals in the making. Vectors are hashed by internal id alone: a payload update changes the
  /// point's sequence number and leaves the vector's row as it was.
  private static final class TotalsBuilder {
    private Totals.Tally points;
    private final Map<PointRecord.VectorRef, Totals.Tally> vectors;
    private final Predicate<PointRecord.VectorRef> isKnown;

    /// `isKnown` tells the versions that are there from dropped ones, which points may still name.
    TotalsBuilder(Totals start, Predicate<PointRecord.VectorRef> isKnown) {
      this.isKnown = isKnown;
      this.points = start.points();
      this.vectors = new HashMap<>(start.vectors());
    }

    void replace(Optional<StoredPoint> before, Optional<StoredPoint> after) {
      before.ifPresent(point -> {
        points = points.minus(point.internalId(), point.record().seq());
        point.record().vectors().stream()
            .filter(isKnown)
            .forEach(ref ->
                vectors.compute(ref, (_, tally) -> orEmpty(tally).minus(point.internalId(), 0)));
      });
      after.ifPresent(point -> {
        points = points.plus(point.internalId(), point.record().seq());
        point.record().vectors().stream()
            .filter(isKnown)
            .forEach(ref ->
                vectors.compute(ref, (_, tally) -> orEmpty(tally).plus(point.internalId(), 0)));
      });
    }

    private static Totals.Tally orEmpty(Totals.@Nullable Tally tally) {
      return tally == null ? Totals.Tally.EMPTY : tally;
    }

    Totals build() {
      return new Totals(points, vectors);
    }
  }
}
