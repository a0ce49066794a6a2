package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.testing.RealVectors;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Exact search over rows of 8 bits a value.
final class Int8FlatIndexTest extends VectorIndexContract {
  @Override
  protected FlatIndex create(int dimension, Metric metric) {
    return new FlatIndex(dimension, metric, Storage.INT8, KernelProvider.best());
  }

  @Override
  protected double recallFloor() {
    return 0.99;
  }

  @Override
  protected boolean isExact() {
    return true;
  }

  @Override
  protected boolean worksBeforeSearch() {
    return false;
  }

  @Override
  protected double exactRecallFloor() {
    return 0.85;
  }

  /// Half a step of about 1/50 in each value of row and query.
  @Override
  protected double scoreTolerance(int dimension) {
    return 0.05 * dimension;
  }

  @Override
  protected double unitTolerance() {
    return 0.02;
  }

  /// Beside a value of 2e38 one of 9 is nothing in 8 bits; the ends of the order still hold.
  @Test
  @Override
  protected void sumsBeyondFloat32AreSummedAgain() {
    float big = 2e38f;
    float[][] rows = {
      {big, -big, 7, 0}, {big, big, 0, 0}, {-big, -big, 0, 0}, {0, 0, 9, 0}, {-big, big, 8, 0}
    };
    for (Metric metric : new Metric[] {Metric.DOT, Metric.L2}) {
      try (VectorIndex index = create(4, metric)) {
        for (int i = 0; i < rows.length; i++) {
          add(index, rows[i], i);
        }
        index.publish(1);
        TopK top = search(index, new float[] {big, big, 1, 0}, 5);
        assertThat(labels(top)).containsExactlyInAnyOrder(0, 1, 2, 3, 4).startsWith(1);
        assertThat(top.score(4)).isEqualTo(-Float.MAX_VALUE);
        for (int rank = 0; rank < 5; rank++) {
          assertThat(top.score(rank)).isFinite();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void bothKindsOfKernelGiveTheSame(Metric metric) {
    Random random = Seeds.random("bothKindsOfKernelGiveTheSame " + metric);
    for (int dimension : new int[] {7, 64, 200}) {
      try (VectorIndex index = create(dimension, metric);
          VectorIndex scalar =
              new FlatIndex(dimension, metric, Storage.INT8, new ScalarKernels())) {
        for (int i = 0; i < 3_000; i++) {
          float[] vector = Seeds.gaussian(random, dimension);
          add(index, vector, i);
          add(scalar, vector, i);
        }
        index.publish(1);
        scalar.publish(1);
        float[] query = Seeds.gaussian(random, dimension);
        TopK top = search(index, query, 100);
        TopK expected = search(scalar, query, 100);
        assertThat(labels(top)).isEqualTo(labels(expected));
        for (int rank = 0; rank < 100; rank++) {
          assertThat(top.score(rank)).isEqualTo(expected.score(rank));
        }
      }
    }
  }

  @Test
  void aRowIsItsOwnNearest() {
    Random random = Seeds.random("aRowIsItsOwnNearest");
    try (VectorIndex index = create(300, Metric.L2)) {
      float[][] rows = new float[500][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Seeds.gaussian(random, 300);
        add(index, rows[i], i);
      }
      index.publish(1);
      for (int i = 0; i < rows.length; i++) {
        TopK top = search(index, rows[i], 1);
        assertThat(top.ordinal(0)).isEqualTo(i);
        assertThat((double) top.score(0)).isBetween(-1e-3, 0.0);
      }
    }
  }

  @Test
  void takesAThirdOfTheBytesOrLess() {
    int[] dimensions = {128, 384, 768, 1536};
    for (int dimension : dimensions) {
      try (FlatIndex index = create(dimension, Metric.DOT);
          FlatIndex floats = new FlatIndex(dimension, Metric.DOT, KernelProvider.best())) {
        float[] row = new float[dimension];
        row[0] = 1;
        for (int i = 0; i < 30_000; i++) {
          index.addStored(row, i);
          floats.addStored(row, i);
        }
        assertThat(new Int8Rows(dimension, Metric.DOT, KernelProvider.best()).rowBytes())
            .isLessThan(dimension * 4 / 3);
        index.publish(1);
        floats.publish(1);
        // Codes and factors end in a huge page of their own.
        assertThat(index.bytes()).isLessThan(floats.bytes() / 2 + (4 << 20));
      }
    }
  }

  @Test
  void recallOnRealVectors() throws IOException {
    RealVectors real = RealVectors.bigann();
    assertThat(recallAt10(real, Metric.L2)).isGreaterThanOrEqualTo(0.99);
  }

  @ParameterizedTest
  @CsvSource({
    "fashion-mnist-784, base.bvecs, query.bvecs, groundtruth.ivecs, L2, 0.99",
    "sift-bsds500-128, base.bvecs, query.bvecs, groundtruth.ivecs, L2, 0.99",
    "wordnet-minilm-bge-384, minilm-base.f16vecs, minilm-query.f16vecs, minilm-groundtruth.ivecs,"
        + " COSINE, 0.99",
    "wordnet-minilm-bge-384, bge-base-first12000.f16vecs, bge-query.f16vecs,"
        + " bge-groundtruth-first12000.ivecs, COSINE, 0.99",
    "tabfact-rows-openai-1536, base.fvecs, query.fvecs, groundtruth.ivecs, COSINE, 0.98"
  })
  void recallOnLargerRealVectors(
      String folder, String base, String queries, String nearest, Metric metric, double floor)
      throws IOException {
    RealVectors real =
        RealVectors.larger(folder + "/" + base, folder + "/" + queries, folder + "/" + nearest);
    assertThat(recallAt10(real, metric)).isGreaterThanOrEqualTo(floor);
  }

  /// A hit as good as the tenth true one is a true one.
  private double recallAt10(RealVectors real, Metric metric) {
    int dimension = real.base()[0].length;
    ExactSearch truth = new ExactSearch(metric);
    try (VectorIndex index = create(dimension, metric)) {
      for (float[] row : real.base()) {
        truth.put(index.add(row, 0), row);
      }
      index.publish(1);
      int found = 0;
      for (int q = 0; q < real.queries().length; q++) {
        float[] query = real.queries()[q];
        TopK top = search(index, query, 10);
        double tenth = truth.score(query, real.nearest()[q][9]);
        for (int rank = 0; rank < top.count(); rank++) {
          found += truth.score(query, top.ordinal(rank)) >= tenth - 1e-7 * Math.abs(tenth) ? 1 : 0;
        }
      }
      double recall = found / (10.0 * real.queries().length);
      System.out.printf("int8 recall@10, %d values: %.4f%n", dimension, recall);
      return recall;
    }
  }
}
