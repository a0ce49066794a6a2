package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.simd.KernelProvider;

/// Builds what is measured.
final class Graphs {
  private Graphs() {}

  /// All rows, linked; a row's number is its ordinal and its label. The caller closes it.
  static HnswIndex build(SearchSet data, IndexSpec.Hnsw spec) {
    HnswIndex index = new HnswIndex(data.dimension(), data.metric(), spec, KernelProvider.best());
    for (int row = 0; row < data.base().length; row++) {
      int ordinal = index.add(data.base()[row], row);
      if (ordinal != row) {
        throw new IllegalStateException("ordinal " + ordinal + " (expected: " + row + ")");
      }
    }
    index.publish(1);
    catchUp(index);
    return index;
  }

  /// Does all background work that waits.
  static void catchUp(HnswIndex index) {
    boolean more = true;
    while (more) {
      more = index.work(Integer.MAX_VALUE);
    }
  }
}
