package io.whimbrel.core.payload;

import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// One declared index as of one write. Answers every condition on its path. Never changes, but
/// remembers the answers to some ranges, which cost much to add up.
///
/// @param exists points where the path leads to something
/// @param isNull points where it leads to null
/// @param filled points where it leads to something that is neither null nor an empty list
/// @param values points by value
/// @param counts points by number of values, without those that have none
final class PathIndex {
  /// Answers remembered until the index changes.
  private static final int REMEMBERED_MAX = 64;

  private final PayloadIndexSpec spec;
  private final IdSet exists;
  private final IdSet isNull;
  private final IdSet filled;
  private final Postings values;
  private final Postings counts;
  private final Map<Filter, IdSet> remembered = new ConcurrentHashMap<>();

  private PathIndex(
      PayloadIndexSpec spec,
      IdSet exists,
      IdSet isNull,
      IdSet filled,
      Postings values,
      Postings counts) {
    this.spec = spec;
    this.exists = exists;
    this.isNull = isNull;
    this.filled = filled;
    this.values = values;
    this.counts = counts;
  }

  static PathIndex empty(PayloadIndexSpec spec) {
    return new PathIndex(
        spec, IdSet.EMPTY, IdSet.EMPTY, IdSet.EMPTY, Postings.EMPTY, Postings.EMPTY);
  }

  PayloadIndexSpec spec() {
    return spec;
  }

  Postings values() {
    return values;
  }

  IdSet exists() {
    return exists;
  }

  IdSet isNull() {
    return isNull;
  }

  IdSet filled() {
    return filled;
  }

  IdSet match(Filter.Match match) {
    List<IdSet> sets = new ArrayList<>(match.anyOf().size());
    match.anyOf().forEach(value -> sets.add(values.get(value)));
    return IdSet.union(sets);
  }

  IdSet range(Filter.Range range) {
    return remember(range, () -> values.range(range.lower(), range.upper()));
  }

  IdSet prefix(Filter.Prefix prefix) {
    return remember(
        prefix,
        () -> {
          List<IdSet> sets = new ArrayList<>();
          values.visit(
              Optional.of(new Filter.Bound(new Value.StringValue(prefix.prefix()), true)),
              (key, _) -> text(key).startsWith(prefix.prefix()),
              (_, ids) -> sets.add(ids));
          return IdSet.union(sets);
        });
  }

  /// Looks at every distinct string.
  IdSet contains(Filter.Contains contains) {
    return remember(
        contains,
        () -> {
          List<IdSet> sets = new ArrayList<>();
          values.forEach((key, ids) -> {
            if (text(key).contains(contains.text())) {
              sets.add(ids);
            }
          });
          return IdSet.union(sets);
        });
  }

  private static String text(Value key) {
    return ((Value.StringValue) key).value();
  }

  /// Points with at least `atLeast`, which is above 0, and at most `atMost` values.
  IdSet counts(long atLeast, OptionalLong atMost) {
    return counts.range(
        Optional.of(new Filter.Bound(new Value.IntValue(atLeast), true)),
        atMost.isEmpty()
            ? Optional.empty()
            : Optional.of(new Filter.Bound(new Value.IntValue(atMost.getAsLong()), true)));
  }

  private IdSet remember(Filter condition, Supplier<IdSet> answer) {
    IdSet known = remembered.get(condition);
    if (known != null) {
      return known;
    }
    IdSet ids = answer.get();
    if (remembered.size() < REMEMBERED_MAX) {
      remembered.put(condition, ids);
    }
    return ids;
  }

  long bytes() {
    return exists.bytes() + isNull.bytes() + filled.bytes() + values.bytes() + counts.bytes();
  }

  long distinct() {
    return values.keys();
  }

  /// What points gained and lost since an index was last shown. Of the writer.
  static final class Change {
    private final PayloadIndexSpec spec;
    private IdChange exists = new IdChange();
    private IdChange isNull = new IdChange();
    private IdChange filled = new IdChange();
    private SortedMap<Value, IdChange> values = new TreeMap<>(Filter::compare);
    private SortedMap<Value, IdChange> counts = new TreeMap<>(Filter::compare);
    private boolean any;

    Change(PayloadIndexSpec spec) {
      this.spec = spec;
    }

    /// The point's payload was `before` and is now `after`; an absent point has an empty one.
    void replace(long id, Map<String, Value> before, Map<String, Value> after) {
      PathFacts old = PathFacts.of(spec.path(), before);
      PathFacts now = PathFacts.of(spec.path(), after);
      if (old.equals(now)) {
        return;
      }
      any = true;
      set(exists, id, old.exists(), now.exists());
      set(isNull, id, old.isNull(), now.isNull());
      set(filled, id, !old.isEmpty(), !now.isEmpty());
      if (old.count() != now.count()) {
        if (old.count() > 0) {
          of(counts, new Value.IntValue(old.count())).remove(id);
        }
        if (now.count() > 0) {
          of(counts, new Value.IntValue(now.count())).add(id);
        }
      }
      for (Value value : old.values()) {
        if (isIndexed(value) && !now.values().contains(value)) {
          of(values, value).remove(id);
        }
      }
      for (Value value : now.values()) {
        if (isIndexed(value) && !old.values().contains(value)) {
          of(values, value).add(id);
        }
      }
    }

    private boolean isIndexed(Value value) {
      return ScalarType.of(value).orElseThrow() == spec.type();
    }

    private static void set(IdChange change, long id, boolean before, boolean after) {
      if (before && !after) {
        change.remove(id);
      } else if (after && !before) {
        change.add(id);
      }
    }

    private static IdChange of(SortedMap<Value, IdChange> changes, Value key) {
      return changes.computeIfAbsent(key, _ -> new IdChange());
    }

    /// `index` with the changes, which are forgotten then.
    PathIndex applyTo(PathIndex index) {
      if (!any) {
        return index;
      }
      PathIndex changed =
          new PathIndex(
              spec,
              exists.applyTo(index.exists),
              isNull.applyTo(index.isNull),
              filled.applyTo(index.filled),
              index.values.changed(values),
              index.counts.changed(counts));
      exists = new IdChange();
      isNull = new IdChange();
      filled = new IdChange();
      values = new TreeMap<>(Filter::compare);
      counts = new TreeMap<>(Filter::compare);
      any = false;
      return changed;
    }
  }
}
