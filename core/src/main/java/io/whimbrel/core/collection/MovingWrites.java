package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.StaleRead;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a write does to a field in migration, besides storing the vectors that came with it.
///
/// The rule of the forward backlog, kept by every write: a point that has a vector of the field is
/// listed, or is a dead letter of its present content, exactly when the new version's vector is
/// missing or was made from other content. The reverse backlog lists the points whose present
/// content came for the new version only. Belongs to the sequencer thread.
final class MovingWrites {
  private final MovingRows rows;

  MovingWrites(MovingRows rows) {
    this.rows = rows;
  }

  /// The vectors of `before` that stay beside those that an upsert brings: one that is of the same
  /// content, or that is served stale.
  List<PointRecord.VectorRef> kept(
      int collection,
      LiveCollection.Moving moving,
      long internalId,
      PointRecord before,
      PreparedWrite.PreparedField write)
      throws StorageException {
    List<PointRecord.VectorRef> kept = new ArrayList<>(1);
    for (LiveVersion version : List.of(moving.from(), moving.to())) {
      if (!write.has(version)
          && before.vectors().contains(version.ref())
          && (servesStale(moving)
              || rows.isCurrent(collection, version, internalId, write.contentHash()))) {
        kept.add(version.ref());
      }
    }
    return kept;
  }

  private static boolean servesStale(LiveCollection.Moving moving) {
    return moving.migration().rules().staleRead() == StaleRead.SERVE;
  }

  /// Lists the point where an upsert leaves a version behind. `after` is the point with its new
  /// vectors, all noted in the rows.
  void upserted(
      int collection,
      LiveCollection.Moving moving,
      long internalId,
      Optional<PointRecord> before,
      PointRecord after,
      Optional<PreparedWrite.PreparedField> write)
      throws StorageException {
    if (write.isEmpty()) {
      // The field was left out, so the point has no vector of it any more.
      if (before.isPresent()) {
        deleted(collection, moving, internalId, before.get());
      }
      return;
    }
    if (before.isEmpty() || !isIn(before.get(), moving)) {
      rows.live(collection, moving, 1);
    }
    boolean hasFrom = write.get().has(moving.from());
    boolean hasTo = write.get().has(moving.to());
    long contentHash = write.get().contentHash();
    settleForward(collection, moving, internalId, after, contentHash);
    if (hasFrom) {
      rows.remove(collection, moving, MovingRows.REVERSE, internalId);
      if (!hasTo) {
        rows.afterwards(() -> moving.state().countLegacyWrites(1));
      }
    } else if (after.vectors().contains(moving.from().ref())
        && rows.isCurrent(collection, moving.from(), internalId, contentHash)) {
      rows.remove(collection, moving, MovingRows.REVERSE, internalId);
    } else {
      rows.put(collection, moving, MovingRows.REVERSE, internalId, BacklogRecord.FRESH);
    }
  }

  /// The vectors that a point keeps when its payload changes, and its place in the backlogs.
  List<PointRecord.VectorRef> payloadChanged(
      int collection,
      LiveCollection.Moving moving,
      long internalId,
      PointRecord before,
      PointRecord after)
      throws StorageException {
    boolean hasFrom = before.vectors().contains(moving.from().ref());
    boolean hasTo = before.vectors().contains(moving.to().ref());
    if ((!hasFrom && !hasTo)
        || Contents.namedHash(moving, before) == Contents.namedHash(moving, after)) {
      return after.vectors();
    }
    long contentHash = rows.contents().hash(collection, moving, internalId, after);
    List<PointRecord.VectorRef> kept = new ArrayList<>(after.vectors());
    // After the switch the new version is what searches see: a stale vector is better than none, as
    // it was before the
    // migration.
    if (hasTo
        && hasFrom
        && !servesStale(moving)
        && moving.migration().state() != MigrationState.SWITCHED
        && !rows.isCurrent(collection, moving.to(), internalId, contentHash)) {
      kept.remove(moving.to().ref());
    }
    settleForward(collection, moving, internalId, after.withVectors(kept), contentHash);
    if (moving.migration().state() == MigrationState.SWITCHED
        && !rows.isCurrent(collection, moving.from(), internalId, contentHash)) {
      rows.put(collection, moving, MovingRows.REVERSE, internalId, BacklogRecord.FRESH);
    }
    return kept;
  }

  private void settleForward(
      int collection,
      LiveCollection.Moving moving,
      long internalId,
      PointRecord after,
      long contentHash)
      throws StorageException {
    boolean current =
        after.vectors().contains(moving.to().ref())
            && rows.isCurrent(collection, moving.to(), internalId, contentHash);
    Optional<BacklogRecord> dead = rows.entry(collection, moving, MovingRows.DEAD, internalId);
    if (dead.isPresent() && (current || dead.get().contentHash() != contentHash)) {
      rows.remove(collection, moving, MovingRows.DEAD, internalId);
      dead = Optional.empty();
    }
    if (current) {
      rows.remove(collection, moving, MovingRows.FORWARD, internalId);
      endLease(moving, BackfillSide.FORWARD, internalId);
    } else if (dead.isEmpty()) {
      // New content starts with a clean slate, also where older content had failed.
      rows.put(collection, moving, MovingRows.FORWARD, internalId, BacklogRecord.FRESH);
    }
  }

  /// Forgets a point that has no vector of the field any more.
  void deleted(int collection, LiveCollection.Moving moving, long internalId, PointRecord before)
      throws StorageException {
    if (!isIn(before, moving)) {
      return;
    }
    rows.live(collection, moving, -1);
    for (char kind : new char[] {MovingRows.FORWARD, MovingRows.REVERSE, MovingRows.DEAD}) {
      rows.remove(collection, moving, kind, internalId);
    }
    endLease(moving, BackfillSide.FORWARD, internalId);
    endLease(moving, BackfillSide.REVERSE, internalId);
  }

  /// Whether the point has a vector in one of the two versions.
  static boolean isIn(PointRecord point, LiveCollection.Moving moving) {
    return point.vectors().contains(moving.from().ref())
        || point.vectors().contains(moving.to().ref());
  }

  private void endLease(LiveCollection.Moving moving, BackfillSide side, long internalId) {
    rows.afterwards(() -> moving.state().side(side).leases().end(internalId));
  }
}
