package io.whimbrel.core.collection;

import io.whimbrel.core.memory.YieldingThreads;
import io.whimbrel.core.migration.Derivation;
import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The worker inside: fills derived versions from the stored vectors of the old one, by the same
/// leases and commits as workers outside.
///
/// One thread for the whole database that yields to all others, a batch of each migration in turn;
/// it looks for work several times a second.
final class DerivedBackfill implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DerivedBackfill.class);
  private static final int BATCH_POINTS = 512;

  /// A matrix is some hundred vectors.
  private static final int BATCH_MATRICES = 32;

  private static final Duration TTL = Duration.ofMinutes(10);
  private static final long LOOK_EVERY_MILLIS = 50;

  private final Sequencer sequencer;
  private final Store store;
  private final Catalog catalog;
  private final Backfills backfills;
  private final Consumer<String> pauseCritical;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(YieldingThreads.named("whimbrel-derive"));
  private volatile boolean stopping;

  DerivedBackfill(
      Sequencer sequencer,
      Store store,
      Catalog catalog,
      Backfills backfills,
      Consumer<String> pauseCritical) {
    this.sequencer = sequencer;
    this.store = store;
    this.catalog = catalog;
    this.backfills = backfills;
    this.pauseCritical = pauseCritical;
  }

  void start() {
    thread.scheduleWithFixedDelay(
        this::look, LOOK_EVERY_MILLIS, LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void look() {
    boolean worked = true;
    while (worked && !stopping) {
      worked = false;
      for (LiveCollection collection : catalog.all()) {
        for (LiveCollection.Moving moving : collection.moving()) {
          if (moving.migration().derived() && !stopping) {
            worked |= tryWork(collection, moving);
          }
        }
      }
    }
  }

  private boolean tryWork(LiveCollection collection, LiveCollection.Moving moving) {
    try {
      return work(collection, moving);
    } catch (CompletionException e) {
      return gone(collection, moving, e.getCause() == null ? e : e.getCause());
    } catch (StorageException | RuntimeException e) {
      return gone(collection, moving, e);
    }
  }

  private static boolean gone(
      LiveCollection collection, LiveCollection.Moving moving, Throwable e) {
    boolean expected =
        e instanceof WhimbrelException refusal
            && (refusal.code() == ErrorCode.MIGRATION_STATE
                || refusal.code() == ErrorCode.COLLECTION_NOT_FOUND
                || refusal.code() == ErrorCode.UNAVAILABLE
                || refusal.code() == ErrorCode.READ_ONLY);
    if (!expected) {
      LOG.error(
          "filling the derived version of migration {} of \"{}\" failed; trying again",
          moving.migration().id(),
          collection.name(),
          e);
    }
    return false;
  }

  private boolean work(LiveCollection collection, LiveCollection.Moving moving)
      throws StorageException {
    if (!moving.migration().flags().paused() && backfills.isCritical(moving)) {
      pauseCritical.accept(moving.migration().id());
      return false;
    }
    boolean matrices = moving.from().spec().cardinality() == Cardinality.MULTI;
    Backfills.Work work =
        backfills.lease(
            collection,
            moving,
            BackfillSide.FORWARD,
            matrices ? BATCH_MATRICES : BATCH_POINTS,
            TTL);
    if (work.points().isEmpty()) {
      return false;
    }
    List<BackfillCommit> commits = new ArrayList<>(work.points().size());
    PointRecord.VectorRef from = moving.from().ref();
    Derivation derivation = Derivation.between(moving.from().spec(), moving.to().spec());
    try (View view = store.view()) {
      List<byte @Nullable []> rows =
          view.multiGet(
              Table.VECTORS,
              work.points().stream()
                  .map(point ->
                      Keys.vector(
                          collection.number(), from.field(), from.version(), point.internalId()))
                  .toList());
      for (int i = 0; i < rows.size(); i++) {
        byte[] row = rows.get(i);
        Backfills.Leased point = work.points().get(i);
        if (row == null) {
          // Written or removed since it was leased; its lease ends with that write.
          moving.state().side(BackfillSide.FORWARD).leases().end(point.internalId());
          continue;
        }
        float[] values = moving.from().form().decode(ByteBuffer.wrap(row));
        commits.add(
            new BackfillCommit(
                point.point().id(),
                point.point().seq(),
                ContentHash.ofVector(values),
                matrix(derivation.apply(values), moving.to().spec().dimension())));
      }
    }
    if (!commits.isEmpty()) {
      sequencer
          .backfill(PreparedBackfill.commit(collection, moving, BackfillSide.FORWARD, commits))
          .join();
    }
    return true;
  }

  private static Vector matrix(float[] values, int dimension) {
    return new Vector(values, values.length / dimension, "");
  }

  /// Ends the thread; a batch that runs is finished first. The sequencer must still run.
  @Override
  public void close() {
    stopping = true;
    thread.close();
  }
}
