package io.whimbrel.core.simd;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The kernels of the graph against their meaning, and the fast ones against plain Java.
class GraphKernelsOracleTest {
  private static final ValueLayout.OfShort REMAINDER =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final GraphKernels SCALAR = new ScalarGraphKernels();
  private static final List<GraphKernels> FAST =
      IntStream.of(512, 256, 128).mapToObj(bits -> ForcedWidth.kernels(bits).graph()).toList();
  private static final List<GraphKernels> ALL =
      Stream.concat(Stream.of(SCALAR), FAST.stream()).toList();
  private static final int LANES = GraphKernels.LANES;

  static IntStream dimensions() {
    return IntStream.of(
        16, 32, 48, 112, 128, 208, 256, 384, 784, 1008, 1024, 1040, 1536, 4096, 5008);
  }

  private static float[][] signs(Random random, int dimension) {
    float[][] signs = new float[4][dimension];
    for (float[] round : signs) {
      for (int i = 0; i < dimension; i++) {
        round[i] = random.nextBoolean() ? 1 : -1;
      }
    }
    return signs;
  }

  private static void write(MemorySegment segment, long at, float[] values) {
    MemorySegment.copy(values, 0, segment, VALUE, at, values.length);
  }

  @ParameterizedTest
  @MethodSource("dimensions")
  void rotationKeepsLengthsAndHasAnInverse(int dimension) {
    Random random = Seeds.random("rotation " + dimension);
    float[][] signs = signs(random, dimension);
    float[] x = Seeds.gaussian(random, dimension);
    double norm = IntStream.range(0, dimension).mapToDouble(i -> (double) x[i] * x[i]).sum();
    float[] plain = x.clone();
    SCALAR.rotate(plain, signs);
    double rotated =
        IntStream.range(0, dimension).mapToDouble(i -> (double) plain[i] * plain[i]).sum();
    assertThat(rotated).isCloseTo(norm, within(1e-4 * norm));
    for (GraphKernels kernels : ALL) {
      float[] turned = x.clone();
      kernels.rotate(turned, signs);
      for (int i = 0; i < dimension; i++) {
        assertThat(turned[i]).isCloseTo(plain[i], within(1e-4f));
      }
      kernels.rotateBack(turned, signs);
      for (int i = 0; i < dimension; i++) {
        assertThat(turned[i]).isCloseTo(x[i], within(1e-4f));
      }
    }
  }

  @Test
  void thereIsOneForEachWidth() {
    assertThat(FAST).noneMatch(ScalarGraphKernels.class::isInstance);
    assertThat(FAST.stream().map(kernels -> kernels.getClass().getSimpleName()))
        .containsExactly("PanamaGraphKernels", "NarrowGraphKernels", "NarrowGraphKernels");
  }

  /// A row with 32 encoded neighbours, at an odd place of its memory.
  private static final class Row {
    static final int AT = 8;
    final int dimension;
    final MemorySegment memory;
    final int codes = AT;
    final int factors;
    final float[] f0 = new float[LANES];
    final float[] f1 = new float[LANES];
    final short[][] signs = new short[LANES][];

    Row(Region region, int dimension, Random random) {
      this.dimension = dimension;
      this.memory = region.segment();
      this.factors = AT + 4 * dimension;
      for (int lane = 0; lane < LANES; lane++) {
        signs[lane] = new short[dimension / 16];
        for (int i = 0; i < dimension / 16; i++) {
          signs[lane][i] = (short) random.nextInt();
          for (int part = 0; part < 4; part++) {
            long at = codes + 64L * i + 16 * part + GraphKernels.codeByte(lane);
            int nibble = signs[lane][i] >> 4 * part & 15;
            int old = memory.get(JAVA_BYTE, at);
            memory.set(JAVA_BYTE, at, (byte) (old | nibble << GraphKernels.codeShift(lane)));
          }
        }
        int both = GraphKernels.factors(random.nextFloat() * 10, -random.nextFloat());
        memory.set(JAVA_INT_UNALIGNED, factors + 4L * lane, both);
        f0[lane] = Float.intBitsToFloat(both & 0xffff0000);
        f1[lane] = Float.intBitsToFloat(both << 16);
      }
    }

    static long bytes(int dimension) {
      return AT + 4L * dimension + 4L * LANES;
    }

    double estimate(float[] query, int lane, double base) {
      double product = 0;
      for (int i = 0; i < dimension; i++) {
        boolean plus = (signs[lane][i / 16] >> i % 16 & 1) == 1;
        product += plus ? query[i] : -query[i];
      }
      return base + f0[lane] + f1[lane] * product;
    }
  }

  @Test
  void codePlacesAreAllDifferent() {
    assertThat(
            IntStream.range(0, LANES)
                .map(lane -> 2 * GraphKernels.codeByte(lane) + GraphKernels.codeShift(lane) / 4)
                .distinct()
                .sum())
        .isEqualTo(31 * 32 / 2);
  }

  @ParameterizedTest
  @MethodSource("dimensions")
  void scanEstimatesByTheSigns(int dimension) {
    Random random = Seeds.random("scan " + dimension);
    try (Region rowRegion = Region.confined(Row.bytes(dimension));
        Region queryRegion = Region.confined(4L * dimension + 4);
        Region tableRegion = Region.confined(8L * dimension)) {
      Row row = new Row(rowRegion, dimension, random);
      float[] query = Seeds.gaussian(random, dimension);
      write(queryRegion.segment(), 4, query);
      LookupTable plain = new LookupTable(tableRegion.segment(), dimension);
      LookupTable fast = new LookupTable(tableRegion.segment().asSlice(4L * dimension), dimension);
      SCALAR.prepare(queryRegion.segment(), 4, plain);
      float bound = 5;
      float[] estimates = new float[LANES + 3];
      int below = SCALAR.scan(row.memory, row.codes, row.factors, plain, 3, bound, estimates, 3);
      for (int lane = 0; lane < LANES; lane++) {
        float factor = -row.f1[lane];
        // Each of the sub-tables rounds by half a step, rarely all in one direction.
        double rounding = factor * plain.step() * Math.sqrt(dimension / 4.0) * 3 + 1e-3;
        assertThat((double) estimates[3 + lane])
            .isCloseTo(row.estimate(query, lane, 3), within(rounding));
        assertThat((below >>> lane & 1) == 1).isEqualTo(estimates[3 + lane] < bound);
      }
      for (GraphKernels kernels : FAST) {
        kernels.prepare(queryRegion.segment(), 4, fast);
        assertThat(fast.step()).isCloseTo(plain.step(), within(1e-5f * plain.step()));
        assertThat(fast.bias()).isCloseTo(plain.bias(), within(1e-4f * plain.bias()));
        for (int i = 0; i < 4 * dimension; i++) {
          int entry = plain.bytes().get(JAVA_BYTE, i) & 0xff;
          assertThat(fast.bytes().get(JAVA_BYTE, i) & 0xff).isBetween(entry - 1, entry + 1);
        }
        float[] fastEstimates = new float[LANES + 3];
        int fastBelow =
            kernels.scan(row.memory, row.codes, row.factors, plain, 3, bound, fastEstimates, 3);
        for (int lane = 0; lane < LANES; lane++) {
          assertThat(fastEstimates[3 + lane])
              .isCloseTo(estimates[3 + lane], within(1e-4f * (1 + Math.abs(estimates[3 + lane]))));
          assertThat((fastBelow >>> lane & 1) == 1).isEqualTo(fastEstimates[3 + lane] < bound);
        }
        int[] ids = new int[LANES + 3];
        kernels.copyIds(row.memory, row.factors, ids, 3);
        for (int lane = 0; lane < LANES; lane++) {
          assertThat(ids[3 + lane])
              .isEqualTo(row.memory.get(JAVA_INT_UNALIGNED, row.factors + 4L * lane));
        }
      }
    }
  }

  @Test
  void scanSumsExtremes() {
    for (int dimension : new int[] {16, 1024, 1040, 4096}) {
      try (Region rowRegion = Region.confined(Row.bytes(dimension));
          Region tables = Region.confined(8L * dimension)) {
        float[] query = new float[dimension];
        Arrays.fill(query, 1);
        write(tables.segment(), 4L * dimension, query);
        LookupTable table = new LookupTable(tables.segment(), dimension);
        MemorySegment row = rowRegion.segment();
        for (int i = 0; i < 4 * dimension; i++) {
          row.set(JAVA_BYTE, i, (byte) 0xff);
        }
        for (int lane = 0; lane < LANES; lane++) {
          row.set(JAVA_INT_UNALIGNED, 4L * dimension + 4L * lane, GraphKernels.factors(0, 1));
        }
        for (GraphKernels kernels : ALL) {
          kernels.prepare(tables.segment(), 4L * dimension, table);
          float[] estimates = new float[LANES];
          kernels.scan(row, 0, 4L * dimension, table, 0, 0, estimates, 0);
          for (float estimate : estimates) {
            assertThat(estimate).isCloseTo(dimension, within(0.01f * dimension));
          }
        }
      }
    }
  }

  @Test
  void aZeroQueryHasZeroProducts() {
    for (GraphKernels kernels : ALL) {
      try (Region region = Region.confined(8L * 64)) {
        LookupTable table = new LookupTable(region.segment(), 64);
        kernels.prepare(region.segment(), 4L * 64, table);
        assertThat(table.bias()).isZero();
        assertThat(table.step()).isEqualTo(1);
      }
    }
  }

  @Test
  void factorsAreRoundedToSixteenBits() {
    for (float value : new float[] {0, 1, -1, 3.14159f, -2.71828e-20f, 1.5e30f, -1.5e30f}) {
      float kept = Float.intBitsToFloat(GraphKernels.rounded(value) << 16);
      assertThat(kept).isCloseTo(value, within(Math.abs(value) / 256));
      int both = GraphKernels.factors(value, -value);
      assertThat(Float.intBitsToFloat(both & 0xffff0000)).isEqualTo(kept);
      assertThat(Float.intBitsToFloat(both << 16)).isEqualTo(-kept);
    }
    int empty = GraphKernels.factors(Float.POSITIVE_INFINITY, 0);
    assertThat(Float.intBitsToFloat(empty & 0xffff0000)).isInfinite();
    assertThat(empty << 16).isZero();
  }

  @ParameterizedTest
  @MethodSource("dimensions")
  void findsTheFirstRowWithinADistance(int dimension) {
    Random random = Seeds.random("within " + dimension);
    int rows = 5;
    try (Region x = Region.confined(4L * dimension + 4);
        Region region = Region.confined(4L * dimension * rows)) {
      float[] vector = Seeds.gaussian(random, dimension);
      write(x.segment(), 4, vector);
      double[] distances = new double[rows];
      for (int row = 0; row < rows; row++) {
        float[] other = Seeds.gaussian(random, dimension);
        write(region.segment(), 4L * dimension * row, other);
        distances[row] =
            IntStream.range(0, dimension)
                .mapToDouble(i -> Math.pow((double) vector[i] - other[i], 2))
                .sum();
      }
      float[] found = new float[1];
      for (GraphKernels kernels : ALL) {
        for (int count = 0; count <= rows; count++) {
          for (double wanted : distances) {
            double bound = wanted * (1 + 1e-5);
            int limit = count;
            int expected =
                IntStream.range(0, limit).filter(r -> distances[r] <= bound).findFirst().orElse(-1);
            int row =
                kernels.firstWithin(
                    x.segment(), 4, region.segment(), count, dimension, (float) bound, found);
            assertThat(row).isEqualTo(expected);
            if (row >= 0) {
              assertThat((double) found[0])
                  .isCloseTo(distances[row], within(1e-5 * distances[row]));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dimensions")
  void distanceDecodeAndResidualAgree(int dimension) {
    Random random = Seeds.random("residual " + dimension);
    try (Region region = Region.confined(13L * dimension + 4);
        Region fine = Region.confined(2L * dimension + 2)) {
      MemorySegment s = region.segment();
      MemorySegment remainders = fine.segment();
      float[] c = Seeds.gaussian(random, dimension);
      long row = 4 + 4L * dimension;
      // A power of two, so that equal values differ by exactly nothing.
      float scale = 1f / 32;
      float[] x = new float[dimension];
      for (int i = 0; i < dimension; i++) {
        byte code = (byte) (i == 0 ? -128 : i == 1 ? 127 : random.nextInt(-128, 128));
        s.set(JAVA_BYTE, row + i, code);
        x[i] = scale * code;
      }
      c[dimension / 2] = x[dimension / 2];
      write(s, 4, c);
      double squared = 0;
      double finer = 0;
      double size = 0;
      double signed = 0;
      for (int i = 0; i < dimension; i++) {
        double e = (double) x[i] - c[i];
        squared += e * e;
        int remainder = i == 0 ? Short.MIN_VALUE : i == 1 ? Short.MAX_VALUE : random.nextInt(200);
        remainders.set(REMAINDER, 2 + 2L * i, (short) remainder);
        double f = e + scale * (double) remainder / Short.MAX_VALUE;
        finer += f * f;
        size += Math.abs(e);
        signed += e > 0 ? c[i] : -c[i];
      }
      for (GraphKernels kernels : ALL) {
        assertThat((double) kernels.squaredL2(s, 4, s, row, scale, dimension))
            .isCloseTo(squared, within(1e-5 * squared));
        long decoded = row + dimension;
        kernels.decode(s, row, scale, dimension, s, decoded);
        for (int i = 0; i < dimension; i++) {
          assertThat(s.get(VALUE, decoded + 4L * i)).isEqualTo(x[i]);
        }
        assertThat((double) kernels.squaredL2(s, 4, s, row, scale, remainders, 2, dimension))
            .isCloseTo(finer, within(1e-5 * finer));
        short[] signs = new short[dimension / 16];
        float[] sums = new float[2];
        kernels.residual(s, 4, s, row, scale, dimension, signs, sums);
        assertThat((double) sums[0]).isCloseTo(size, within(1e-5 * size));
        assertThat((double) sums[1]).isCloseTo(signed, within(1e-4 * dimension));
        for (int i = 0; i < dimension; i++) {
          if (Math.abs(x[i] - c[i]) > 1e-6) {
            assertThat((signs[i / 16] >> i % 16 & 1) == 1).isEqualTo(x[i] > c[i]);
          }
        }
      }
    }
  }

  @Test
  void touchReadsOneWordOfEachLine() {
    try (Region region = Region.confined(10 * 64)) {
      MemorySegment s = region.segment();
      int words = 0;
      for (int line = 0; line < 10; line++) {
        s.set(ValueLayout.JAVA_INT, 64L * line, 1 << line);
        words |= line >= 2 && line < 9 ? 1 << line : 0;
      }
      for (GraphKernels kernels : ALL) {
        assertThat(kernels.touch(s, 2 * 64, 7 * 64 - 60)).isEqualTo(words);
      }
    }
  }

  @Test
  void leastAndCountAgree() {
    Random random = Seeds.random("leastAndCountAgree");
    for (int count : new int[] {1, 2, 15, 16, 17, 31, 32, 33, 100, 208, 1_000}) {
      int[] keys = new int[count + GraphKernels.KEY_MARGIN];
      for (int range : new int[] {1, 3, 1_000, Integer.MAX_VALUE}) {
        // What lies after the keys is not looked at.
        Arrays.fill(keys, Integer.MIN_VALUE);
        for (int i = 0; i < count; i++) {
          keys[i] = random.nextInt(range) - range / 2;
        }
        int least = IntStream.of(keys).limit(count).min().getAsInt();
        int bound = keys[random.nextInt(count)];
        for (GraphKernels kernels : ALL) {
          int at = kernels.least(keys, count);
          assertThat(keys[at]).isEqualTo(least);
          assertThat(IntStream.of(keys).limit(at).allMatch(key -> key > least)).isTrue();
          assertThat(kernels.countBelow(keys, count, bound))
              .isEqualTo((int) IntStream.of(keys).limit(count).filter(k -> k < bound).count());
        }
      }
      Arrays.fill(keys, Integer.MAX_VALUE);
      for (GraphKernels kernels : ALL) {
        assertThat(kernels.least(keys, count)).isZero();
        assertThat(kernels.countBelow(keys, count, Integer.MAX_VALUE)).isZero();
      }
    }
  }
}
