package io.whimbrel.bench.jmh;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.ScalarKernels;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Nanoseconds a row of the float32 kernels, with query and rows in the cache.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, setUp the rest.
public class FloatKernelBenchmark {
  /// With the query, 30 KiB at 1,536 values: no more than the smallest first-level cache in use.
  private static final int ROWS = 4;

  @Param({"1", "128", "207", "384", "768", "1536"})
  public int dim;

  @Param({"scalar", "vector"})
  public String kernels;

  private Kernels chosen;
  private Region query;
  private Region rows;
  private int paddedDim;
  private final long[] offsets = new long[ROWS];
  private final float[] out = new float[ROWS];

  @Setup(Level.Trial)
  public void setUp() {
    chosen = kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best();
    paddedDim = VectorMatrix.paddedDimension(dim);
    query = random(1);
    rows = random(ROWS);
    for (int r = 0; r < ROWS; r++) {
      offsets[r] = (long) (ROWS - 1 - r) * paddedDim * Float.BYTES;
    }
  }

  private Region random(int count) {
    Random random = new Random(count);
    Region region = Region.shared((long) count * paddedDim * Float.BYTES);
    for (int r = 0; r < count; r++) {
      for (int i = 0; i < dim; i++) {
        long at = ((long) r * paddedDim + i) * Float.BYTES;
        region.segment().set(VectorMatrix.VALUE, at, random.nextFloat() - 0.5f);
      }
    }
    return region;
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    query.close();
    rows.close();
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public float[] dot() {
    int stride = paddedDim * Float.BYTES;
    chosen.dot(query.segment(), rows.segment(), 0, ROWS, stride, paddedDim, out, 0);
    return out;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public float[] squaredL2() {
    int stride = paddedDim * Float.BYTES;
    chosen.squaredL2(query.segment(), rows.segment(), 0, ROWS, stride, paddedDim, out, 0);
    return out;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public float[] dotAt() {
    chosen.dotAt(query.segment(), rows.segment(), offsets, ROWS, paddedDim, out, 0);
    return out;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public float[] squaredL2At() {
    chosen.squaredL2At(query.segment(), rows.segment(), offsets, ROWS, paddedDim, out, 0);
    return out;
  }
}
