package io.whimbrel.bench.kernels;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.LongStream;
import org.apache.lucene.util.VectorUtil;

/// Times the kernels of one dimension over rows that follow each other. One thread.
final class RowTimer implements AutoCloseable {
  /// With the query, 30 KiB of float32 at 1,536 values: no more than a first-level cache.
  static final int ROWS = 4;

  /// Codes take a quarter of the bytes or less.
  private static final int CODE_ROWS = 4 * ROWS;

  private static final int RUNS = 61;
  private static final long RUN_NANOS = 200_000;
  private static final long WARM_UP_NANOS = 300_000_000;

  private static final int WARM_UP_TURNS_MAX = 20;

  private static final CompilationMXBean COMPILER = ManagementFactory.getCompilationMXBean();
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int dimension;
  private final Region floats;
  private final Region packed;
  private final Region bytes;
  private final Region tables;
  private final int groups;
  private final long[] offsets;
  private final short[] lookedUp = new short[CodeKernels.LOOKUP_ROWS];
  private final byte[][] arrays = new byte[ROWS + 1][];
  private final float[] floatSums = new float[ROWS];
  private final int[] intSums = new int[CODE_ROWS];

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
    bytes = Region.shared((long) CODE_ROWS * dimension);
    for (long i = 0; i < (long) CODE_ROWS * dimension; i++) {
      bytes.segment().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    // Six values a group, four groups a step.
    groups = Math.ceilDiv(dimension, 24) * 4;
    tables = Region.shared((long) groups * CodeKernels.LOOKUP_ENTRIES);
    for (long i = 0; i < tables.segment().byteSize(); i++) {
      int entry = random.nextInt(CodeKernels.LOOKUP_ENTRY_MAX + 1);
      tables.segment().set(ValueLayout.JAVA_BYTE, i, (byte) entry);
    }
    offsets = LongStream.rangeClosed(1, ROWS).map(row -> row * dimension * Float.BYTES).toArray();
    for (int row = 0; row < arrays.length; row++) {
      arrays[row] = new byte[dimension];
      random.nextBytes(arrays[row]);
    }
  }

  /// What is timed, by the names that the C++ program prints.
  enum Kernel {
    DOT,
    SQUARED_L2,
    DOT_4_ROWS,
    INT8,
    INT4,
    BITS,
    LOOKUP
  }

  /// Nanoseconds a row.
  double nanos(Kernel kernel, Kernels kernels) {
    CodeKernels codes = kernels.codes();
    MemorySegment row = floats.segment();
    MemorySegment query = packed.segment();
    MemorySegment coded = bytes.segment();
    int stride = dimension * Float.BYTES;
    int n = dimension;
    return switch (kernel) {
      case DOT -> nanos(ROWS, () -> kernels.dot(row, row, stride, ROWS, stride, n, floatSums, 0));
      case SQUARED_L2 ->
          nanos(ROWS, () -> kernels.squaredL2(row, row, stride, ROWS, stride, n, floatSums, 0));
      case DOT_4_ROWS -> nanos(ROWS, () -> kernels.dotAt(row, row, offsets, ROWS, n, floatSums, 0));
      case INT8 ->
          nanos(CODE_ROWS, () -> codes.dotInt8(query, coded, 0, CODE_ROWS, n, n, intSums, 0));
      case INT4 ->
          nanos(CODE_ROWS, () -> codes.dotInt4(query, coded, 0, CODE_ROWS, n / 2, n, intSums, 0));
      case BITS ->
          nanos(CODE_ROWS, () -> codes.dotBits(query, coded, 0, CODE_ROWS, n / 8, n, intSums, 0));
      case LOOKUP ->
          nanos(
              CodeKernels.LOOKUP_ROWS,
              () -> codes.lookup64(tables.segment(), coded, 0, groups, lookedUp, 0));
    };
  }

  /// The same by Lucene's inner product of signed bytes.
  double luceneInt8Nanos() {
    return nanos(
        ROWS,
        () -> {
          for (int row = 0; row < ROWS; row++) {
            intSums[row] = VectorUtil.dotProduct(arrays[ROWS], arrays[row]);
          }
        });
  }

  /// Nanoseconds a row of a pass over `rows`.
  static double nanos(int rows, Runnable pass) {
    long passes;
    long compiled;
    int turns = 0;
    // On a busy machine the compiler comes late: it is waited for until it had nothing to do.
    do {
      compiled = COMPILER.getTotalCompilationTime();
      passes = passesIn(WARM_UP_NANOS, pass);
    } while (COMPILER.getTotalCompilationTime() > compiled && ++turns < WARM_UP_TURNS_MAX);
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

  /// How many passes take so much CPU time.
  private static long passesIn(long nanos, Runnable pass) {
    long start = THREADS.getCurrentThreadCpuTime();
    long passes = 0;
    while (THREADS.getCurrentThreadCpuTime() - start < nanos) {
      // The clock costs more than a pass.
      for (int i = 0; i < 1_000; i++) {
        pass.run();
      }
      passes += 1_000;
    }
    return passes;
  }

  @Override
  public void close() {
    floats.close();
    packed.close();
    bytes.close();
    tables.close();
  }
}
