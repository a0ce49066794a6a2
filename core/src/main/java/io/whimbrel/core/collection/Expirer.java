package io.whimbrel.core.collection;

import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.store.StorageException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Deletes expired points in the background, by ordinary writes.
///
/// A point expires at the least of the timestamps at its collection's path for that. From then on
/// reads leave it out, by the clock of this process; the deletion follows within a second or two
/// while writes keep pace. The deletion names the moment it was found expired at, and is decided
/// against the point as it then is: one whose timestamp was moved meanwhile stays.
public final class Expirer {
  private static final Logger LOG = LoggerFactory.getLogger(Expirer.class);
  private static final long LOOK_EVERY_MILLIS = 1000;

  /// Points deleted by one write; and writes for a collection before others have their turn.
  private static final int BATCH_POINTS = 1000;

  private static final int BATCHES_MAX = 100;

  private final Catalog catalog;
  private final Sequencer sequencer;
  private final InstantSource clock;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("whimbrel-expirer").daemon(true).factory());

  private volatile boolean stopping;

  public Expirer(Catalog catalog, Sequencer sequencer, InstantSource clock) {
    this.catalog = catalog;
    this.sequencer = sequencer;
    this.clock = clock;
  }

  public void start() {
    thread.scheduleWithFixedDelay(
        this::look, LOOK_EVERY_MILLIS, LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS);
  }

  /// What has expired at a moment.
  static Filter expired(FieldPath path, Instant now) {
    return new Filter.Range(
        path, Optional.empty(), Optional.of(new Filter.Bound(new Value.TimestampValue(now), true)));
  }

  /// `filter`, and not expired.
  public Filter alive(LiveCollection collection, Filter filter) {
    Optional<FieldPath> path = collection.expiresBy();
    if (path.isEmpty()) {
      return filter;
    }
    Filter alive = new Filter.Not(expired(path.get(), clock.instant()));
    return filter.equals(Filter.ALL) ? alive : new Filter.And(List.of(filter, alive));
  }

  /// Points of the collection that are expired and not deleted yet.
  public long waiting(LiveCollection collection) {
    return collection
        .expiresBy()
        .map(path -> collection.payload().snapshot().upTo(path, clock.instant()).count())
        .orElse(0L);
  }

  /// Deletes what has expired. In the expirer's thread, or in a test.
  public void look() {
    for (LiveCollection collection : catalog.all()) {
      for (int i = 0; i < BATCHES_MAX && !stopping; i++) {
        if (!deleteSome(collection)) {
          break;
        }
      }
    }
  }

  /// Whether there may be more.
  private boolean deleteSome(LiveCollection collection) {
    Optional<FieldPath> path = collection.expiresBy();
    if (path.isEmpty() || !sequencer.readOnlyReason().isEmpty()) {
      return false;
    }
    Instant now = clock.instant();
    try {
      List<PointId> ids = new ArrayList<>();
      try (Visibility.Moment moment = sequencer.visibility().now(collection, List.of())) {
        IdSet expired = moment.payload().upTo(path.get(), now);
        if (expired.isEmpty()) {
          return false;
        }
        int count = (int) Math.min(expired.count(), BATCH_POINTS);
        long[] some = new long[count];
        Arrays.setAll(some, expired::select);
        Selection.read(
            moment,
            collection,
            IdSet.ofSorted(some),
            () -> stopping,
            (_, point) -> ids.add(point.id()));
      }
      WriteResult result =
          sequencer
              .write(
                  collection,
                  new Mutation.Delete(ids, OptionalLong.empty(), expired(path.get(), now)),
                  new WriteOptions("", Durability.ASYNC))
              .join();
      collection.countExpired(result.affected());
      return ids.size() == BATCH_POINTS;
    } catch (WhimbrelException | CompletionException e) {
      // Dropped, closing, or overloaded: the next look tries again.
      LOG.debug("expired points of {} are not deleted now", collection.name(), e);
      return false;
    } catch (StorageException | RuntimeException e) {
      LOG.error("cannot delete expired points of {}", collection.name(), e);
      return false;
    }
  }

  public void stop() {
    stopping = true;
    thread.shutdown();
    thread.close();
  }
}
