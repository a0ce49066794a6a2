package io.whimbrel.bench.jmh;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.LookupTable;
import io.whimbrel.core.simd.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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

/// Nanoseconds a call of the kernels of the graph, with everything in the cache: a scan takes a
/// block of 32 neighbours, `least` the best of 96 open entries of a beam.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, setUp the rest.
public class GraphKernelsBenchmark {
  private static final int ROUNDS = 2;
  private static final int OPEN = 96;
  private static final float SCALE = 1f / 256;
  private static final int ARRAY_BYTES = GraphKernels.LANES * Float.BYTES;

  /// Estimates below this are those of about half of the neighbours.
  private static final float BOUND = 5;

  @Param({"128", "384", "768", "1536"})
  public int dim;

  @Param({"scalar", "vector"})
  public String kernels;

  private GraphKernels chosen;

  /// A query.
  private Region vectors;

  /// A row of random bytes.
  private Region row;

  /// Codes of 32 neighbours, then their factors.
  private Region block;

  private Region tableBytes;
  private LookupTable table;
  private LookupTable prepared;
  private long factors;
  private float[] rotated;
  private float[][] signs;
  private final float[] estimates = new float[GraphKernels.LANES];
  private short[] residualSigns;
  private final float[] sums = new float[2];
  private final int[] keys = new int[OPEN + GraphKernels.KEY_MARGIN];

  @Setup(Level.Trial)
  public void setUp() {
    chosen = (kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best()).graph();
    Random random = new Random(1);
    int codeBytes = dim * LookupTable.BYTES_PER_DIMENSION;
    vectors = Region.shared((long) dim * Float.BYTES);
    MemorySegment values = vectors.segment();
    for (int i = 0; i < dim; i++) {
      values.set(VectorMatrix.VALUE, (long) i * Float.BYTES, random.nextFloat() - 0.5f);
    }
    row = Region.shared(dim);
    fill(row.segment(), random, dim);
    block = Region.shared(codeBytes + (long) ARRAY_BYTES);
    fill(block.segment(), random, codeBytes);
    factors = codeBytes;
    for (int lane = 0; lane < GraphKernels.LANES; lane++) {
      float f0 = (random.nextFloat() - 0.5f) * 2 * BOUND;
      float f1 = (random.nextFloat() - 0.5f) * 0.1f;
      long at = factors + (long) lane * Integer.BYTES;
      block.segment().set(ValueLayout.JAVA_INT_UNALIGNED, at, GraphKernels.factors(f0, f1));
    }
    // Two, so that a scan does not depend on what prepare was called with.
    tableBytes = Region.shared(2L * codeBytes);
    table = new LookupTable(tableBytes.segment(), dim);
    prepared = new LookupTable(tableBytes.segment().asSlice(codeBytes), dim);
    chosen.prepare(vectors.segment(), 0, table);
    rotated = new float[dim];
    signs = new float[ROUNDS][dim];
    for (int i = 0; i < dim; i++) {
      rotated[i] = random.nextFloat() - 0.5f;
      for (float[] round : signs) {
        round[i] = random.nextBoolean() ? 1 : -1;
      }
    }
    residualSigns = new short[dim / GraphKernels.LINE_DIMENSIONS];
    for (int i = 0; i < OPEN; i++) {
      keys[i] = random.nextInt();
    }
  }

  private static void fill(MemorySegment to, Random random, int bytes) {
    for (int i = 0; i < bytes; i++) {
      to.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    vectors.close();
    row.close();
    block.close();
    tableBytes.close();
  }

  @Benchmark
  public int scan() {
    return chosen.scan(block.segment(), 0, factors, table, BOUND, BOUND, estimates, 0);
  }

  /// What the last scan wrote.
  float[] estimates() {
    return estimates;
  }

  @Benchmark
  public LookupTable prepare() {
    chosen.prepare(vectors.segment(), 0, prepared);
    return prepared;
  }

  @Benchmark
  public float[] rotate() {
    chosen.rotate(rotated, signs);
    return rotated;
  }

  @Benchmark
  public float squaredL2() {
    return chosen.squaredL2(vectors.segment(), 0, row.segment(), 0, SCALE, dim);
  }

  @Benchmark
  public float[] residual() {
    chosen.residual(vectors.segment(), 0, row.segment(), 0, SCALE, dim, residualSigns, sums);
    return sums;
  }

  /// What the last residual wrote.
  short[] residualSigns() {
    return residualSigns;
  }

  @Benchmark
  public int least() {
    return chosen.least(keys, OPEN);
  }
}
