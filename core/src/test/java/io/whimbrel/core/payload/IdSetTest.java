package io.whimbrel.core.payload;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Beside `TreeSet`s.
final class IdSetTest {
  private final Random random = Seeds.random("IdSet");

  @Test
  void everyOperationEqualsThatOfASortedSet() {
    for (int round = 0; round < 400; round++) {
      TreeSet<Long> a = someIds();
      TreeSet<Long> b = someIds();
      IdSet x = of(a);
      IdSet y = of(b);
      check(x, a);
      TreeSet<Long> both = new TreeSet<>(a);
      both.retainAll(b);
      check(x.and(y), both);
      assertThat(x.andCount(y)).isEqualTo(both.size());
      TreeSet<Long> either = new TreeSet<>(a);
      either.addAll(b);
      check(x.or(y), either);
      TreeSet<Long> first = new TreeSet<>(a);
      first.removeAll(b);
      check(x.without(y), first);
      TreeSet<Long> changed = new TreeSet<>(a);
      TreeSet<Long> adds = someIds();
      changed.removeAll(b);
      changed.addAll(adds);
      check(x.changed(longs(b), longs(adds)), changed);
      // What it was made from has not changed.
      check(x, a);
      check(y, b);
    }
  }

  @Test
  void unionsAndThresholdsCountEachSetOnce() {
    for (int round = 0; round < 100; round++) {
      List<TreeSet<Long>> truths = new ArrayList<>();
      List<IdSet> sets = new ArrayList<>();
      TreeSet<Long> all = new TreeSet<>();
      for (int i = random.nextInt(12); i >= 0; i--) {
        truths.add(someIds());
        sets.add(of(truths.getLast()));
        all.addAll(truths.getLast());
      }
      check(IdSet.union(sets), all);
      int wanted = 1 + random.nextInt(sets.size());
      TreeSet<Long> met = new TreeSet<>(all);
      met.removeIf(id -> truths.stream().filter(set -> set.contains(id)).count() < wanted);
      check(IdSet.atLeast(wanted, sets), met);
    }
  }

  private void check(IdSet set, TreeSet<Long> truth) {
    assertThat(set.count()).isEqualTo(truth.size());
    assertThat(set.toArray()).isEqualTo(longs(truth));
    assertThat(set).isEqualTo(IdSet.ofSorted(longs(truth)));
    for (int i = 0; i < 20; i++) {
      long id =
          truth.isEmpty() || random.nextBoolean()
              ? someId()
              : set.select(random.nextInt(truth.size()));
      assertThat(set.contains(id)).isEqualTo(truth.contains(id));
      assertThat(set.lookup().test(id)).isEqualTo(truth.contains(id));
    }
  }

  private static IdSet of(TreeSet<Long> ids) {
    return IdSet.ofSorted(longs(ids));
  }

  private static long[] longs(TreeSet<Long> ids) {
    return ids.stream().mapToLong(Long::longValue).toArray();
  }

  /// None, one, few, or enough for bitmaps, over near or far chunks.
  private TreeSet<Long> someIds() {
    TreeSet<Long> ids = new TreeSet<>();
    switch (random.nextInt(4)) {
      case 0 -> {
        for (int i = random.nextInt(3); i > 0; i--) {
          ids.add(someId());
        }
      }
      case 1 -> {
        long from = 1 + random.nextInt(100_000);
        for (int i = random.nextInt(9000); i > 0; i--) {
          ids.add(from + i);
        }
      }
      default -> {
        for (int i = random.nextInt(200); i > 0; i--) {
          ids.add(someId());
        }
      }
    }
    return ids;
  }

  private long someId() {
    return random.nextInt(8) == 0
        ? 1 + (random.nextLong() >>> 20)
        : 1 + random.nextInt(random.nextBoolean() ? 300 : 300_000);
  }
}
