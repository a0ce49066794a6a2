package io.whimbrel.bench.jmh;

import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.ScalarKernels;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Milliseconds of one exact search, k = 10, over an index much larger than the cache: bound by
/// memory, not by arithmetic.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, setUp the rest.
public class FlatScanBenchmark {
  private static final int K = 10;

  @Param("1000000")
  public int rows;

  @Param({"128"})
  public int dim;

  @Param({"DOT", "L2"})
  public Metric metric;

  @Param({"FLOAT32", "INT8"})
  public Storage storage;

  @Param({"scalar", "vector"})
  public String kernels;

  private FlatIndex index;
  private float[] query;

  @Setup(Level.Trial)
  public void setUp() {
    Random random = new Random(1);
    index =
        new FlatIndex(
            dim,
            metric,
            storage,
            kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best());
    query = new float[dim];
    for (int r = 0; r < rows; r++) {
      fill(random);
      index.add(query, r);
    }
    fill(random);
    index.publish(1);
  }

  private void fill(Random random) {
    for (int i = 0; i < dim; i++) {
      query[i] = random.nextFloat() - 0.5f;
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    index.close();
  }

  @Benchmark
  public TopK search() {
    return index.search(query, SearchParams.of(K), () -> false);
  }
}
