package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.testing.Seeds;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class BestHeapTest {
  @Test
  void keepsWhatSortingWouldKeep() {
    Random random = Seeds.random("keepsWhatSortingWouldKeep");
    for (int round = 0; round < 2_000; round++) {
      int offered = random.nextInt(60);
      int capacity = 1 + random.nextInt(20);
      float[] scores = new float[offered];
      for (int i = 0; i < offered; i++) {
        scores[i] = (random.nextInt(9) - 4) * (random.nextBoolean() ? 1f : 1e30f);
      }
      BestHeap heap = new BestHeap(capacity);
      // Offered in any order: not every index goes through its rows by ordinal.
      List<Integer> order = new java.util.ArrayList<>(IntStream.range(0, offered).boxed().toList());
      java.util.Collections.shuffle(order, random);
      for (int i : order) {
        if (heap.wants(i, scores[i])) {
          heap.add(i, scores[i]);
        }
      }
      List<Integer> expected =
          IntStream.range(0, offered)
              .boxed()
              .sorted(
                  Comparator.<Integer>comparingDouble(i -> -scores[i] + 0.0).thenComparing(i -> i))
              .limit(capacity)
              .toList();
      TopK top = heap.drain(7, ordinal -> ordinal + 100L);
      assertThat(IntStream.range(0, top.count()).map(top::ordinal).boxed()).isEqualTo(expected);
      for (int rank = 0; rank < top.count(); rank++) {
        assertThat(top.score(rank)).isEqualTo(scores[top.ordinal(rank)] + 0f);
        assertThat(top.label(rank)).isEqualTo(top.ordinal(rank) + 100);
      }
      assertThat(top.seq()).isEqualTo(7);
    }
  }

  @Test
  void ordersExtremes() {
    float[] scores = {
      -0f, 0f, Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -Float.MIN_VALUE, 1, -1
    };
    BestHeap heap = new BestHeap(scores.length);
    for (int i = 0; i < scores.length; i++) {
      heap.add(i, scores[i]);
    }
    assertThat(heap.isFull()).isTrue();
    assertThat(heap.worstScore()).isEqualTo(-Float.MAX_VALUE);
    TopK top = heap.drain(0, ordinal -> ordinal);
    assertThat(IntStream.range(0, top.count()).map(top::ordinal))
        .containsExactly(2, 6, 4, 0, 1, 5, 7, 3);
  }

  @Test
  void takesTheLargestOrdinal() {
    BestHeap heap = new BestHeap(2);
    heap.add(Integer.MAX_VALUE, 1);
    heap.add(0, 1);
    TopK top = heap.drain(0, ordinal -> ordinal);
    assertThat(top.ordinal(0)).isZero();
    assertThat(top.ordinal(1)).isEqualTo(Integer.MAX_VALUE);
  }
}
