package io.whimbrel.bench.jmh;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.MaxSimKernels;
import io.whimbrel.core.simd.ScalarKernels;
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
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Nanoseconds a document token of the kernels of late interaction, for 32 query tokens and a
/// document of 180 tokens in the cache. A product of float32 is `32 * dim` multiply-adds a token.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, setUp the rest.
public class MaxSimKernelBenchmark {
  private static final int TOKENS = 180;
  private static final int CENTROIDS = 4096;
  private static final int PANEL = MaxSimKernels.PANEL;

  @Param({"64", "96", "128"})
  public int dim;

  @Param({"scalar", "vector"})
  public String kernels;

  private MaxSimKernels chosen;
  private int padded;
  private int stride;
  private Region panel;
  private Region rows;
  private Region codePanel;
  private Region codes;
  private Region scales;
  private Region signTables;
  private Region signs;
  private Region idTables;
  private Region ids;
  private final int[] starts = {0, TOKENS};
  private final float[] best = new float[PANEL];
  private final short[] sums = new short[PANEL];
  private final int[] nearest = new int[PANEL];
  private final int[] score = new int[1];

  @Setup(Level.Trial)
  public void setUp() {
    chosen = (kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best()).maxSim();
    padded = Math.ceilDiv(dim, 64) * 64;
    stride = Math.ceilDiv(dim, 16) * 64;
    Random random = new Random(1);
    panel = floats(random, dim * PANEL);
    rows = floats(random, TOKENS * stride / Float.BYTES);
    scales = floats(random, TOKENS);
    // Shorts from -3 to 3 and codes from -4 to 3: their norms stay below the bound.
    codePanel = bytes(random, 2 * padded * PANEL, 1, 0);
    for (int i = 0; i < padded * PANEL; i++) {
      codePanel.segment().set(ValueLayout.JAVA_SHORT, 2L * i, (short) (random.nextInt(7) - 3));
    }
    codes = bytes(random, TOKENS * padded, 8, -4);
    signTables = bytes(random, 8 * PANEL * padded / 2, MaxSimKernels.BITS_ENTRY_MAX + 1, 0);
    signs = bytes(random, TOKENS * padded / Byte.SIZE, 256, 0);
    idTables = bytes(random, CENTROIDS * PANEL, 256, 0);
    ids = bytes(random, 2 * TOKENS, 1, 0);
    for (int i = 0; i < TOKENS; i++) {
      short id = (short) random.nextInt(CENTROIDS);
      ids.segment().set(ValueLayout.JAVA_SHORT, 2L * i, id);
    }
  }

  private static Region floats(Random random, int count) {
    Region region = Region.shared((long) count * Float.BYTES);
    for (int i = 0; i < count; i++) {
      region.segment().set(ValueLayout.JAVA_FLOAT, 4L * i, random.nextFloat() - 0.5f);
    }
    return region;
  }

  private static Region bytes(Random random, int count, int bound, int from) {
    Region region = Region.shared(count);
    for (int i = 0; i < count; i++) {
      region.segment().set(ValueLayout.JAVA_BYTE, i, (byte) (from + random.nextInt(bound)));
    }
    return region;
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    for (Region region :
        new Region[] {
          panel, rows, scales, codePanel, codes, signTables, signs, idTables, ids
        }) {
      region.close();
    }
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public float[] maxFloat() {
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    chosen.maxFloat(panel.segment(), rows.segment(), 0, TOKENS, stride, dim, best);
    return best;
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public float[] maxInt8() {
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    chosen.maxInt8(
        codePanel.segment(),
        codes.segment(),
        0,
        TOKENS,
        padded,
        padded,
        scales.segment(),
        0,
        best);
    return best;
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public short[] maxBits() {
    Arrays.fill(sums, Short.MIN_VALUE);
    chosen.maxBits(
        signTables.segment(), signs.segment(), 0, TOKENS, padded / Byte.SIZE, padded, sums);
    return sums;
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public int[] scanIds() {
    chosen.scanIds(idTables.segment(), 1, CENTROIDS, ids.segment(), 0, starts, 0, 1, score, 0);
    return score;
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public int[] nearest() {
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    chosen.nearest(panel.segment(), rows.segment(), 0, TOKENS, stride, dim, best, nearest);
    return nearest;
  }
}
