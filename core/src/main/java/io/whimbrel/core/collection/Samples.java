package io.whimbrel.core.collection;

import io.whimbrel.core.model.Mixing;
import io.whimbrel.core.payload.IdSet;
import java.util.Comparator;
import java.util.PriorityQueue;

/// Random points: each internal id has a place that looks drawn at random and depends on the seed
/// alone, and those with the lowest places are taken.
final class Samples {
  private Samples() {}

  private record Drawn(long place, long id) {
    static final Comparator<Drawn> ORDER = (a, b) -> Long.compareUnsigned(a.place(), b.place());
  }

  /// At most `count` of `ids`, in the order of their places. Cost: about 10 ns for each id.
  static long[] draw(IdSet ids, long seed, int count) {
    PriorityQueue<Drawn> lowest = new PriorityQueue<>(Drawn.ORDER.reversed());
    long[] bar = {-1};
    ids.forEach(id -> {
      long place = Mixing.mix(seed, id);
      if (Long.compareUnsigned(place, bar[0]) <= 0) {
        lowest.add(new Drawn(place, id));
        if (lowest.size() > count) {
          lowest.poll();
        }
        if (lowest.size() == count) {
          bar[0] = lowest.element().place();
        }
      }
    });
    return lowest.stream().sorted(Drawn.ORDER).mapToLong(Drawn::id).toArray();
  }
}
