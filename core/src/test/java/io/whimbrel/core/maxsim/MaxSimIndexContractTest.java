package io.whimbrel.core.maxsim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.core.index.VectorIndexContract;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import org.junit.jupiter.api.Test;

/// Documents of one token and queries of one token: MaxSim is then the inner product or cosine.
final class MaxSimIndexContractTest extends VectorIndexContract {
  @Override
  protected MaxSimIndex create(int dimension, Metric metric) {
    assumeTrue(metric != Metric.L2, "MaxSim has no L2");
    return new MaxSimIndex(
        dimension,
        metric,
        Storage.FLOAT32,
        new IndexSpec.MultiVector(256),
        MaxSimIndexTest.EARLY,
        KernelProvider.best());
  }

  /// One token of Gaussian noise has nothing but its signs to be found by.
  @Override
  protected double recallFloor() {
    return 0.9;
  }

  @Override
  protected boolean isExact() {
    return false;
  }

  @Override
  protected boolean worksBeforeSearch() {
    return true;
  }

  /// Tokens whose products leave float32 are refused.
  @Test
  @Override
  protected void sumsBeyondFloat32AreSummedAgain() {
    float[] big = {2e38f, 2e38f, 1, 0};
    try (MaxSimIndex index = create(4, Metric.DOT)) {
      refused(ErrorCode.LIMIT_EXCEEDED, () -> index.add(big, 1));
      refused(ErrorCode.LIMIT_EXCEEDED, () -> search(index, big, 1));
      index.add(new float[] {5e16f, 5e16f, 1, 0}, 1);
      publish(index, 1);
      float[] query = {1e16f, 0, 0, 0};
      assertThat(search(index, query, 1).score(0)).isEqualTo(5e16f * 1e16f);
    }
  }
}
