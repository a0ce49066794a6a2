package io.whimbrel.core.collection;

import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.VDiff.Kind;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// Compares both versions of a migration, point by point over their key ranges.
///
/// One step is one ordered walk over points, vectors of both versions and backlogs side by side, in
/// one view of the store: since a write puts all of them in one batch, they fit together, however
/// much is written meanwhile. What the index lacks is asked of the sequencer thread, between two
/// groups of writes, where store and index are the same. Any number of threads.
public final class VersionComparer {
  /// How far from 1 the length of a vector may be whose model promises unit length: what float16
  /// and the order of summation do.
  private static final double NORM_SLACK = 0.01;

  private final Sequencer sequencer;
  private final Store store;

  public VersionComparer(Sequencer sequencer, Store store) {
    this.sequencer = sequencer;
    this.store = store;
  }

  /// One step of a comparison.
  ///
  /// @param nextId where the next step begins; negative when there is nothing more
  /// @param checked points compared
  public record Step(long nextId, long checked, List<VDiff.Fault> faults) {}

  /// A walk over one range of rows whose keys end with an internal id.
  private static final class Rows implements AutoCloseable {
    private final Scan scan;
    private long id;
    private boolean there;

    Rows(View view, Table table, byte[] from, byte[] to) throws StorageException {
      this.scan = view.scan(table, from, to);
      advance();
    }

    private void advance() throws StorageException {
      there = scan.advance();
      id = there ? Keys.internalIdOf(scan.key()) : Long.MAX_VALUE;
    }

    /// The value of that id, if this range has it; moves past it.
    Optional<byte[]> take(long wanted) throws StorageException {
      if (!there || id != wanted) {
        return Optional.empty();
      }
      byte[] value = scan.valueBytes();
      advance();
      return Optional.of(value);
    }

    @Override
    public void close() {
      scan.close();
    }
  }

  /// A vector of the new version that should be in its index.
  private record Indexed(long internalId, String id) {}

  /// Compares up to `idsMax` points from the internal id `fromId` on. Refuses with MIGRATION_STATE
  /// when the migration has not two versions. Cost: one read of every vector of both.
  public Step step(String migration, long fromId, int idsMax) throws StorageException {
    MigrationSteps.Found found = sequencer.steps().find(migration);
    LiveCollection.Moving moving = found.requireMoving();
    int collection = found.collection().number();
    // Known before the view is taken: what the view shows can only be further.
    boolean listing = moving.migration().state() == MigrationState.DUAL_WRITE;
    List<VDiff.Fault> faults = new ArrayList<>();
    List<Indexed> indexed = new ArrayList<>();
    long checked = 0;
    long id = fromId;
    try (View view = store.view();
        Rows points =
            new Rows(
                view,
                Table.POINTS,
                Keys.point(collection, fromId),
                Keys.collectionPrefix(collection + 1));
        Rows from = vectors(view, collection, moving.from(), fromId);
        Rows to = vectors(view, collection, moving.to(), fromId);
        Rows forward = inMotion(view, collection, moving, MovingRows.FORWARD, fromId);
        Rows reverse = inMotion(view, collection, moving, MovingRows.REVERSE, fromId);
        Rows dead = inMotion(view, collection, moving, MovingRows.DEAD, fromId)) {
      Contents contents =
          new Contents((number, ref, internalId) ->
              view.get(Table.VECTORS, Keys.vector(number, ref.field(), ref.version(), internalId)));
      for (int ids = 0; ids < idsMax; ids++) {
        id = Math.min(points.id, Math.min(from.id, to.id));
        if (id == Long.MAX_VALUE) {
          id = -1;
          break;
        }
        Optional<byte[]> point = points.take(id);
        Optional<byte[]> fromRow = from.take(id);
        Optional<byte[]> toRow = to.take(id);
        boolean waits = forward.take(id).isPresent() | dead.take(id).isPresent();
        boolean lags = reverse.take(id).isPresent();
        if (fromRow.isEmpty() && toRow.isEmpty()) {
          id++;
          continue;
        }
        checked++;
        if (point.isEmpty()) {
          faults.add(
              new VDiff.Fault(
                  Kind.ORPHAN,
                  "",
                  "internal id %d, version %d"
                      .formatted(
                          id, (toRow.isPresent() ? moving.to() : moving.from()).ref().version())));
        } else {
          PointRecord stored = PointRecord.decode(point.get());
          String name = stored.id().toString();
          if (toRow.isEmpty()) {
            if (!waits && !listing) {
              faults.add(new VDiff.Fault(Kind.MISSING, name, ""));
            }
          } else {
            Optional<VDiff.Fault> bad = bad(name, toRow.get(), moving.to());
            bad.ifPresent(faults::add);
            if (bad.isEmpty()) {
              indexed.add(new Indexed(id, name));
              if (!waits
                  && VectorRecord.contentHashOf(ByteBuffer.wrap(toRow.get()))
                      != contents.hash(collection, moving, id, stored)) {
                faults.add(new VDiff.Fault(Kind.STALE, name, ""));
              }
            }
            if (fromRow.isEmpty() && !lags) {
              faults.add(new VDiff.Fault(Kind.MISSING_OLD, name, ""));
            }
          }
        }
        id++;
      }
    }
    faults.addAll(absent(found.collection(), moving.to(), indexed));
    if (id < 0) {
      faults.addAll(unreachable(found.collection(), moving.to()));
    }
    return new Step(id, checked, faults);
  }

  private static Rows vectors(View view, int collection, LiveVersion version, long fromId)
      throws StorageException {
    int field = version.ref().field();
    int number = version.ref().version();
    return new Rows(
        view,
        Table.VECTORS,
        Keys.vector(collection, field, number, fromId),
        Keys.vector(collection, field, number + 1, 0));
  }

  private static Rows inMotion(
      View view, int collection, LiveCollection.Moving moving, char kind, long fromId)
      throws StorageException {
    long migration = moving.migration().number();
    return new Rows(
        view,
        Table.MIGRATION,
        Keys.inMotion(collection, migration, kind, fromId),
        Keys.inMotion(collection, migration, (char) (kind + 1), 0));
  }

  /// What is wrong with a vector alone.
  private static Optional<VDiff.Fault> bad(String id, byte[] row, LiveVersion version) {
    EmbeddingSpec spec = version.spec();
    float[] values;
    try {
      values = version.form().decode(ByteBuffer.wrap(row));
    } catch (StorageException e) {
      return Optional.of(new VDiff.Fault(Kind.DIMENSION, id, String.valueOf(e.getMessage())));
    }
    for (int from = 0; from < values.length; from += spec.dimension()) {
      Optional<VDiff.Fault> fault = bad(id, values, from, spec);
      if (fault.isPresent()) {
        return fault;
      }
    }
    return Optional.empty();
  }

  private static Optional<VDiff.Fault> bad(
      String id, float[] values, int from, EmbeddingSpec spec) {
    double squares = 0;
    for (int i = from; i < from + spec.dimension(); i++) {
      squares += (double) values[i] * values[i];
    }
    if (!Double.isFinite(squares)) {
      return Optional.of(new VDiff.Fault(Kind.NOT_FINITE, id, ""));
    }
    double norm = Math.sqrt(squares);
    boolean bad =
        spec.normalized()
            ? Math.abs(norm - 1) > NORM_SLACK
            : spec.metric() == Metric.COSINE && norm == 0;
    return bad
        ? Optional.of(
            new VDiff.Fault(Kind.NORM, id, String.format(Locale.ROOT, "length %.4g", norm)))
        : Optional.empty();
  }

  /// Points that the index has, but no walk of its graph finds.
  private List<VDiff.Fault> unreachable(LiveCollection collection, LiveVersion version)
      throws StorageException {
    List<VDiff.Fault> faults = new ArrayList<>();
    long[] ids = version.unreachable();
    try (View view = store.view()) {
      for (long id : ids) {
        Optional<byte[]> point = view.get(Table.POINTS, Keys.point(collection.number(), id));
        if (point.isPresent()) {
          faults.add(
              new VDiff.Fault(
                  Kind.UNREACHABLE,
                  PointRecord.decode(point.get()).id().toString(),
                  "no path in the graph leads to it"));
        }
      }
    }
    return faults;
  }

  /// Those of `indexed` that are still stored and not in the index.
  private List<VDiff.Fault> absent(
      LiveCollection collection, LiveVersion version, List<Indexed> indexed) {
    CompletableFuture<List<VDiff.Fault>> answer =
        sequencer.run(() -> {
          List<VDiff.Fault> faults = new ArrayList<>();
          try (View view = store.view()) {
            for (Indexed one : indexed) {
              byte[] key =
                  Keys.vector(
                      collection.number(),
                      version.ref().field(),
                      version.ref().version(),
                      one.internalId());
              if (version.ordinal(one.internalId()) < 0
                  && view.get(Table.VECTORS, key).isPresent()) {
                faults.add(new VDiff.Fault(Kind.UNREACHABLE, one.id(), ""));
              }
            }
          }
          return faults;
        });
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof WhimbrelException refusal) {
        throw refusal;
      }
      throw e;
    }
  }
}
