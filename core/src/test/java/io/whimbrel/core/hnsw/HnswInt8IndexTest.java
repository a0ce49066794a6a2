package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.index.VectorIndexContract;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The graph over rows of one byte a value.
final class HnswInt8IndexTest extends VectorIndexContract {
  private static final IndexSpec.Hnsw SPEC = new IndexSpec.Hnsw(16, 200);

  @TempDir private Path directory;

  @Override
  protected HnswIndex create(int dimension, Metric metric) {
    return new HnswIndex(dimension, metric, Storage.INT8, SPEC, KernelProvider.best());
  }

  @Override
  protected double recallFloor() {
    return 0.85;
  }

  @Override
  protected double exactRecallFloor() {
    return 0.85;
  }

  @Override
  protected boolean isExact() {
    return false;
  }

  @Override
  protected boolean worksBeforeSearch() {
    return true;
  }

  /// Half a step of about 1/40 in each value of a row; short vectors are padded.
  @Override
  protected double scoreTolerance(int dimension) {
    return 0.05 * (dimension + 3);
  }

  /// One in a hundred of the largest.
  @Override
  protected float smallScoreTolerance() {
    return 1;
  }

  @Override
  protected double unitTolerance() {
    return 0.02;
  }

  @Test
  @Override
  protected void sumsBeyondFloat32AreSummedAgain() {
    float[] big = {2e38f, 2e38f, 1, 0};
    for (Metric metric : new Metric[] {Metric.DOT, Metric.L2}) {
      try (VectorIndex index = create(4, metric)) {
        refused(ErrorCode.LIMIT_EXCEEDED, () -> index.add(big, 1));
        index.add(new float[] {5e17f, 5e17f, 1, 0}, 1);
        index.publish(1);
        assertThat(search(index, new float[] {-5e17f, 5e17f, 1, 0}, 1).score(0)).isFinite();
      }
    }
  }

  /// The score of a rounded row, as a search gave it.
  @Test
  @Override
  protected void aThresholdIncludesItsScore() {
    try (VectorIndex index = create(1, Metric.DOT)) {
      for (int i = 0; i < 100; i++) {
        add(index, new float[] {i}, i);
      }
      publish(index, 1);
      float[] query = {1};
      TopK top = search(index, query, 4);
      assertThat(top.score(3)).isLessThan(top.score(2));
      assertThat(labels(search(index, query, 10, top.score(2))))
          .isEqualTo(labels(top).subList(0, 3));
      assertThat(search(index, query, 9, 1.01 * top.score(0)).count()).isZero();
    }
  }

  /// Walks and scans score alike, and a saved graph is the same graph.
  @ParameterizedTest
  @EnumSource
  void scoresAreThoseOfTheRowWhateverTheWay(Metric metric) throws IOException {
    Random random = Seeds.random("int8 scores " + metric);
    Path file = directory.resolve("graph");
    float[][] rows = new float[2_000][];
    try (HnswIndex index = create(40, metric)) {
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Seeds.gaussian(random, 40);
        index.add(rows[i], i);
      }
      index.publish(1);
      workAll(index);
      index.save(file, "id");
      try (HnswIndex loaded =
          HnswIndex.open(file, "id", 40, metric, Storage.INT8, SPEC, KernelProvider.best())) {
        for (int i = 0; i < 50; i++) {
          float[] query = Seeds.gaussian(random, 40);
          TopK walked = search(index, query, 10);
          TopK scanned = index.search(query, SearchParams.of(2_000).withExact(true), () -> false);
          TopK again = search(loaded, query, 10);
          assertThat(labels(again, again.count())).isEqualTo(labels(walked, walked.count()));
          for (int rank = 0; rank < 10; rank++) {
            assertThat(walked.score(rank)).isEqualTo(score(scanned, walked.label(rank)));
          }
        }
      }
    }
  }

  private static java.util.List<Long> labels(TopK top, int count) {
    return java.util.stream.IntStream.range(0, count).mapToObj(top::label).toList();
  }

  private static float score(TopK top, long label) {
    for (int rank = 0; rank < top.count(); rank++) {
      if (top.label(rank) == label) {
        return top.score(rank);
      }
    }
    throw new AssertionError("no hit " + label);
  }
}
