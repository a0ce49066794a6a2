package io.whimbrel.bench.ann;

import java.util.List;
import java.util.OptionalInt;

/// Which beam widths to measure.
///
/// @param efs given ones; empty: from 10 up by a quarter each until the recall is enough
record Sweep(List<Integer> efs, int k) {
  static final int EF_MAX = 4096;

  private static final int EF_FIRST = 10;
  private static final double EF_STEP = 1.25;
  private static final double RECALL_ENOUGH = 0.9995;

  int first() {
    return efs.isEmpty() ? Math.max(EF_FIRST, k) : efs.getFirst();
  }

  /// The one after `ef`, which gave `recall`.
  OptionalInt next(int ef, double recall) {
    if (!efs.isEmpty()) {
      int at = efs.indexOf(ef) + 1;
      return at < efs.size() ? OptionalInt.of(efs.get(at)) : OptionalInt.empty();
    }
    if (recall >= RECALL_ENOUGH || ef >= EF_MAX) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(Math.min(EF_MAX, Math.max(ef + 1, (int) Math.round(ef * EF_STEP))));
  }
}
