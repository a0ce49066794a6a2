package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.index.VectorIndexContract;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.KernelProvider;
import org.junit.jupiter.api.Test;

final class HnswIndexTest extends VectorIndexContract {
  @Override
  protected VectorIndex create(int dimension, Metric metric) {
    return new HnswIndex(dimension, metric, new IndexSpec.Hnsw(16, 200), KernelProvider.best());
  }

  @Override
  protected double recallFloor() {
    return 0.97;
  }

  /// Distances of 50 are rounded in their 24th bit, and an inner product is a difference of such.
  @Override
  protected float smallScoreTolerance() {
    return 1e-5f;
  }

  @Override
  protected boolean isExact() {
    return false;
  }

  @Override
  protected boolean worksBeforeSearch() {
    return true;
  }

  /// Distances are float32 here: vectors for which that is too narrow are refused.
  @Test
  @Override
  protected void sumsBeyondFloat32AreSummedAgain() {
    float[] big = {2e38f, 2e38f, 1, 0};
    for (Metric metric : new Metric[] {Metric.DOT, Metric.L2}) {
      try (VectorIndex index = create(4, metric)) {
        refused(ErrorCode.LIMIT_EXCEEDED, () -> index.add(big, 1));
        refused(ErrorCode.LIMIT_EXCEEDED, () -> search(index, big, 1));
        index.add(new float[] {5e17f, 5e17f, 1, 0}, 1);
        index.publish(1);
        assertThat(search(index, new float[] {-5e17f, 5e17f, 1, 0}, 1).score(0)).isFinite();
      }
    }
    try (VectorIndex index = create(4, Metric.COSINE)) {
      index.add(big, 1);
      index.publish(1);
      assertThat(search(index, big, 1).score(0)).isGreaterThan(0.9999f);
    }
  }
}
