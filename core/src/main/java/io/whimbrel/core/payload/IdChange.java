package io.whimbrel.core.payload;

import com.carrotsearch.hppc.LongHashSet;
import java.util.Arrays;

/// Ids that join a set and ids that leave it; the last word on an id counts. Of the writer.
final class IdChange {
  private final LongHashSet adds = new LongHashSet(4);
  private final LongHashSet removes = new LongHashSet(4);

  void add(long id) {
    removes.removeAll(id);
    adds.add(id);
  }

  void remove(long id) {
    adds.removeAll(id);
    removes.add(id);
  }

  IdSet applyTo(IdSet before) {
    return before.changed(sorted(removes), sorted(adds));
  }

  private static long[] sorted(LongHashSet ids) {
    long[] sorted = ids.toArray();
    Arrays.sort(sorted);
    return sorted;
  }
}
