package io.whimbrel.core.simd;

import io.whimbrel.core.memory.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/// Chooses the kernels of this process, and gets them compiled before they are needed.
public final class KernelProvider {
  /// System property: `scalar` forces plain Java, `512`, `256` or `128` the width of the vectors,
  /// `auto` takes the fastest.
  public static final String PROPERTY = "whimbrel.simd";

  public static final String AUTO = "auto";

  private static final String SCALAR = "scalar";

  private static final String VECTOR_MODULE = "jdk.incubator.vector";
  private static final String PANAMA_CLASS = "io.whimbrel.core.simd.panama.PanamaKernels";

  private static final long WARM_UP_NANOS_MAX = 700_000_000;

  /// Compiled kernels take 0.01 to 0.6 ns a value, uncompiled ones 5 ns and more.
  private static final double FAST_NANOS_PER_VALUE = 1.5;

  // Blocks of every kernel and one register more; rows for the loops of four and of one, enough to
  // be compiled for the loops after few calls, few enough that those do not take long.
  private static final int WARM_UP_DIM = 128;
  private static final int WARM_UP_ROWS = 7;
  private static final int WARM_UP_CALLS = 10;

  /// Blocks of 128 values take a few turns here: C2 keeps the checks within a loop that it has seen
  /// take one. Rows of bits have a loop of their own from here on.
  private static final int WARM_UP_CODE_DIM = 512;

  /// About as many values as the other kernels take: six a look-up, 64 rows.
  private static final int WARM_UP_LOOKUP_GROUPS = 8;

  private KernelProvider() {}

  /// What a warm-up came to: whether every kernel is fast, the slowest kernel's time, and how long
  /// it took.
  public record WarmUp(boolean fast, double nanosPerValue, long nanos) {}

  /// The fastest kernels that run here; always the same.
  public static Kernels best() {
    return Best.KERNELS;
  }

  private static final class Best {
    static final Kernels KERNELS = choose();
  }

  private static Kernels choose() {
    String wanted = System.getProperty(PROPERTY, AUTO);
    if (wanted.equals(SCALAR) || ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      return new ScalarKernels();
    }
    Kernels panama;
    try {
      // By name: a direct reference would make this class fail to link where the module is absent.
      panama = Class.forName(PANAMA_CLASS).asSubclass(Kernels.class).getConstructor().newInstance();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(PANAMA_CLASS + " belongs to this jar", e);
    }
    // An x86 with 128-bit vectors has no fused multiply-add, and its emulation is slower than any
    // loop. Every aarch64 has it.
    boolean fused = panama.vectorBits() >= 256 || System.getProperty("os.arch").equals("aarch64");
    return fused || !wanted.equals(AUTO) ? panama : new ScalarKernels();
  }

  /// Runs every kernel until it is compiled, at most 0.7 s. Uncompiled vector code is a thousand
  /// times slower, so a server calls this before it takes requests; one that is still not fast on a
  /// busy machine is compiled by its first requests.
  public static WarmUp warmUp(Kernels kernels) {
    long start = System.nanoTime();
    long rowBytes = (long) WARM_UP_DIM * Float.BYTES;
    try (Region query = Region.confined(CodeKernels.int4QueryBytes(WARM_UP_CODE_DIM));
        Region rows = Region.shared(WARM_UP_ROWS * rowBytes);
        Region panel = Region.confined(MaxSimKernels.PANEL * rowBytes)) {
      List<Runnable> slow = new ArrayList<>(calls(kernels, query.segment(), rows.segment()));
      slow.addAll(calls(kernels.maxSim(), panel.segment(), rows.segment()));
      double slowest = Double.POSITIVE_INFINITY;
      // Round by round, so that the compiler has them all in its queue soon.
      while (!slow.isEmpty() && System.nanoTime() - start < WARM_UP_NANOS_MAX) {
        slowest = 0;
        for (Runnable call : List.copyOf(slow)) {
          double nanos = nanosPerValue(call);
          slowest = Math.max(slowest, nanos);
          if (nanos <= FAST_NANOS_PER_VALUE) {
            slow.remove(call);
          }
        }
      }
      return new WarmUp(slow.isEmpty(), slowest, System.nanoTime() - start);
    }
  }

  /// One call of each kernel, over the same number of values.
  private static List<Runnable> calls(Kernels kernels, MemorySegment query, MemorySegment rows) {
    int stride = WARM_UP_DIM * Float.BYTES;
    long[] offsets = LongStream.range(0, WARM_UP_ROWS).map(r -> r * stride).toArray();
    float[] scores = new float[WARM_UP_ROWS];
    int[] sums = new int[WARM_UP_ROWS];
    short[] looked = new short[CodeKernels.LOOKUP_ROWS];
    CodeKernels codes = kernels.codes();
    GraphKernels graph = kernels.graph();
    LookupTable table = new LookupTable(query, WARM_UP_DIM);
    float[] estimates = new float[GraphKernels.LANES];
    short[] signs = new short[WARM_UP_DIM];
    float[] rotated = new float[WARM_UP_DIM];
    float[][] flips = new float[4][WARM_UP_DIM];
    return List.of(
        () -> kernels.dot(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, scores, 0),
        () -> kernels.squaredL2(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, scores, 0),
        () -> kernels.dotAt(query, rows, offsets, WARM_UP_ROWS, WARM_UP_DIM, scores, 0),
        () -> kernels.squaredL2At(query, rows, offsets, WARM_UP_ROWS, WARM_UP_DIM, scores, 0),
        () -> codes.dotInt8(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, sums, 0),
        () -> codes.dotInt4(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_CODE_DIM, sums, 0),
        () -> codes.dotBits(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, sums, 0),
        () -> codes.dotBits(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_CODE_DIM, sums, 0),
        () -> graph.rotate(rotated, flips),
        () -> graph.prepare(rows, 0, table),
        () -> graph.scan(rows, 0, 0, table, 0, 0, estimates, 0),
        () -> graph.squaredL2(rows, 0, rows, stride, 1, WARM_UP_DIM),
        () -> graph.squaredL2(rows, 0, rows, stride, 1, rows, 2L * stride, WARM_UP_DIM),
        () -> graph.firstWithin(rows, 0, rows, WARM_UP_ROWS, WARM_UP_DIM, -1, estimates),
        () -> graph.residual(rows, 0, rows, stride, 1, WARM_UP_DIM, signs, rotated),
        () -> codes.lookup64(query, rows, 0, WARM_UP_LOOKUP_GROUPS, looked, 0));
  }

  private static List<Runnable> calls(
      MaxSimKernels kernels, MemorySegment panel, MemorySegment rows) {
    int stride = WARM_UP_DIM * Float.BYTES;
    float[] best = new float[MaxSimKernels.PANEL];
    short[] sums = new short[MaxSimKernels.PANEL];
    int[] starts = {0, WARM_UP_DIM};
    int[] found = new int[MaxSimKernels.PANEL];
    // A quarter of the rows, for 32 query tokens each: more products than the others have.
    int few = WARM_UP_ROWS / 4 + 1;
    return List.of(
        () -> kernels.maxFloat(panel, rows, 0, few, stride, WARM_UP_DIM, best),
        () -> kernels.maxInt8(panel, rows, 0, few, stride, WARM_UP_DIM, rows, 0, best),
        () -> kernels.maxBits(panel, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, sums),
        () -> kernels.scanIds(panel, 1, 1, rows, 0, starts, 0, 1, found, 0),
        () -> kernels.nearest(panel, rows, 0, few, stride, WARM_UP_DIM, best, found));
  }

  private static double nanosPerValue(Runnable call) {
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UP_CALLS; i++) {
      call.run();
    }
    long nanos = System.nanoTime() - start;
    return (double) nanos / WARM_UP_CALLS / WARM_UP_ROWS / WARM_UP_DIM;
  }
}
