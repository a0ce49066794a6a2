package io.whimbrel.core.simd;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every kernel of late interaction, at every width, against loops over the values that the layouts
/// hold.
final class MaxSimKernelsOracleTest {
  private static final List<Kernels> ALL =
      List.of(
          new ScalarKernels(),
          ForcedWidth.kernels(128),
          ForcedWidth.kernels(256),
          ForcedWidth.kernels(512));

  private static final int PANEL = MaxSimKernels.PANEL;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  /// Rests of eight, six, four and two rows.
  private static final int[] COUNTS = {1, 2, 3, 6, 8, 11, 13};

  private static final int[] DIMS = {1, 3, 64, 65, 96, 128, 129, 300};

  static Stream<Arguments> cases() {
    return ALL.stream()
        .flatMap(kernels ->
            IntStream.of(DIMS)
                .boxed()
                .flatMap(dim ->
                    IntStream.of(COUNTS).mapToObj(count -> Arguments.of(kernels, dim, count))));
  }

  static Stream<Arguments> kernels() {
    return ALL.stream().map(Arguments::of);
  }

  private final Random random = Seeds.random("max-sim-kernels");

  private float[][] gaussian(int rows, int dim) {
    return Stream.generate(() -> Seeds.gaussian(random, dim)).limit(rows).toArray(float[][]::new);
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static double norm(float[] a) {
    return Math.sqrt(dot(a, a));
  }

  private static void putPanel(MemorySegment panel, float[][] query) {
    for (int t = 0; t < query.length; t++) {
      for (int i = 0; i < query[t].length; i++) {
        panel.set(FLOAT, 4L * (i * PANEL + t), query[t][i]);
      }
    }
  }

  private static void putRows(MemorySegment rows, long offset, int stride, float[][] values) {
    for (int r = 0; r < values.length; r++) {
      for (int i = 0; i < values[r].length; i++) {
        rows.set(FLOAT, offset + (long) r * stride + 4L * i, values[r][i]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void float32(Kernels kernels, int dim, int count) {
    float[][] query = gaussian(PANEL, dim);
    float[][] document = gaussian(count, dim);
    int stride = 4 * dim + 12;
    try (Region panel = Region.confined(4L * dim * PANEL);
        Region rows = Region.confined(4 + (long) count * stride)) {
      putPanel(panel.segment(), query);
      putRows(rows.segment(), 4, stride, document);
      float[] best = new float[PANEL];
      Arrays.fill(best, Float.NEGATIVE_INFINITY);
      kernels.maxSim().maxFloat(panel.segment(), rows.segment(), 4, count, stride, dim, best);
      for (int t = 0; t < PANEL; t++) {
        float[] token = query[t];
        double expected =
            Stream.of(document).mapToDouble(row -> dot(token, row)).max().orElseThrow();
        double size =
            Stream.of(document).mapToDouble(row -> norm(token) * norm(row)).max().orElse(1);
        assertThat((double) best[t]).isCloseTo(expected, within(1e-6 * dim * size));
      }
      // What is there already stays when it is larger.
      float[] high = new float[PANEL];
      Arrays.fill(high, 1e9f);
      kernels.maxSim().maxFloat(panel.segment(), rows.segment(), 4, count, stride, dim, high);
      assertThat(high).containsOnly(1e9f);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void int8(Kernels kernels, int dim, int count) {
    int padded = Math.ceilDiv(dim, 64) * 64;
    int[][] query = codes(PANEL, dim, 60);
    int[][] document = codes(count, dim, 540);
    if (dim == 300 || dim == 64) {
      // The largest products that the norms allow, of either sign.
      query[0] = filled(dim, 63, 1);
      query[1] = filled(dim, -63, 1);
      document[0] = filled(dim, 127, 4);
      document[count - 1] = filled(dim, -127, 4);
    }
    int stride = padded + 64;
    try (Region panel = Region.confined(2L * padded * PANEL);
        Region rows = Region.confined(64 + (long) count * stride);
        Region scales = Region.confined(4 + 4L * count)) {
      for (int t = 0; t < PANEL; t++) {
        for (int i = 0; i < dim; i++) {
          panel.segment().set(SHORT, 2L * (i * PANEL + t), (short) query[t][i]);
        }
      }
      float[] scale = new float[count];
      for (int r = 0; r < count; r++) {
        scale[r] = random.nextFloat() + 0.1f;
        scales.segment().set(FLOAT, 4 + 4L * r, scale[r]);
        for (int i = 0; i < dim; i++) {
          rows.segment().set(BYTE, 64 + (long) r * stride + i, (byte) document[r][i]);
        }
      }
      float[] best = new float[PANEL];
      Arrays.fill(best, Float.NEGATIVE_INFINITY);
      kernels
          .maxSim()
          .maxInt8(
              panel.segment(),
              rows.segment(),
              64,
              count,
              stride,
              padded,
              scales.segment(),
              4,
              best);
      for (int t = 0; t < PANEL; t++) {
        float expected = Float.NEGATIVE_INFINITY;
        for (int r = 0; r < count; r++) {
          int sum = 0;
          for (int i = 0; i < dim; i++) {
            sum += query[t][i] * document[r][i];
          }
          expected = Math.max(expected, sum * scale[r]);
        }
        assertThat(best[t]).isEqualTo(expected);
      }
    }
  }

  /// Codes of a Gaussian direction whose norm is at most `norm`.
  private int[][] codes(int rows, int dim, int norm) {
    int[][] codes = new int[rows][];
    for (int r = 0; r < rows; r++) {
      float[] values = Seeds.gaussian(random, dim);
      double size = norm(values);
      codes[r] =
          IntStream.range(0, dim)
              .map(i -> Math.clamp((int) (values[i] / size * norm), -127, 127))
              .toArray();
    }
    return codes;
  }

  private static int[] filled(int dim, int value, int count) {
    int[] codes = new int[dim];
    Arrays.fill(codes, 0, Math.min(count, dim), value);
    return codes;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void bits(Kernels kernels, int dim, int count) {
    int signs = Math.ceilDiv(dim, 64) * 64;
    int groups = signs / 4;
    int stride = signs / 8 + 8;
    for (boolean largest : new boolean[] {false, true}) {
      try (Region tables = Region.confined(512L * groups);
          Region rows = Region.confined(8 + (long) count * stride)) {
        for (long i = 0; i < tables.bytes(); i++) {
          tables.segment().set(BYTE, i, (byte) (largest ? 31 : random.nextInt(32)));
        }
        for (long i = 0; i < rows.bytes(); i++) {
          rows.segment().set(BYTE, i, (byte) random.nextInt(256));
        }
        short[] best = new short[PANEL];
        Arrays.fill(best, Short.MIN_VALUE);
        kernels.maxSim().maxBits(tables.segment(), rows.segment(), 8, count, stride, signs, best);
        for (int t = 0; t < PANEL; t++) {
          int expected = 0;
          for (int r = 0; r < count; r++) {
            int sum = 0;
            for (int g = 0; g < groups; g++) {
              int two = rows.segment().get(BYTE, 8 + (long) r * stride + g / 2) & 255;
              int code = g % 2 == 0 ? two & 15 : two >> 4;
              sum += tables.segment().get(BYTE, 512L * g + 32L * code + t);
            }
            expected = Math.max(expected, sum);
          }
          int slot = t % 2 == 0 ? t / 2 : 16 + t / 2;
          assertThat((int) best[slot]).isEqualTo(expected);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void bitsOfTheLongestRow(Kernels kernels) {
    int signs = MaxSimKernels.BITS_MAX;
    try (Region tables = Region.confined(128L * signs);
        Region rows = Region.confined(signs / 8)) {
      tables.segment().fill((byte) MaxSimKernels.BITS_ENTRY_MAX);
      short[] best = new short[PANEL];
      kernels.maxSim().maxBits(tables.segment(), rows.segment(), 0, 1, 0, signs, best);
      assertThat(best).containsOnly((short) (signs / 4 * 31));
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void ids(Kernels kernels) {
    int tableRows = 700;
    for (int panels : new int[] {1, 2, 5}) {
      int[] lengths = {1, 2, 3, 1, 64, 177, 5, 1};
      int[] starts = new int[lengths.length + 2];
      starts[0] = 99;
      starts[1] = 40;
      for (int d = 0; d < lengths.length; d++) {
        starts[d + 2] = starts[d + 1] + lengths[d];
      }
      int tokens = starts[lengths.length + 1] - 40;
      try (Region tables = Region.confined(32L * tableRows * panels);
          Region ids = Region.confined(6 + 2L * tokens)) {
        for (long i = 0; i < tables.bytes(); i++) {
          tables.segment().set(BYTE, i, (byte) random.nextInt(256));
        }
        for (int i = 0; i < tokens; i++) {
          ids.segment().set(SHORT, 6 + 2L * i, (short) random.nextInt(tableRows));
        }
        int[] out = new int[lengths.length + 3];
        kernels
            .maxSim()
            .scanIds(
                tables.segment(),
                panels,
                tableRows,
                ids.segment(),
                6,
                starts,
                1,
                lengths.length,
                out,
                3);
        for (int d = 0; d < lengths.length; d++) {
          int expected = 0;
          for (int t = 0; t < PANEL * panels; t++) {
            int best = Byte.MIN_VALUE;
            for (int i = starts[d + 1] - 40; i < starts[d + 2] - 40; i++) {
              int id = ids.segment().get(SHORT, 6 + 2L * i);
              long row = (long) (t / PANEL * tableRows + id) * PANEL + t % PANEL;
              best = Math.max(best, tables.segment().get(BYTE, row));
            }
            expected += best;
          }
          assertThat(out[3 + d]).isEqualTo(expected);
        }
        assertThat(Arrays.copyOf(out, 3)).containsOnly(0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void nearestRowAndTable(Kernels kernels, int dim, int count) {
    // Whole numbers: sums are exact, and rows are equal now and then.
    float[][] query = whole(PANEL, dim);
    float[][] document = whole(count, dim);
    int stride = Math.ceilDiv(dim, 16) * 64;
    try (Region panel = Region.confined(4L * dim * PANEL);
        Region rows = Region.confined((long) count * stride);
        Region table = Region.confined(32L * count + 32)) {
      putPanel(panel.segment(), query);
      putRows(rows.segment(), 0, stride, document);
      float[] best = new float[PANEL];
      int[] rowOf = new int[PANEL];
      Arrays.fill(best, Float.NEGATIVE_INFINITY);
      kernels
          .maxSim()
          .nearest(panel.segment(), rows.segment(), 10, count, stride, dim, best, rowOf);
      float scale = 127f / (64 * dim);
      kernels
          .maxSim()
          .fillTable(
              panel.segment(), rows.segment(), count, stride, dim, scale, table.segment(), 32);
      for (int t = 0; t < PANEL; t++) {
        int nearest = -1;
        double most = Double.NEGATIVE_INFINITY;
        for (int r = 0; r < count; r++) {
          double dot = dot(query[t], document[r]);
          if (dot > most) {
            most = dot;
            nearest = r;
          }
          byte entry = table.segment().get(BYTE, 32L + 32L * r + t);
          assertThat(entry).isEqualTo((byte) Math.rint((float) dot * scale));
        }
        assertThat(best[t]).isEqualTo((float) most);
        assertThat(rowOf[t]).isEqualTo(10 + nearest);
      }
    }
  }

  private float[][] whole(int rows, int dim) {
    return Stream.generate(() -> Seeds.whole(random, dim)).limit(rows).toArray(float[][]::new);
  }
}
