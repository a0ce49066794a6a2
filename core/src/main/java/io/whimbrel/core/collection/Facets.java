package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FacetCounts;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.payload.PathValues;
import io.whimbrel.core.store.StorageException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/// Counts points by payload value: by the path's index, set by set, or by reading payloads.
final class Facets {
  /// Different values that are counted by reading.
  private static final int DISTINCT_MAX = 1_000_000;

  /// Values between two looks at `cancelled`.
  private static final int STEP_VALUES = 1024;

  /// The least frequent of those kept first.
  private static final Comparator<FacetCounts.Count> WORST_FIRST =
      Comparator.comparingLong(FacetCounts.Count::points)
          .thenComparing(FacetCounts.Count::value, PathValues.ORDER.reversed());

  private final int limit;
  private final BooleanSupplier cancelled;
  private final PriorityQueue<FacetCounts.Count> best = new PriorityQueue<>(WORST_FIRST);
  private long distinct;

  private Facets(int limit, BooleanSupplier cancelled) {
    this.limit = limit;
    this.cancelled = cancelled;
  }

  static FacetCounts count(
      Visibility.Moment moment,
      LiveCollection collection,
      FieldPath path,
      Filter filter,
      int limit,
      BooleanSupplier cancelled)
      throws StorageException {
    Facets facets = new Facets(limit, cancelled);
    Selection selection = Selection.of(moment, collection, filter, cancelled);
    IdSet points = selection.ids();
    if (moment.payload().isIndexed(path)) {
      facets.byIndex(
          moment, path, filter.equals(Filter.ALL) ? Optional.empty() : Optional.of(points));
    } else {
      long reads = points.count() + selection.payloadsRead();
      if (reads > Limits.FILTER_READS_MAX) {
        throw WhimbrelException.of(
            ErrorCode.INDEX_NEEDED,
            "path",
            reads + " payloads to read",
            "at most " + Limits.FILTER_READS_MAX + "; declare an index on " + path);
      }
      facets.byReading(moment, collection, path, points);
    }
    List<FacetCounts.Count> values = facets.best.stream().sorted(WORST_FIRST.reversed()).toList();
    return new FacetCounts(values, facets.distinct, points.count(), moment.seq());
  }

  private void add(Value value, long count) {
    if (count == 0) {
      return;
    }
    distinct++;
    best.add(new FacetCounts.Count(value, count));
    if (best.size() > limit) {
      best.poll();
    }
  }

  private void byIndex(Visibility.Moment moment, FieldPath path, Optional<IdSet> only) {
    int[] seen = {0};
    moment
        .payload()
        .forEachValue(
            path,
            false,
            Optional.empty(),
            (value, ids) -> {
              if (++seen[0] % STEP_VALUES == 0 && cancelled.getAsBoolean()) {
                throw WhimbrelException.of(
                    ErrorCode.CANCELLED, "path", "cancelled", "time to count all values");
              }
              add(value, only.isEmpty() ? ids.count() : ids.andCount(only.get()));
              return true;
            });
  }

  private void byReading(
      Visibility.Moment moment, LiveCollection collection, FieldPath path, IdSet points)
      throws StorageException {
    PathValues values = new PathValues(path, moment.payload().declaredType(path));
    Map<Value, Long> counts = new HashMap<>();
    Selection.read(
        moment,
        collection,
        points,
        cancelled,
        (_, point) -> {
          for (Value value : values.of(point.decodePayload())) {
            counts.merge(value, 1L, Long::sum);
          }
          Limits.checkRange("distinct values of path", counts.size(), 0, DISTINCT_MAX);
        });
    counts.forEach(this::add);
  }
}
