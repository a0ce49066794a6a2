package io.whimbrel.core.collection;

import io.whimbrel.core.migration.Pace;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Hands out the points of backlogs. Any thread.
final class Backfills {
  /// Rows of the backlog that one request looks at.
  private static final int SCAN_ROWS_MAX = 20_000;

  private static final Duration PAUSE_RETRY = Duration.ofSeconds(1);
  private static final Duration BUSY_RETRY = Duration.ofMillis(200);

  private final Store store;
  private volatile Supplier<Duration> searchP99 = () -> Duration.ZERO;

  Backfills(Store store) {
    this.store = store;
  }

  void searchP99(Supplier<Duration> p99) {
    searchP99 = p99;
  }

  Duration searchP99() {
    return searchP99.get();
  }

  /// Whether the load is so high that the migration must be paused.
  boolean isCritical(LiveCollection.Moving moving) {
    Duration critical = moving.migration().flags().throttle().criticalSearchP99();
    return !critical.isZero() && searchP99().compareTo(critical) > 0;
  }

  /// A leased point as it is stored.
  record Leased(long internalId, PointRecord point, int attempts) {}

  /// What was leased, or why nothing was.
  record Work(List<Leased> points, String waitReason, Duration retryAfter, boolean drained) {
    static Work none(String waitReason, Duration retryAfter) {
      return new Work(List.of(), waitReason, retryAfter, false);
    }
  }

  /// Up to `wanted` points of the backlog, leased for `ttl`, lowest internal id first.
  Work lease(
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      int wanted,
      Duration ttl)
      throws StorageException {
    if (moving.migration().flags().paused()) {
      return Work.none("paused: " + moving.migration().flags().pausedBecause(), PAUSE_RETRY);
    }
    if (moving.migration().state() == MigrationState.FAILED) {
      return Work.none("failed: " + moving.migration().failure(), PAUSE_RETRY);
    }
    MovingField.Side state = moving.state().side(side);
    if (moving.state().backlog(side) == 0) {
      boolean drained =
          moving.migration().state() != MigrationState.DUAL_WRITE && state.leases().count() == 0;
      return new Work(List.of(), "", BUSY_RETRY, drained);
    }
    BackfillThrottle throttle = moving.migration().flags().throttle();
    long pointBytes = (long) Float.BYTES * target(moving, side).spec().dimension();
    Pace.Permit permit = state.pace().ask(throttle, wanted, pointBytes, searchP99());
    if (permit.points() == 0) {
      return Work.none(permit.waitReason(), permit.retryAfter());
    }
    List<Long> ids;
    try (View view = store.view()) {
      ids = take(view, collection, moving, side, permit.points(), ttl.toNanos());
    }
    List<Leased> leased;
    // Newer than the leases, so that what another worker stored since the scan is not given again.
    try (View view = store.view()) {
      leased = read(view, collection, moving, side, ids);
    }
    if (leased.isEmpty()) {
      return Work.none("every point that waits is leased or rests", BUSY_RETRY);
    }
    state.pace().leased(throttle, leased.size(), pointBytes);
    return new Work(leased, "", Duration.ZERO, false);
  }

  static LiveVersion target(LiveCollection.Moving moving, BackfillSide side) {
    return switch (side) {
      case FORWARD -> moving.to();
      case REVERSE -> moving.from();
    };
  }

  private static List<Long> take(
      View view,
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      int wanted,
      long ttlNanos)
      throws StorageException {
    MovingField.Side state = moving.state().side(side);
    List<Long> ids = new ArrayList<>();
    synchronized (state) {
      long start = state.nextId();
      int looked = 0;
      // From where the last request stopped to the end, then from the beginning to there.
      for (long[] span : new long[][] {{start, Long.MAX_VALUE}, {0, start}}) {
        char kind = MovingRows.kind(side);
        long number = moving.migration().number();
        try (Scan scan =
            view.scan(
                Table.MIGRATION,
                Keys.inMotion(collection.number(), number, kind, span[0]),
                Keys.inMotion(collection.number(), number, kind, span[1]))) {
          while (ids.size() < wanted && looked < SCAN_ROWS_MAX && scan.advance()) {
            looked++;
            long internalId = Keys.internalIdOf(scan.key());
            if (state.leases().take(internalId, ttlNanos)) {
              ids.add(internalId);
            }
            state.nextId(internalId + 1);
          }
        }
      }
    }
    return ids;
  }

  /// The leased points that still wait; the leases of the others end.
  private static List<Leased> read(
      View view,
      LiveCollection collection,
      LiveCollection.Moving moving,
      BackfillSide side,
      List<Long> ids)
      throws StorageException {
    char kind = MovingRows.kind(side);
    long number = moving.migration().number();
    List<byte @Nullable []> listed =
        view.multiGet(
            Table.MIGRATION,
            ids.stream().map(id -> Keys.inMotion(collection.number(), number, kind, id)).toList());
    List<byte @Nullable []> rows =
        view.multiGet(
            Table.POINTS, ids.stream().map(id -> Keys.point(collection.number(), id)).toList());
    List<Leased> leased = new ArrayList<>(ids.size());
    for (int i = 0; i < ids.size(); i++) {
      byte[] waits = listed.get(i);
      byte[] row = rows.get(i);
      if (waits == null) {
        moving.state().side(side).leases().end(ids.get(i));
        continue;
      }
      if (row == null) {
        throw new StorageException("a backlog names a point that is not there");
      }
      int attempts = BacklogRecord.decode(waits).attempts();
      leased.add(new Leased(ids.get(i), PointRecord.decode(row), attempts));
    }
    return leased;
  }

  /// What a worker outside gets to see of the leased points.
  BackfillLeases leases(
      LiveCollection collection, LiveCollection.Moving moving, Work work, Duration ttl)
      throws StorageException {
    List<BackfillLease> leases = new ArrayList<>(work.points().size());
    try (View view = store.view()) {
      Contents contents = contents(view);
      for (Leased point : work.points()) {
        Map<String, Value> payload = point.point().decodePayload();
        if (!moving.sourceFields().isEmpty()) {
          payload.keySet().retainAll(moving.sourceFields());
        }
        leases.add(
            new BackfillLease(
                point.point().id(),
                point.point().seq(),
                contents.hash(collection.number(), moving, point.internalId(), point.point()),
                payload,
                point.attempts()));
      }
    }
    return new BackfillLeases(
        leases,
        System.currentTimeMillis() + ttl.toMillis(),
        work.waitReason(),
        work.retryAfter(),
        work.drained());
  }

  static Contents contents(View view) {
    return new Contents((collection, ref, internalId) ->
        view.get(Table.VECTORS, Keys.vector(collection, ref.field(), ref.version(), internalId)));
  }

  static void checkLease(int points, Duration ttl) {
    Limits.checkRange("points", points, 1, PreparedBackfill.POINTS_MAX);
    Limits.checkRange("lease_seconds", ttl.toSeconds(), 1, 3_600);
  }
}
