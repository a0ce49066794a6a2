package io.whimbrel.bench.kernels;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteOrder;
import java.util.Random;
import org.apache.lucene.util.VectorUtil;

/// Times the kernels of one dimension over rows that follow each other. One thread.
final class RowTimer implements AutoCloseable {
  /// With the query, 30 KiB of float32 at 1,536 values: no more than a first-level cache.
  static final int ROWS = 4;

  private static final int RUNS = 61;
  private static final long RUN_NANOS = 200_000;
  private static final long WARM_UP_NANOS = 500_000_000;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int dimension;
  private final Region floats;
  private final Region packed;
  private final Region bytes;
  private final byte[][] arrays = new byte[ROWS + 1][];
  private final float[] floatSums = new float[ROWS];
  private final int[] intSums = new int[ROWS];

  /// @param dimension a multiple of 128
  RowTimer(int dimension) {
    this.dimension = dimension;
    Random random = new Random(1);
    floats = Region.shared((ROWS + 1L) * dimension * Float.BYTES);
    for (long i = 0; i < (ROWS + 1L) * dimension; i++) {
      floats.segment().set(FLOAT, i * Float.BYTES, random.nextFloat());
    }
    packed = Region.shared(CodeKernels.int8QueryBytes(dimension));
    for (long i = 0; i < packed.segment().byteSize(); i++) {
      packed.segment().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    bytes = Region.shared((long) ROWS * dimension);
    for (long i = 0; i < (long) ROWS * dimension; i++) {
      bytes.segment().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    for (int row = 0; row < arrays.length; row++) {
      arrays[row] = new byte[dimension];
      random.nextBytes(arrays[row]);
    }
  }

  /// What is timed, by the names that the C++ program prints.
  enum Kernel {
    DOT,
    SQUARED_L2,
    INT8,
    INT4,
    BITS
  }

  /// Nanoseconds a row.
  double nanos(Kernel kernel, Kernels kernels) {
    CodeKernels codes = kernels.codes();
    MemorySegment row = floats.segment();
    MemorySegment query = packed.segment();
    MemorySegment coded = bytes.segment();
    int stride = dimension * Float.BYTES;
    int n = dimension;
    return nanos(
        switch (kernel) {
          case DOT -> () -> kernels.dot(row, row, stride, ROWS, stride, n, floatSums, 0);
          case SQUARED_L2 ->
              () -> kernels.squaredL2(row, row, stride, ROWS, stride, n, floatSums, 0);
          case INT8 -> () -> codes.dotInt8(query, coded, 0, ROWS, n, n, intSums, 0);
          case INT4 -> () -> codes.dotInt4(query, coded, 0, ROWS, n / 2, n, intSums, 0);
          case BITS -> () -> codes.dotBits(query, coded, 0, ROWS, n / 8, n, intSums, 0);
        },
        ROWS);
  }

  /// The same by Lucene's inner product of signed bytes.
  double luceneInt8Nanos() {
    return nanos(
        () -> {
          for (int row = 0; row < ROWS; row++) {
            intSums[row] = VectorUtil.dotProduct(arrays[ROWS], arrays[row]);
          }
        },
        ROWS);
  }

  /// Nanoseconds a row of a pass over `rows`.
  static double nanos(Runnable pass, int rows) {
    long warm = THREADS.getCurrentThreadCpuTime();
    long passes = 0;
    long used = 0;
    while (used < WARM_UP_NANOS) {
      pass.run();
      // The clock costs more than a short pass.
      if (++passes % 100 == 0) {
        used = THREADS.getCurrentThreadCpuTime() - warm;
      }
    }
    long run = Math.max(100, passes * RUN_NANOS / WARM_UP_NANOS);
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < RUNS; i++) {
      long before = THREADS.getCurrentThreadCpuTime();
      for (long p = 0; p < run; p++) {
        pass.run();
      }
      least = Math.min(least, (THREADS.getCurrentThreadCpuTime() - before) / (double) run / rows);
    }
    return least;
  }

  @Override
  public void close() {
    floats.close();
    packed.close();
    bytes.close();
  }
}
