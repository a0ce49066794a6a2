package io.whimbrel.core.payload;

import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.BiPredicate;

/// Which points have a value, for every value of one scalar type, in their order. Never changes.
///
/// Values lie in leaves of up to 256; a changed copy shares the leaves that it leaves alone, so a
/// group of writes costs as many leaves as it touches and one array of all leaves.
final class Postings {
  static final int LEAF_KEYS_MAX = 256;

  static final Postings EMPTY = new Postings(new Leaf[0]);

  private final Leaf[] leaves;

  /// Ascending values and the points that have them; no set is empty.
  ///
  /// @param entries sum of the sizes of the sets
  private record Leaf(Value[] keys, IdSet[] ids, long entries) {
    static Leaf of(List<Value> keys, List<IdSet> ids) {
      long entries = 0;
      for (IdSet set : ids) {
        entries += set.count();
      }
      return new Leaf(keys.toArray(Value[]::new), ids.toArray(IdSet[]::new), entries);
    }

    int search(Value key) {
      return Arrays.binarySearch(keys, key, Filter::compare);
    }

    Value last() {
      return keys[keys.length - 1];
    }
  }

  private Postings(Leaf[] leaves) {
    this.leaves = leaves;
  }

  IdSet get(Value key) {
    int leaf = leafOf(key);
    if (leaf == leaves.length) {
      return IdSet.EMPTY;
    }
    int at = leaves[leaf].search(key);
    return at < 0 ? IdSet.EMPTY : leaves[leaf].ids()[at];
  }

  /// The first leaf whose last value is not below `key`; the number of leaves when there is none.
  private int leafOf(Value key) {
    int from = 0;
    int to = leaves.length;
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (Filter.compare(leaves[middle].last(), key) < 0) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  /// Takes a value and the points that have it.
  @FunctionalInterface
  interface Visitor {
    void visit(Value key, IdSet ids);
  }

  /// Distinct values.
  long keys() {
    long keys = 0;
    for (Leaf leaf : leaves) {
      keys += leaf.keys().length;
    }
    return keys;
  }

  void forEach(Visitor visitor) {
    forRange(Optional.empty(), Optional.empty(), visitor);
  }

  /// The values between the bounds, ascending.
  void forRange(Optional<Filter.Bound> lower, Optional<Filter.Bound> upper, Visitor visitor) {
    visit(lower, (key, _) -> isWithin(key, upper), visitor);
  }

  /// The values from `lower` on, ascending, as long as `goOn` says so.
  void visit(Optional<Filter.Bound> lower, BiPredicate<Value, IdSet> goOn, Visitor visitor) {
    int leaf = lower.isEmpty() ? 0 : leafOf(lower.get().value());
    int at = 0;
    if (lower.isPresent() && leaf < leaves.length) {
      int found = leaves[leaf].search(lower.get().value());
      at = found < 0 ? -found - 1 : lower.get().inclusive() ? found : found + 1;
    }
    for (; leaf < leaves.length; leaf++, at = 0) {
      Value[] keys = leaves[leaf].keys();
      IdSet[] ids = leaves[leaf].ids();
      for (; at < keys.length; at++) {
        if (!goOn.test(keys[at], ids[at])) {
          return;
        }
        visitor.visit(keys[at], ids[at]);
      }
    }
  }

  /// The values from `upper` (inclusive) on, descending, as long as `goOn` says so.
  void visitBack(Optional<Value> upper, BiPredicate<Value, IdSet> goOn) {
    int leaf = upper.isEmpty() ? leaves.length - 1 : leafOf(upper.get());
    int at = -1;
    if (leaf == leaves.length) {
      leaf--;
    } else if (upper.isPresent()) {
      int found = leaves[leaf].search(upper.get());
      at = found < 0 ? -found - 2 : found;
      if (at < 0) {
        leaf--;
      }
    }
    for (; leaf >= 0; leaf--, at = -1) {
      Value[] keys = leaves[leaf].keys();
      for (int i = at < 0 ? keys.length - 1 : at; i >= 0; i--) {
        if (!goOn.test(keys[i], leaves[leaf].ids()[i])) {
          return;
        }
      }
    }
  }

  private static boolean isWithin(Value key, Optional<Filter.Bound> upper) {
    if (upper.isEmpty()) {
      return true;
    }
    int order = Filter.compare(key, upper.get().value());
    return order < 0 || order == 0 && upper.get().inclusive();
  }

  /// The points between the bounds.
  IdSet range(Optional<Filter.Bound> lower, Optional<Filter.Bound> upper) {
    List<IdSet> sets = new ArrayList<>();
    forRange(lower, upper, (_, ids) -> sets.add(ids));
    return IdSet.union(sets);
  }

  /// These postings after the changes.
  Postings changed(SortedMap<Value, IdChange> changes) {
    if (changes.isEmpty()) {
      return this;
    }
    List<Leaf> after = new ArrayList<>(leaves.length + 1);
    List<Map.Entry<Value, IdChange>> all = List.copyOf(changes.entrySet());
    int change = 0;
    for (int leaf = 0; leaf < leaves.length; leaf++) {
      int end = change;
      boolean isLast = leaf == leaves.length - 1;
      while (end < all.size()
          && (isLast || Filter.compare(all.get(end).getKey(), leaves[leaf].last()) <= 0)) {
        end++;
      }
      if (end == change) {
        after.add(leaves[leaf]);
      } else {
        merge(leaves[leaf], all.subList(change, end), after);
      }
      change = end;
    }
    if (leaves.length == 0) {
      merge(new Leaf(new Value[0], new IdSet[0], 0), all, after);
    }
    return new Postings(after.toArray(Leaf[]::new));
  }

  private static void merge(Leaf leaf, List<Map.Entry<Value, IdChange>> changes, List<Leaf> after) {
    List<Value> keys = new ArrayList<>();
    List<IdSet> ids = new ArrayList<>();
    int at = 0;
    for (Map.Entry<Value, IdChange> change : changes) {
      while (at < leaf.keys().length && Filter.compare(leaf.keys()[at], change.getKey()) < 0) {
        keys.add(leaf.keys()[at]);
        ids.add(leaf.ids()[at++]);
      }
      boolean known =
          at < leaf.keys().length && Filter.compare(leaf.keys()[at], change.getKey()) == 0;
      IdSet set = change.getValue().applyTo(known ? leaf.ids()[at] : IdSet.EMPTY);
      if (!set.isEmpty()) {
        // The key that is there already stays, so that a value has one object.
        keys.add(known ? leaf.keys()[at] : change.getKey());
        ids.add(set);
      }
      at += known ? 1 : 0;
    }
    for (; at < leaf.keys().length; at++) {
      keys.add(leaf.keys()[at]);
      ids.add(leaf.ids()[at]);
    }
    // Halves rather than full leaves, so that the next values find room.
    int parts = keys.size() <= LEAF_KEYS_MAX ? 1 : 1 + keys.size() / (LEAF_KEYS_MAX / 2);
    for (int part = 0; part < parts; part++) {
      int from = (int) ((long) keys.size() * part / parts);
      int to = (int) ((long) keys.size() * (part + 1) / parts);
      if (to > from) {
        after.add(Leaf.of(keys.subList(from, to), ids.subList(from, to)));
      }
    }
  }

  /// Estimated memory in bytes.
  long bytes() {
    long bytes = 0;
    for (Leaf leaf : leaves) {
      for (int i = 0; i < leaf.keys().length; i++) {
        bytes += 48 + leaf.ids()[i].bytes();
        bytes += leaf.keys()[i] instanceof Value.StringValue(String text) ? 2L * text.length() : 0;
      }
    }
    return bytes;
  }
}
