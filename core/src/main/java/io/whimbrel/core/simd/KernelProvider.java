package io.whimbrel.core.simd;

import io.whimbrel.core.memory.Region;
import java.lang.foreign.MemorySegment;

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

  /// Compiled kernels take 0.04 to 0.5 ns a value, uncompiled ones 10 ns and more.
  private static final double FAST_NANOS_PER_VALUE = 1.0;

  // One step of eight 512-bit registers and one register more; enough rows to be compiled for the
  // loop
  // after few calls, few enough that those do not take long.
  private static final int WARM_UP_DIM = 144;
  private static final int WARM_UP_ROWS = 8;
  private static final int WARM_UP_CALLS = 50;

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
      panama = (Kernels) Class.forName(PANAMA_CLASS).getConstructor().newInstance();
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
    double slowest = Double.POSITIVE_INFINITY;
    float[] out = new float[WARM_UP_ROWS];
    long rowBytes = (long) WARM_UP_DIM * Float.BYTES;
    try (Region query = Region.confined(rowBytes);
        Region rows = Region.shared(WARM_UP_ROWS * rowBytes)) {
      while (slowest > FAST_NANOS_PER_VALUE && System.nanoTime() - start < WARM_UP_NANOS_MAX) {
        slowest = slowest(kernels, query.segment(), rows.segment(), out);
      }
    }
    return new WarmUp(slowest <= FAST_NANOS_PER_VALUE, slowest, System.nanoTime() - start);
  }

  /// Nanoseconds a value of the slower of the two kernels over one round of calls.
  private static double slowest(
      Kernels kernels, MemorySegment query, MemorySegment rows, float[] out) {
    int stride = WARM_UP_DIM * Float.BYTES;
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UP_CALLS; i++) {
      kernels.dot(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, out, 0);
    }
    long middle = System.nanoTime();
    for (int i = 0; i < WARM_UP_CALLS; i++) {
      kernels.squaredL2(query, rows, 0, WARM_UP_ROWS, stride, WARM_UP_DIM, out, 0);
    }
    long slower = Math.max(middle - start, System.nanoTime() - middle);
    return (double) slower / WARM_UP_CALLS / WARM_UP_ROWS / WARM_UP_DIM;
  }
}
