package io.whimbrel.bench.jmh;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.KernelProvider;
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
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Nanoseconds a row of the kernels over codes, with query and rows in the cache; for the look-up
/// nanoseconds a block of 64 rows.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, setUp the rest.
public class CodeKernelBenchmark {
  private static final int ROWS = 8;

  @Param({"128", "384", "768", "1536"})
  public int dim;

  @Param({"scalar", "vector"})
  public String kernels;

  private CodeKernels chosen;
  private Region query;
  private Region tables;
  private Region rows;
  private int groups;
  private final int[] out = new int[ROWS];
  private final short[] lookedUp = new short[CodeKernels.LOOKUP_ROWS];

  @Setup(Level.Trial)
  public void setUp() {
    chosen = (kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.best()).codes();
    groups = Math.ceilDiv(dim, 24) * 4;
    Random random = new Random(1);
    // Any bytes are a query of every kernel; it takes as long for one as for another.
    query = random(random, CodeKernels.int8QueryBytes(dim), 256);
    tables = random(random, groups * CodeKernels.LOOKUP_ENTRIES, 128);
    rows = random(random, Math.max(ROWS * dim, groups * 48), 256);
  }

  private static Region random(Random random, int bytes, int bound) {
    Region region = Region.shared(bytes);
    for (int i = 0; i < bytes; i++) {
      region.segment().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(bound));
    }
    return region;
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    query.close();
    tables.close();
    rows.close();
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public int[] dotInt8() {
    chosen.dotInt8(query.segment(), rows.segment(), 0, ROWS, dim, dim, out, 0);
    return out;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public int[] dotInt4() {
    chosen.dotInt4(query.segment(), rows.segment(), 0, ROWS, dim / 2, dim, out, 0);
    return out;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS)
  public int[] dotBits() {
    chosen.dotBits(query.segment(), rows.segment(), 0, ROWS, dim / 8, dim, out, 0);
    return out;
  }

  @Benchmark
  public short[] lookup64() {
    MemorySegment codes = rows.segment();
    chosen.lookup64(tables.segment(), codes, 0, groups, lookedUp, 0);
    return lookedUp;
  }
}
