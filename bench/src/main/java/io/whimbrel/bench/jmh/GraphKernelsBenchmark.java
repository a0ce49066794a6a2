package io.whimbrel.bench.jmh;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.LookupTable;
import io.whimbrel.core.simd.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
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
/// block of 32 neighbours, an insert one of them into a beam of 64.
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
  private static final int BEAM = 64;
  private static final int ARRAY_BYTES = GraphKernels.LANES * Float.BYTES;

  /// Estimates below this are those of about half of the neighbours.
  private static final float BOUND = 5;

  /// A power of two; estimates to insert, met in turn.
  private static final int ESTIMATES = 1 << 10;

  @Param({"128", "384", "768", "1536"})
  public int dim;

  @Param({"scalar", "vector"})
  public String kernels;

  private GraphKernels chosen;

  /// Two vectors, one after the other.
  private Region vectors;

  /// Codes of 32 neighbours, then their two factors.
  private Region block;

  private Region tableBytes;
  private LookupTable table;
  private LookupTable prepared;
  private long f0;
  private long f1;
  private float[] rotated;
  private float[][] signs;
  private final float[] estimates = new float[GraphKernels.LANES];
  private short[] residualSigns;
  private final float[] sums = new float[2];
  private final float[] beam = new float[BEAM + 2 * GraphKernels.BEAM_MARGIN];
  private final int[] nodes = new int[BEAM + 2 * GraphKernels.BEAM_MARGIN];
  private final float[] inserted = new float[ESTIMATES];
  private int next;

  @Setup(Level.Trial)
  public void setUp() {
    chosen = (kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best()).graph();
    Random random = new Random(1);
    int codeBytes = dim * LookupTable.BYTES_PER_DIMENSION;
    vectors = Region.shared(2L * dim * Float.BYTES);
    fill(vectors.segment(), random, 0, 2 * dim, 1);
    block = Region.shared(codeBytes + 2L * ARRAY_BYTES);
    for (int i = 0; i < codeBytes; i++) {
      block.segment().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    f0 = codeBytes;
    f1 = f0 + ARRAY_BYTES;
    fill(block.segment(), random, f0, GraphKernels.LANES, 2 * BOUND);
    fill(block.segment(), random, f1, GraphKernels.LANES, 0.1f);
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
    Arrays.fill(beam, Float.POSITIVE_INFINITY);
    Arrays.fill(beam, 0, GraphKernels.BEAM_MARGIN, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < ESTIMATES; i++) {
      inserted[i] = random.nextFloat();
    }
    fallInTheLongRun(random);
    next = 0;
  }

  /// As a walk meets them: nearer ones late, each for some place of the beam.
  private void fallInTheLongRun(Random random) {
    Arrays.sort(inserted);
    for (int i = 0; i < ESTIMATES / 2; i++) {
      swap(i, ESTIMATES - 1 - i);
    }
    for (int i = 0; i < ESTIMATES; i++) {
      swap(i, Math.min(ESTIMATES - 1, i + random.nextInt(BEAM)));
    }
  }

  private void swap(int a, int b) {
    float kept = inserted[a];
    inserted[a] = inserted[b];
    inserted[b] = kept;
  }

  private static void fill(MemorySegment to, Random random, long at, int count, float scale) {
    for (int i = 0; i < count; i++) {
      float value = (random.nextFloat() - 0.5f) * scale;
      to.set(VectorMatrix.VALUE, at + (long) i * Float.BYTES, value);
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    vectors.close();
    block.close();
    tableBytes.close();
  }

  @Benchmark
  public int scan() {
    return chosen.scan(block.segment(), 0, f0, f1, table, BOUND, BOUND, estimates, 0);
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
    MemorySegment both = vectors.segment();
    return chosen.squaredL2(both, 0, both, (long) dim * Float.BYTES, dim);
  }

  @Benchmark
  public float[] residual() {
    MemorySegment both = vectors.segment();
    chosen.residual(both, 0, both, (long) dim * Float.BYTES, dim, residualSigns, sums);
    return sums;
  }

  /// What the last residual wrote.
  short[] residualSigns() {
    return residualSigns;
  }

  @Benchmark
  public int insert() {
    int at = next++ & (ESTIMATES - 1);
    if (at == 0) {
      Arrays.fill(
          beam, GraphKernels.BEAM_MARGIN, GraphKernels.BEAM_MARGIN + BEAM, Float.POSITIVE_INFINITY);
    }
    // As a walk does: what is no better than the last of the beam is not inserted.
    return inserted[at] < beam[GraphKernels.BEAM_MARGIN + BEAM - 1]
        ? chosen.insert(beam, nodes, BEAM, inserted[at], at)
        : BEAM;
  }
}
