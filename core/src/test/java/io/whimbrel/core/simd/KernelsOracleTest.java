package io.whimbrel.core.simd;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every kernel at every width against sums in double.
final class KernelsOracleTest {
  private static final List<Kernels> ALL =
      List.of(
          new ScalarKernels(),
          ForcedWidth.kernels(128),
          ForcedWidth.kernels(256),
          ForcedWidth.kernels(512));

  /// One round of four rows at a time, and one of each other length that may be left.
  private static final int ROWS = 7;

  // 4, 8 and 16 lanes with one less and one more, steps of eight registers with one less and one
  // more, real dimensions.
  private static final int[] DIMS = {
    1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 127, 128, 129, 207, 255, 257, 384,
    768, 1000, 1536
  };

  private enum Values {
    GAUSSIAN,
    WHOLE,
    TINY,
    HUGE,
    MIXED,
    ZERO;

    float[] next(Random random, int dim) {
      float[] v = Seeds.gaussian(random, dim);
      for (int i = 0; i < dim; i++) {
        v[i] =
            switch (this) {
              case GAUSSIAN -> v[i];
              case WHOLE -> Math.round(4 * v[i]);
              case TINY -> v[i] * 1e-22f;
              case HUGE -> v[i] * 1e16f;
              case MIXED -> (float) (v[i] * Math.pow(10, random.nextInt(31) - 15));
              case ZERO -> i % 2 == 0 ? 0f : -0f;
            };
      }
      return v;
    }
  }

  static Stream<Arguments> cases() {
    return ALL.stream()
        .flatMap(kernels ->
            IntStream.of(DIMS)
                .boxed()
                .flatMap(
                    dim -> Arrays.stream(Values.values()).map(v -> Arguments.of(kernels, dim, v))));
  }

  @Test
  void coversAllWidths() {
    assertThat(ALL.stream().map(Kernels::describe))
        .containsExactly("scalar", "panama 128-bit", "panama 256-bit", "panama 512-bit");
    assertThat(ALL.stream().map(Kernels::vectorBits)).containsExactly(0, 128, 256, 512);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithSumsInDouble(Kernels kernels, int dim, Values values) {
    Random random = Seeds.random(kernels.describe() + dim + values);
    float[] query = values.next(random, dim);
    float[][] rows =
        Stream.generate(() -> values.next(random, dim)).limit(ROWS).toArray(float[][]::new);
    // Aligned and dense as in a matrix, then with a gap between the rows and a start off the line.
    compare(kernels, query, rows, 0, 0, 0);
    compare(kernels, query, rows, 192, 64, 3);
    compare(kernels, query, rows, 4, 12, 1);
  }

  private static void compare(
      Kernels kernels, float[] query, float[][] rows, int offset, int gap, int outAt) {
    int dim = query.length;
    int padded = VectorMatrix.paddedDimension(dim);
    int stride = 4 * padded + gap;
    try (Region queryRegion = Region.confined(4L * padded);
        Region rowRegion = Region.shared(offset + (long) stride * ROWS)) {
      copy(query, queryRegion.segment(), 0);
      // What lies between the rows must not count.
      rowRegion.segment().fill((byte) 0x7f);
      for (int r = 0; r < ROWS; r++) {
        rowRegion.segment().asSlice(offset + (long) r * stride, 4L * padded).fill((byte) 0);
        copy(rows[r], rowRegion.segment(), offset + (long) r * stride);
      }
      float[] out = new float[outAt + ROWS + 2];
      Arrays.fill(out, 42);
      kernels.dot(
          queryRegion.segment(), rowRegion.segment(), offset, ROWS, stride, padded, out, outAt);
      check(out, outAt, r -> dot(query, rows[r]));
      Arrays.fill(out, 42);
      kernels.squaredL2(
          queryRegion.segment(), rowRegion.segment(), offset, ROWS, stride, padded, out, outAt);
      check(out, outAt, r -> squaredL2(query, rows[r]));

      // The last row first: offsets need no order.
      long[] offsets =
          LongStream.range(0, ROWS).map(r -> offset + (ROWS - 1 - r) * stride).toArray();
      Arrays.fill(out, 42);
      kernels.dotAt(queryRegion.segment(), rowRegion.segment(), offsets, ROWS, padded, out, outAt);
      check(out, outAt, r -> dot(query, rows[ROWS - 1 - r]));
      Arrays.fill(out, 42);
      kernels.squaredL2At(
          queryRegion.segment(), rowRegion.segment(), offsets, ROWS, padded, out, outAt);
      check(out, outAt, r -> squaredL2(query, rows[ROWS - 1 - r]));
    }
  }

  private static void copy(float[] from, MemorySegment to, long offset) {
    MemorySegment.copy(from, 0, to, VectorMatrix.VALUE, offset, from.length);
  }

  /// A sum and how far float32 arithmetic in any order may be from it.
  private record Sum(double value, double tolerance) {}

  private static Sum dot(float[] a, float[] b) {
    double sum = 0;
    double absolute = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
      absolute += Math.abs((double) a[i] * b[i]);
    }
    return new Sum(sum, tolerance(a.length, absolute));
  }

  private static Sum squaredL2(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return new Sum(sum, tolerance(a.length, sum));
  }

  /// One rounding of half a unit for each operation that a value takes part in, and one underflow a
  /// value.
  private static double tolerance(int dim, double absolute) {
    return (dim + 4) * 0x1p-24 * absolute + dim * (double) Float.MIN_VALUE;
  }

  private static void check(float[] out, int outAt, java.util.function.IntFunction<Sum> expected) {
    for (int i = 0; i < out.length; i++) {
      if (i < outAt || i >= outAt + ROWS) {
        assertThat(out[i]).as("outside of the results").isEqualTo(42);
      } else {
        Sum sum = expected.apply(i - outAt);
        assertThat(Math.abs(out[i] - sum.value())).isLessThanOrEqualTo(sum.tolerance());
      }
    }
  }

  static Stream<Supplier<Kernels>> all() {
    return ALL.stream().map(kernels -> () -> kernels);
  }

  @ParameterizedTest
  @MethodSource("all")
  void overflowsToInfinity(Supplier<Kernels> supplier) {
    Kernels kernels = supplier.get();
    try (Region query = Region.confined(4 * 128);
        Region row = Region.confined(4 * 128)) {
      float[] largest = new float[100];
      Arrays.fill(largest, Float.MAX_VALUE);
      copy(largest, query.segment(), 0);
      copy(largest, row.segment(), 0);
      float[] out = new float[1];
      kernels.dot(query.segment(), row.segment(), 0, 1, 512, 128, out, 0);
      assertThat(out[0]).isEqualTo(Float.POSITIVE_INFINITY);
      kernels.squaredL2(query.segment(), row.segment(), 0, 1, 512, 128, out, 0);
      assertThat(out[0]).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void countZeroTouchesNothing(Supplier<Kernels> supplier) {
    try (Region query = Region.confined(64)) {
      float[] out = {42};
      supplier.get().dot(query.segment(), query.segment(), 64, 0, 64, 16, out, 0);
      assertThat(out).containsExactly(42);
    }
  }
}
