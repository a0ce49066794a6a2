package io.whimbrel.core.hnsw;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;

/// Orders rows so that near ones follow each other: linking them in this order finds most of what a
/// walk reads in the cache.
///
/// Each row goes to the nearest of about `sqrt(n)` of them, picked at random; the picked ones are
/// chained, each to the nearest that is left. Cost: `n * sqrt(n)` distances.
final class LocalityOrder {
  private static final int ROWS_MIN = 256;

  /// Comparing with more would cost more than it gains.
  private static final int PIVOTS_MAX = 256;

  private final GraphRows rows;
  private final GraphKernels kernels;

  LocalityOrder(GraphRows rows, GraphKernels kernels) {
    this.rows = rows;
    this.kernels = kernels;
  }

  void sort(int[] ordinals, SplittableRandom random) {
    if (ordinals.length < ROWS_MIN) {
      return;
    }
    try (Region region = Region.confined(rows.layout.queryBytes())) {
      sort(ordinals, random, region.segment());
    }
  }

  private void sort(int[] ordinals, SplittableRandom random, MemorySegment vector) {
    int[] pivots = new int[Math.min(PIVOTS_MAX, (int) Math.sqrt(ordinals.length))];
    for (int i = 0; i < pivots.length; i++) {
      pivots[i] = ordinals[random.nextInt(ordinals.length)];
    }
    chain(pivots, vector);
    long[] order = new long[ordinals.length];
    for (int i = 0; i < ordinals.length; i++) {
      order[i] = (long) nearest(pivots, 0, ordinals[i], vector) << 32 | ordinals[i];
    }
    Arrays.sort(order);
    for (int i = 0; i < ordinals.length; i++) {
      ordinals[i] = (int) order[i];
    }
  }

  private void chain(int[] pivots, MemorySegment vector) {
    for (int i = 1; i < pivots.length; i++) {
      int next = nearest(pivots, i, pivots[i - 1], vector);
      int moved = pivots[next];
      pivots[next] = pivots[i];
      pivots[i] = moved;
    }
  }

  private int nearest(int[] pivots, int from, int row, MemorySegment vector) {
    rows.decode(kernels, row, vector, 0);
    int best = from;
    float least = Float.POSITIVE_INFINITY;
    for (int i = from; i < pivots.length; i++) {
      float distance = rows.distance(kernels, vector, pivots[i]);
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }
}
