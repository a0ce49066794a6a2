package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.store.BacklogCounters;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The rows of migrations, and of vectors in migration, as the requests of one group see and change
/// them: what is stored, with what the group did before. Counters move with the rows. Belongs to
/// the sequencer thread.
final class MovingRows {
  /// Kinds of rows, as in the key.
  static final char FORWARD = 'B';

  static final char REVERSE = 'R';
  static final char DEAD = 'D';

  private final View view;
  private final Batch batch;
  private final Map<EntryKey, Optional<BacklogRecord>> entries = new HashMap<>();
  private final Map<VectorKey, Optional<byte[]>> vectors = new HashMap<>();
  private final Map<Long, Count> counts = new LinkedHashMap<>();
  private final List<Runnable> afterwards = new ArrayList<>();
  private final Contents contents = new Contents(this::vector);

  private record EntryKey(long migration, char kind, long internalId) {}

  private record VectorKey(int collection, PointRecord.VectorRef ref, long internalId) {}

  /// Counters in the making.
  private static final class Count {
    final int collection;
    final LiveCollection.Moving moving;
    BacklogCounters now;

    Count(int collection, LiveCollection.Moving moving) {
      this.collection = collection;
      this.moving = moving;
      this.now = moving.state().counters();
    }

    void add(char kind, BacklogRecord row, int sign) {
      boolean dead = kind == DEAD && !row.waived();
      boolean waived = kind == DEAD && row.waived();
      now =
          new BacklogCounters(
              now.live(),
              now.forward() + (kind == FORWARD ? sign : 0),
              now.reverse() + (kind == REVERSE ? sign : 0),
              now.dead() + (dead ? sign : 0),
              now.waived() + (waived ? sign : 0),
              now.listed());
      assert now.forward() >= 0 && now.reverse() >= 0 && now.dead() >= 0 && now.waived() >= 0;
    }
  }

  MovingRows(View view, Batch batch) {
    this.view = view;
    this.batch = batch;
  }

  static char kind(BackfillSide side) {
    return switch (side) {
      case FORWARD -> FORWARD;
      case REVERSE -> REVERSE;
    };
  }

  Optional<BacklogRecord> entry(
      int collection, LiveCollection.Moving moving, char kind, long internalId)
      throws StorageException {
    EntryKey key = new EntryKey(moving.migration().number(), kind, internalId);
    Optional<BacklogRecord> known = entries.get(key);
    if (known == null) {
      Optional<byte[]> row =
          view.get(
              Table.MIGRATION,
              Keys.inMotion(collection, moving.migration().number(), kind, internalId));
      known = row.isPresent() ? Optional.of(BacklogRecord.decode(row.get())) : Optional.empty();
      entries.put(key, known);
    }
    return known;
  }

  void put(
      int collection, LiveCollection.Moving moving, char kind, long internalId, BacklogRecord row)
      throws StorageException {
    Optional<BacklogRecord> before = entry(collection, moving, kind, internalId);
    if (before.isPresent() && before.get().equals(row)) {
      return;
    }
    Count count = count(collection, moving);
    before.ifPresent(old -> count.add(kind, old, -1));
    count.add(kind, row, 1);
    entries.put(new EntryKey(moving.migration().number(), kind, internalId), Optional.of(row));
    batch.put(
        Table.MIGRATION,
        Keys.inMotion(collection, moving.migration().number(), kind, internalId),
        row.encode());
  }

  void remove(int collection, LiveCollection.Moving moving, char kind, long internalId)
      throws StorageException {
    Optional<BacklogRecord> before = entry(collection, moving, kind, internalId);
    if (before.isEmpty()) {
      return;
    }
    count(collection, moving).add(kind, before.get(), -1);
    entries.put(new EntryKey(moving.migration().number(), kind, internalId), Optional.empty());
    batch.delete(
        Table.MIGRATION, Keys.inMotion(collection, moving.migration().number(), kind, internalId));
  }

  private Count count(int collection, LiveCollection.Moving moving) {
    return counts.computeIfAbsent(moving.migration().number(), _ -> new Count(collection, moving));
  }

  /// Says how far the points that were there before dual writes are listed.
  void listed(int collection, LiveCollection.Moving moving, long internalId) {
    Count count = count(collection, moving);
    count.now = count.now.withListed(internalId);
  }

  /// Counts a point that came into the field, or left it.
  void live(int collection, LiveCollection.Moving moving, int sign) {
    Count count = count(collection, moving);
    count.now = count.now.withLive(count.now.live() + sign);
  }

  /// Notes a vector that the group stored.
  void stored(int collection, PointRecord.VectorRef ref, long internalId, byte[] row) {
    vectors.put(new VectorKey(collection, ref, internalId), Optional.of(row));
  }

  /// Notes a vector that the group removed.
  void removed(int collection, PointRecord.VectorRef ref, long internalId) {
    vectors.put(new VectorKey(collection, ref, internalId), Optional.empty());
  }

  Optional<byte[]> vector(int collection, PointRecord.VectorRef ref, long internalId)
      throws StorageException {
    Optional<byte[]> known = vectors.get(new VectorKey(collection, ref, internalId));
    return known != null
        ? known
        : view.get(Table.VECTORS, Keys.vector(collection, ref.field(), ref.version(), internalId));
  }

  /// Whether the version has a vector of the point that was made from `contentHash`.
  boolean isCurrent(int collection, LiveVersion version, long internalId, long contentHash)
      throws StorageException {
    Optional<byte[]> row = vector(collection, version.ref(), internalId);
    return row.isPresent() && VectorRecord.contentHashOf(ByteBuffer.wrap(row.get())) == contentHash;
  }

  Contents contents() {
    return contents;
  }

  /// Runs once the group is visible.
  void afterwards(Runnable step) {
    afterwards.add(step);
  }

  /// Adds the counters to the batch.
  void finish() throws StorageException {
    for (Map.Entry<Long, Count> entry : counts.entrySet()) {
      batch.put(
          Table.SYSTEM,
          Keys.migration('Q', entry.getValue().collection, entry.getKey()),
          entry.getValue().now.encode());
    }
  }

  void publish() {
    counts.values().forEach(count -> count.moving.state().replaceCounters(count.now));
    afterwards.forEach(Runnable::run);
  }
}
