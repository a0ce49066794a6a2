package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.Bounds;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The points of a collection that meet a filter at one moment.
///
/// @param ids all of them
/// @param payloadsRead payloads read for conditions without an index
record Selection(IdSet ids, long payloadsRead) {
  private static final int STEP_POINTS_MAX = 256;

  /// Points that are read one by one in the time of a scan over this many.
  private static final int SCANNED_PER_READ = 8;

  /// Asks the indexes, and reads the payloads of the points that they leave open. Refused with
  /// INDEX_NEEDED when those are more than [Limits#FILTER_READS_MAX].
  static Selection of(
      Visibility.Moment moment, LiveCollection collection, Filter filter, BooleanSupplier cancelled)
      throws StorageException {
    Bounds bounds = bounds(moment, collection, filter);
    if (bounds.exact()) {
      return new Selection(bounds.certain(), 0);
    }
    IdSet open = bounds.open();
    if (open.count() > Limits.FILTER_READS_MAX) {
      throw WhimbrelException.of(
          ErrorCode.INDEX_NEEDED,
          "filter",
          open.count() + " payloads to read",
          "at most " + Limits.FILTER_READS_MAX + "; declare an index on " + bounds.unindexed());
    }
    PointMatcher matcher = collection.matcher(filter);
    long[] met = new long[(int) open.count()];
    int[] count = new int[1];
    read(
        moment,
        collection,
        open,
        cancelled,
        (id, point) -> {
          if (matcher.matches(point)) {
            met[count[0]++] = id;
          }
        });
    IdSet found = IdSet.ofSorted(Arrays.copyOf(met, count[0]));
    return new Selection(bounds.certain().or(found), open.count());
  }

  static Bounds bounds(Visibility.Moment moment, LiveCollection collection, Filter filter)
      throws StorageException {
    Map<PointId, Long> ids = new HashMap<>();
    List<PointId> named = List.copyOf(Bounds.namedIds(filter));
    List<byte[]> keys = named.stream().map(id -> Keys.id(collection.number(), id)).toList();
    List<byte @Nullable []> found = moment.view().multiGet(Table.IDS, keys);
    for (int i = 0; i < found.size(); i++) {
      byte[] internalId = found.get(i);
      if (internalId != null) {
        ids.put(named.get(i), ByteBuffer.wrap(internalId).getLong());
      }
    }
    return Bounds.of(filter, moment.payload(), ids, collection::filterField);
  }

  /// Takes a stored point.
  @FunctionalInterface
  interface StoredPoint {
    void accept(long id, PointRecord point) throws StorageException;
  }

  /// Reads the points of `ids` in their order.
  static void read(
      Visibility.Moment moment,
      LiveCollection collection,
      IdSet ids,
      BooleanSupplier cancelled,
      StoredPoint each)
      throws StorageException {
    if (ids.count() > moment.payload().points().count() / SCANNED_PER_READ) {
      scan(moment.view(), collection, ids, cancelled, each);
      return;
    }
    long[] all = ids.toArray();
    for (int from = 0; from < all.length; from += STEP_POINTS_MAX) {
      refuseIf(cancelled);
      int to = Math.min(all.length, from + STEP_POINTS_MAX);
      List<byte[]> keys = new ArrayList<>(to - from);
      for (int i = from; i < to; i++) {
        keys.add(Keys.point(collection.number(), all[i]));
      }
      List<byte @Nullable []> records = moment.view().multiGet(Table.POINTS, keys);
      for (int i = from; i < to; i++) {
        byte[] bytes = records.get(i - from);
        if (bytes != null) {
          each.accept(all[i], PointRecord.decode(bytes));
        }
      }
    }
  }

  private static void scan(
      View view, LiveCollection collection, IdSet ids, BooleanSupplier cancelled, StoredPoint each)
      throws StorageException {
    byte[] from = Keys.collectionPrefix(collection.number());
    byte[] to = Keys.collectionPrefix(collection.number() + 1);
    try (Scan points = view.scan(Table.POINTS, from, to)) {
      for (int count = 0; points.advance(); count++) {
        if (count % STEP_POINTS_MAX == 0) {
          refuseIf(cancelled);
        }
        long id = Keys.internalIdOf(points.key());
        if (ids.contains(id)) {
          each.accept(id, PointRecord.decode(points.valueBytes()));
        }
      }
    }
  }

  private static void refuseIf(BooleanSupplier cancelled) {
    if (cancelled.getAsBoolean()) {
      throw WhimbrelException.of(
          ErrorCode.CANCELLED, "filter", "cancelled", "time to read the payloads");
    }
  }
}
