package io.whimbrel.bench.jmh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.util.Arrays;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/// Runs every benchmark tiny, so that none rots, and prints a hash of what it computes.
final class JmhTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 128, 207, 384, 768, 1536})
  void floatKernelsOfBothKindsAgree(int dim) {
    float[][] dots = new float[2][];
    float[][] distances = new float[2][];
    float[][] dotsAt = new float[2][];
    float[][] distancesAt = new float[2][];
    String[] kinds = {"scalar", "vector"};
    for (int i = 0; i < kinds.length; i++) {
      FloatKernelBenchmark benchmark = new FloatKernelBenchmark();
      benchmark.dim = dim;
      benchmark.kernels = kinds[i];
      benchmark.setUp();
      dots[i] = benchmark.dot().clone();
      distances[i] = benchmark.squaredL2().clone();
      dotsAt[i] = benchmark.dotAt().clone();
      distancesAt[i] = benchmark.squaredL2At().clone();
      benchmark.tearDown();
      System.out.printf(
          "%s %d: hash %08x%n",
          kinds[i], dim, 31 * Arrays.hashCode(dots[i]) + Arrays.hashCode(distances[i]));
    }
    int last = dots[0].length - 1;
    for (int row = 0; row <= last; row++) {
      // The same rows from the last to the first, four at once: summed in another order.
      assertThat(dotsAt[1][last - row]).isCloseTo(dots[1][row], within(1e-7f * dim + 1e-6f));
      assertThat(distancesAt[1][last - row])
          .isCloseTo(distances[1][row], within(1e-7f * dim * dim + 1e-6f));
      assertThat(dots[0][row]).isNotZero();
      assertThat(distances[0][row]).isPositive();
    }
    assertThat(dots[1]).usingComparatorWithPrecision(1e-7f * dim + 1e-6f).containsExactly(dots[0]);
    assertThat(distances[1])
        .usingComparatorWithPrecision(1e-7f * dim * dim + 1e-6f)
        .containsExactly(distances[0]);
  }

  @ParameterizedTest
  @ValueSource(ints = {128, 384, 768, 1536})
  void codeKernelsOfBothKindsAgree(int dim) {
    int[][] hashes = new int[2][];
    String[] kinds = {"scalar", "vector"};
    for (int i = 0; i < kinds.length; i++) {
      CodeKernelBenchmark benchmark = new CodeKernelBenchmark();
      benchmark.dim = dim;
      benchmark.kernels = kinds[i];
      benchmark.setUp();
      hashes[i] =
          new int[] {
            Arrays.hashCode(benchmark.dotInt8()),
            Arrays.hashCode(benchmark.dotInt4()),
            Arrays.hashCode(benchmark.dotBits()),
            Arrays.hashCode(benchmark.lookup64())
          };
      benchmark.tearDown();
      System.out.printf("%s codes %d: hash %08x%n", kinds[i], dim, Arrays.hashCode(hashes[i]));
    }
    assertThat(hashes[1]).isEqualTo(hashes[0]);
  }

  @ParameterizedTest
  @ValueSource(ints = {128, 384, 768, 1536})
  void graphKernelsOfBothKindsAgree(int dim) {
    GraphKernelsBenchmark scalar = graphKernels("scalar", dim);
    GraphKernelsBenchmark vector = graphKernels("vector", dim);
    try {
      // A rounding may move an estimate over the bound, but not many.
      assertThat(Integer.bitCount(scalar.scan() ^ vector.scan())).isLessThanOrEqualTo(2);
      assertThat(vector.estimates())
          .usingComparatorWithPrecision(0.05f)
          .containsExactly(scalar.estimates());
      assertThat(vector.prepare().step())
          .isPositive()
          .isCloseTo(scalar.prepare().step(), within(1e-5f));
      assertThat(vector.rotate())
          .usingComparatorWithPrecision(1e-4f)
          .containsExactly(scalar.rotate());
      assertThat(vector.squaredL2())
          .isPositive()
          .isCloseTo(scalar.squaredL2(), within(1e-6f * dim));
      assertThat(vector.residual())
          .usingComparatorWithPrecision(1e-6f * dim)
          .containsExactly(scalar.residual());
      assertThat(vector.residualSigns()).isEqualTo(scalar.residualSigns());
      for (int i = 0; i < 2_000; i++) {
        assertThat(vector.least()).isEqualTo(scalar.least()).isBetween(0, 95);
      }
      System.out.printf("graph %d: hash %08x%n", dim, Arrays.hashCode(scalar.residualSigns()));
    } finally {
      scalar.tearDown();
      vector.tearDown();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {64, 96, 128})
  void maxSimKernelsOfBothKindsAgree(int dim) {
    int[][] hashes = new int[2][];
    float[][] best = new float[2][];
    String[] kinds = {"scalar", "vector"};
    for (int i = 0; i < kinds.length; i++) {
      MaxSimKernelBenchmark benchmark = new MaxSimKernelBenchmark();
      benchmark.dim = dim;
      benchmark.kernels = kinds[i];
      benchmark.setUp();
      best[i] = benchmark.maxFloat().clone();
      hashes[i] =
          new int[] {
            Arrays.hashCode(benchmark.maxInt8()),
            Arrays.hashCode(benchmark.maxBits()),
            Arrays.hashCode(benchmark.scanIds())
          };
      benchmark.tearDown();
      System.out.printf("%s MaxSim %d: hash %08x%n", kinds[i], dim, Arrays.hashCode(hashes[i]));
    }
    assertThat(hashes[1]).isEqualTo(hashes[0]);
    assertThat(best[1]).usingComparatorWithPrecision(1e-6f * dim).containsExactly(best[0]);
  }

  private static GraphKernelsBenchmark graphKernels(String kernels, int dim) {
    GraphKernelsBenchmark benchmark = new GraphKernelsBenchmark();
    benchmark.dim = dim;
    benchmark.kernels = kernels;
    benchmark.setUp();
    return benchmark;
  }

  @ParameterizedTest
  @EnumSource
  void flatScansOfBothKindsAgree(Storage storage) {
    for (Metric metric : Metric.values()) {
      int[][] hits = new int[2][10];
      String[] kinds = {"scalar", "vector"};
      for (int i = 0; i < kinds.length; i++) {
        FlatScanBenchmark benchmark = new FlatScanBenchmark();
        benchmark.rows = 2_000;
        benchmark.dim = 128;
        benchmark.metric = metric;
        benchmark.storage = storage;
        benchmark.kernels = kinds[i];
        benchmark.setUp();
        TopK top = benchmark.search();
        benchmark.tearDown();
        Arrays.setAll(hits[i], top::ordinal);
        System.out.printf(
            "%s %s %s: hash %08x%n", kinds[i], storage, metric, Arrays.hashCode(hits[i]));
      }
      assertThat(hits[1]).isEqualTo(hits[0]);
    }
  }

  @Test
  void jmhFindsAndRunsThem() throws RunnerException {
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include("io\\.whimbrel\\.bench\\.jmh\\..*")
                    .param("dim", "128")
                    .param("rows", "100")
                    .param("metric", "L2")
                    .param("storage", "INT8")
                    .forks(0)
                    .warmupIterations(0)
                    .measurementIterations(1)
                    .measurementTime(TimeValue.milliseconds(1))
                    .verbosity(VerboseMode.SILENT)
                    .build())
            .run();
    // Eight kernels, six of the graph, five of late interaction and one scan, each in two kinds.
    assertThat(results).hasSize(40);
  }
}
