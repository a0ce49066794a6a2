package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.payload.PathValues;
import io.whimbrel.core.payload.PayloadSnapshot;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// Points in the order of a payload value: by the path's index, value by value, or, where there is
/// none or the points are few, by reading their payloads.
final class OrderedPoints {
  /// Fewer points than this are read: their payloads cost less than a walk over all values.
  private static final int READS_MIN = 256;

  /// Values between two looks at `cancelled`.
  private static final int STEP_VALUES_MAX = 1024;

  private final QueryStages stages;
  private final QueryNode.OrderBy order;
  private final QueryStages.Ask ask;
  private final PayloadSnapshot payload;
  private final PathValues values;
  private final List<Entry> found = new ArrayList<>();

  /// What was looked at so far.
  private Optional<QueryCursors.Place> last;

  private record Entry(Value value, long id) {}

  OrderedPoints(QueryStages stages, QueryNode.OrderBy order, QueryStages.Ask ask) {
    this.stages = stages;
    this.order = order;
    this.ask = ask;
    this.last = ask.after();
    this.payload = stages.moment().payload();
    this.values = new PathValues(order.path(), payload.declaredType(order.path()));
  }

  /// The first of `accepted` that have a value, behind the place that `ask` names.
  Ranked find(IdSet accepted) throws StorageException {
    boolean indexed = payload.isIndexed(order.path());
    if (indexed && accepted.count() > READS_MIN) {
      walk(accepted);
    } else {
      if (!indexed && accepted.count() > Limits.FILTER_READS_MAX) {
        throw WhimbrelException.of(
            ErrorCode.INDEX_NEEDED,
            ask.path() + ".order_by.path",
            accepted.count() + " payloads to read",
            "at most " + Limits.FILTER_READS_MAX + "; declare an index on " + order.path());
      }
      read(accepted);
    }
    int count = Math.min(ask.limit(), found.size());
    long[] ids = new long[count];
    Value[] keys = new Value[count];
    for (int i = 0; i < count; i++) {
      ids[i] = found.get(i).id();
      keys[i] = found.get(i).value();
    }
    return new Ranked(ids, new double[count], Optional.of(keys), found.size() > count);
  }

  private boolean isBehind(Value value, long id) {
    if (last.isEmpty()) {
      return true;
    }
    int behind = PathValues.ORDER.compare(value, last.get().value());
    behind = order.descending() ? -behind : behind;
    return behind > 0 || behind == 0 && id > last.get().internalId();
  }

  private void walk(IdSet accepted) throws StorageException {
    IdSet several = payload.withSeveral(order.path()).and(accepted);
    Optional<Value> from = ask.after().map(QueryCursors.Place::value);
    // The visitor cannot throw what reading throws: it collects some, which are then looked at.
    List<Entry> some = new ArrayList<>();
    int[] visited = {0};
    Value[] next = {null};
    boolean[] ended = {false};
    while (found.size() <= ask.limit() && !ended[0]) {
      stages.refuseIfCancelled(ask.path());
      some.clear();
      ended[0] = true;
      visited[0] = 0;
      int room = ask.limit() + 1 - found.size();
      Optional<Value> start = next[0] == null ? from : Optional.of(next[0]);
      payload.forEachValue(
          order.path(),
          order.descending(),
          start,
          (value, ids) -> {
            if (some.size() >= room || ++visited[0] > STEP_VALUES_MAX) {
              next[0] = value;
              ended[0] = false;
              return false;
            }
            // A value may have most of the points: no more of them are kept than are wanted.
            boolean[] cut = {false};
            ids.and(accepted)
                .forEach(id -> {
                  if (isBehind(value, id)) {
                    if (some.size() < room) {
                      some.add(new Entry(value, id));
                    } else {
                      cut[0] = true;
                    }
                  }
                });
            if (cut[0]) {
              next[0] = value;
              ended[0] = false;
            }
            return !cut[0];
          });
      if (!some.isEmpty()) {
        last = Optional.of(new QueryCursors.Place(some.getLast().value(), some.getLast().id()));
      }
      for (Entry entry : some) {
        // A point of several values stands at one of them alone.
        if (!several.contains(entry.id()) || entry.value().equals(own(entry.id()))) {
          found.add(entry);
        }
      }
    }
  }

  private Value own(long id) throws StorageException {
    byte[] record =
        stages
            .moment()
            .view()
            .get(Table.POINTS, Keys.point(stages.collection().number(), id))
            .orElseThrow(() -> new StorageException("an indexed point has no record: " + id));
    return values
        .end(PointRecord.decode(record).decodePayload(), order.descending())
        .orElseThrow(() -> new StorageException("an index knows a value that the point lacks"));
  }

  private void read(IdSet accepted) throws StorageException {
    Selection.read(
        stages.moment(),
        stages.collection(),
        accepted,
        stages.cancelled(),
        (id, point) ->
            values
                .end(point.decodePayload(), order.descending())
                .filter(value -> isBehind(value, id))
                .ifPresent(value -> found.add(new Entry(value, id))));
    Comparator<Entry> byValue = (a, b) -> PathValues.ORDER.compare(a.value(), b.value());
    Entry[] sorted = found.toArray(Entry[]::new);
    Arrays.sort(
        sorted, (order.descending() ? byValue.reversed() : byValue).thenComparingLong(Entry::id));
    found.clear();
    found.addAll(Arrays.asList(sorted));
  }
}
