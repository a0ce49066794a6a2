package io.whimbrel.core.collection;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.VectorRecord;
import java.util.ArrayList;
import java.util.List;

/// What a backfill asks for, checked and encoded in the caller's thread; the sequencer decides it
/// point by point.
///
/// @param bytes about what it holds in memory
record PreparedBackfill(
    LiveCollection collection, long migration, BackfillSide side, List<Item> items, long bytes) {
  /// A point that failed this often is given up.
  static final int ATTEMPTS_MAX = 5;

  static final int POINTS_MAX = 1_000;
  private static final int ITEM_OVERHEAD_BYTES = 200;

  /// What is asked for one point.
  sealed interface Ask {}

  /// A vector to store.
  ///
  /// @param row its sequence numbers still to be set
  /// @param fault what makes it unusable; else empty
  record Vector(long contentHash, float[] values, byte[] row, String fault) implements Ask {}

  /// An attempt that failed.
  record Failure(String reason, boolean permanent, long restNanos) implements Ask {}

  /// The point's vector is wrong.
  record Requeue() implements Ask {}

  record Item(PointId id, byte[] idKey, Ask ask) implements PreparedWrite.Named {
    long restNanos() {
      return ask instanceof Failure failure ? failure.restNanos() : 0;
    }

    /// Why the point is given up, if it is.
    String fault() {
      return switch (ask) {
        case Vector vector -> vector.fault();
        case Failure failure -> failure.reason();
        case Requeue _ -> "";
      };
    }
  }

  static PreparedBackfill commit(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      List<BackfillCommit> commits) {
    Limits.checkRange("vectors", commits.size(), 1, POINTS_MAX);
    LiveVersion target = side == BackfillSide.FORWARD ? moving.to() : moving.from();
    List<Item> items = new ArrayList<>(commits.size());
    long bytes = 0;
    for (int i = 0; i < commits.size(); i++) {
      BackfillCommit commit = commits.get(i);
      String path = "vectors[" + i + "].vector";
      io.whimbrel.core.model.Vector vector = commit.vector();
      // A worker with the wrong model would make every point a dead letter.
      if (!vector.spaceId().isEmpty() && !vector.spaceId().equals(target.spaceId())) {
        throw WhimbrelException.of(
            ErrorCode.SPACE_MISMATCH,
            path + ".space_id",
            vector.spaceId(),
            target.spaceId()
                + ", the space of model "
                + target.spec().model()
                + ", which the migration fills; stop this worker");
      }
      boolean single = target.spec().cardinality() == Cardinality.SINGLE;
      if (vector.dimension() != target.spec().dimension() || single && vector.rows() != 1) {
        throw WhimbrelException.of(
            ErrorCode.DIMENSION_MISMATCH,
            path + " dimension",
            vector.rows() + " x " + vector.dimension(),
            (single ? "1 x " : "any number x ")
                + target.spec().dimension()
                + ", of model "
                + target.spec().model()
                + ", which the migration fills; stop this worker");
      }
      items.add(
          new Item(
              commit.id(),
              Keys.id(collection.number(), commit.id()),
              vector(collection, target, commit.contentHash(), vector.values())));
      bytes += 2L * Float.BYTES * vector.values().length + ITEM_OVERHEAD_BYTES;
    }
    return new PreparedBackfill(collection, moving.migration().number(), side, items, bytes);
  }

  private static Vector vector(
      LiveCollection collection, LiveVersion target, long contentHash, float[] given) {
    String fault = "";
    float[] values = given;
    try {
      VectorChecks.checkValues(
          "vector", given, target.spec(), VectorChecks.where(collection, target));
      values = target.form().kept(given);
      VectorChecks.checkValues(
          "vector", values, target.spec(), VectorChecks.where(collection, target));
    } catch (WhimbrelException e) {
      fault = String.valueOf(e.getMessage());
    }
    byte[] row =
        fault.isEmpty()
            ? target.form().encode(values, VectorRecord.Source.BACKFILL, contentHash)
            : new byte[0];
    return new Vector(contentHash, values, row, fault);
  }

  static PreparedBackfill release(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      List<BackfillFailure> failures) {
    Limits.checkRange("failures", failures.size(), 1, POINTS_MAX);
    List<Item> items = new ArrayList<>(failures.size());
    for (BackfillFailure failure : failures) {
      items.add(
          new Item(
              failure.id(),
              Keys.id(collection.number(), failure.id()),
              new Failure(failure.reason(), failure.permanent(), failure.retryAfter().toNanos())));
    }
    return new PreparedBackfill(
        collection,
        moving.migration().number(),
        side,
        items,
        (long) ITEM_OVERHEAD_BYTES * items.size());
  }

  static PreparedBackfill requeue(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      List<PointId> ids) {
    Limits.checkRange("ids", ids.size(), 1, Limits.BATCH_POINTS_MAX);
    List<Item> items = new ArrayList<>(ids.size());
    for (PointId id : ids) {
      items.add(new Item(id, Keys.id(collection.number(), id), new Requeue()));
    }
    return new PreparedBackfill(
        collection,
        moving.migration().number(),
        side,
        items,
        (long) ITEM_OVERHEAD_BYTES * items.size());
  }

  /// The migration, if it is still open.
  LiveCollection.Moving require() {
    return collection
        .moving(migration)
        .orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.MIGRATION_STATE,
                "migration",
                "m-" + migration + ", which has ended or was not started",
                "one that takes vectors; stop this worker"));
  }
}
