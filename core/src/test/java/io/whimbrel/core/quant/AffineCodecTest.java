package io.whimbrel.core.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class AffineCodecTest {
  private static final int[] DIMENSIONS = {1, 2, 7, 63, 64, 65, 128, 200, 384, 1536, 2200};
  private static final int ROWS = 9;

  private enum Values {
    GAUSSIAN,
    POSITIVE,
    WHOLE,
    EQUAL,
    SIGNS,
    ZERO,
    FAR,
    SMALLEST,
    LARGEST,
    SPIKES;

    float[] next(Random random, int dimension) {
      float[] v = Seeds.gaussian(random, dimension);
      for (int i = 0; i < dimension; i++) {
        v[i] =
            switch (this) {
              case GAUSSIAN -> v[i];
              case POSITIVE -> Math.max(0, v[i]);
              case WHOLE -> random.nextInt(256);
              case EQUAL -> v[0];
              case SIGNS -> v[i] < 0 ? -1 : 1;
              case ZERO -> i % 2 == 0 ? 0f : -0f;
              case FAR -> 1e6f + v[i];
              case SMALLEST -> random.nextInt(4) * Float.MIN_VALUE;
              case LARGEST -> Math.signum(v[i]) * Float.MAX_VALUE;
              case SPIKES -> random.nextInt(50) == 0 ? 100 * v[i] : v[i];
            };
      }
      return v;
    }
  }

  /// One row in memory of its own, off the line.
  private static final class Row implements AutoCloseable {
    private static final int AT = 3;
    final AffineCodec codec;
    final Region codes;
    final Region factors;

    Row(AffineCodec codec, float[] values) {
      this.codec = codec;
      codes = Region.confined(AT + codec.codeBytes());
      factors = Region.confined(AT + codec.factorBytes());
      codes.segment().fill((byte) 0x55);
      codec.encode(values, codes.segment(), AT, factors.segment(), AT);
    }

    float[] decode() {
      float[] out = new float[codec.dimension()];
      codec.decode(codes.segment(), AT, factors.segment(), AT, out);
      return out;
    }

    float score(AffineQuery query) {
      float[] out = new float[1];
      query.score(codes.segment(), AT, factors.segment(), AT, 1, out);
      return out[0];
    }

    @Override
    public void close() {
      codes.close();
      factors.close();
    }
  }

  static Stream<AffineCodec> codecs() {
    return Arrays.stream(DIMENSIONS)
        .boxed()
        .flatMap(d -> Stream.of(AffineCodec.int8(d), AffineCodec.int4(d)));
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void decodesWithinHalfAStepAndOutliersAsTheyWere(AffineCodec codec) {
    for (Values values : Values.values()) {
      float[] vector = values.next(Seeds.random("error " + values), codec.dimension());
      double halfStep = halfStep(codec, vector);
      try (Row row = new Row(codec, vector)) {
        float[] decoded = row.decode();
        for (int i = 0; i < vector.length; i++) {
          double rounding = Math.ulp(vector[i]) + Float.MIN_VALUE;
          assertThat((double) decoded[i])
              .as(values.toString())
              .isCloseTo(vector[i], within(halfStep * (1 + 1e-12) + rounding));
        }
        float[] magnitudes = sortedMagnitudes(vector);
        float[] again = sortedMagnitudes(decoded);
        int exact = Math.min(4, vector.length / 64);
        for (int i = vector.length - exact; i < vector.length; i++) {
          assertThat(again[i]).isEqualTo(magnitudes[i]);
        }
      }
    }
  }

  /// Half of the range left without the largest magnitudes, by the documented count of steps.
  private static double halfStep(AffineCodec codec, float[] vector) {
    Float[] order = new Float[vector.length];
    Arrays.setAll(order, i -> vector[i]);
    Arrays.sort(order, (a, b) -> Float.compare(Math.abs(a), Math.abs(b)));
    int kept = vector.length - Math.min(4, vector.length / 64);
    float low = Float.POSITIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < kept; i++) {
      low = Math.min(low, order[i]);
      high = Math.max(high, order[i]);
    }
    return ((double) high - low) / (codec.isInt8() ? 510 : 30);
  }

  private static float[] sortedMagnitudes(float[] vector) {
    float[] magnitudes = vector.clone();
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(magnitudes[i]);
    }
    Arrays.sort(magnitudes);
    return magnitudes;
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void encodingWhatWasDecodedChangesNothing(AffineCodec codec) {
    for (Values values : Values.values()) {
      Random random = Seeds.random("again " + values);
      for (int i = 0; i < 20; i++) {
        try (Row row = new Row(codec, values.next(random, codec.dimension()));
            Row again = new Row(codec, row.decode())) {
          assertThat(again.decode()).as(values.toString()).isEqualTo(row.decode());
        }
      }
    }
  }

  @Test
  void packedRowsStandForTheSame() throws IOException {
    for (int dimension : DIMENSIONS) {
      AffineCodec codec = AffineCodec.int8(dimension);
      for (Values values : Values.values()) {
        float[] vector = values.next(Seeds.random("packed " + values), dimension);
        byte[] packed = codec.pack(vector);
        assertThat(packed).hasSize(codec.packedBytes());
        float[] unpacked = new float[dimension];
        codec.unpack(ByteBuffer.wrap(packed), unpacked);
        try (Row row = new Row(codec, vector)) {
          assertThat(unpacked).as(values.toString()).isEqualTo(row.decode());
        }
        float[] again = new float[dimension];
        codec.unpack(ByteBuffer.wrap(codec.pack(unpacked)), again);
        assertThat(again).as(values.toString()).isEqualTo(unpacked);
      }
    }
  }

  @Test
  void refusesAnOutlierOutsideTheRow() {
    AffineCodec codec = AffineCodec.int8(130);
    byte[] packed = codec.pack(Seeds.gaussian(Seeds.random("outside"), 130));
    ByteBuffer damaged = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
    for (int outlier : new int[] {-1, 130, Integer.MAX_VALUE}) {
      damaged.putInt(2 * Float.BYTES + 8, outlier);
      assertThatThrownBy(() -> codec.unpack(ByteBuffer.wrap(packed), new float[130]))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("outlier at " + outlier + " (expected: 0 to 129)");
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void scoresAreThoseOfTheDecodedRow(AffineCodec codec) {
    for (Values values : Values.values()) {
      if (values == Values.LARGEST) {
        continue; // Beyond float32.
      }
      Random random = Seeds.random("score " + values);
      float[] vector = values.next(random, codec.dimension());
      try (Row asRow = new Row(AffineCodec.int8(codec.dimension()), vector)) {
        float[] query = asRow.decode();
        for (Kernels kernels : List.of(KernelProvider.best(), new ScalarKernels())) {
          for (Metric metric : List.of(Metric.DOT, Metric.L2)) {
            try (AffineQuery prepared = new AffineQuery(codec, vector, metric, kernels.codes());
                Row row = new Row(codec, values.next(random, codec.dimension()))) {
              float[] decoded = row.decode();
              double dot = dot(query, decoded);
              double squares = dot(query, query) + dot(decoded, decoded);
              double expected = metric == Metric.L2 ? 2 * dot - squares : dot;
              // float32 rounds each decoded value, the stored norm and the result.
              double tolerance = 4e-7 * squares + codec.dimension() * 1e-44;
              assertThat((double) row.score(prepared))
                  .as(values + " " + metric)
                  .isCloseTo(expected, within(tolerance));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void cosinesAreThoseOfTheDecodedRowAndNeverAboveOne(AffineCodec codec) {
    for (Values values : List.of(Values.GAUSSIAN, Values.EQUAL, Values.SIGNS, Values.SPIKES)) {
      Random random = Seeds.random("cosine " + values);
      float[] vector = unit(values.next(random, codec.dimension()));
      float[] other = unit(values.next(random, codec.dimension()));
      try (Row asRow = new Row(AffineCodec.int8(codec.dimension()), vector);
          Row self = new Row(codec, vector);
          Row row = new Row(codec, other)) {
        float[] query = asRow.decode();
        for (Kernels kernels : List.of(KernelProvider.best(), new ScalarKernels())) {
          try (AffineQuery prepared =
              new AffineQuery(codec, vector, Metric.COSINE, kernels.codes())) {
            float[] decoded = row.decode();
            double norms = Math.sqrt(dot(query, query) * dot(decoded, decoded));
            assertThat((double) row.score(prepared))
                .as(values.toString())
                .isCloseTo(dot(query, decoded) / norms, within(1e-6))
                .isLessThan(1 + 1e-6);
            if (codec.isInt8()) {
              assertThat(self.score(prepared)).as(values.toString()).isCloseTo(1, within(1e-6f));
            }
          }
        }
      }
    }
  }

  private static float[] unit(float[] vector) {
    double norm = Math.sqrt(dot(vector, vector));
    float[] unit = new float[vector.length];
    for (int i = 0; i < unit.length; i++) {
      unit[i] = (float) (vector[i] / norm);
    }
    return unit;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Test
  void scoresManyRowsAsEachAlone() {
    Random random = Seeds.random("scoresManyRowsAsEachAlone");
    for (AffineCodec codec : List.of(AffineCodec.int8(130), AffineCodec.int4(130))) {
      int count = 600;
      float[] out = new float[count];
      try (Region codes = Region.confined((long) count * codec.codeBytes());
          Region factors = Region.confined((long) count * codec.factorBytes());
          AffineQuery query =
              new AffineQuery(
                  codec, Seeds.gaussian(random, 130), Metric.L2, KernelProvider.best().codes())) {
        for (int r = 0; r < count; r++) {
          codec.encode(
              Seeds.gaussian(random, 130),
              codes.segment(),
              (long) r * codec.codeBytes(),
              factors.segment(),
              (long) r * codec.factorBytes());
        }
        query.score(codes.segment(), 0, factors.segment(), 0, count, out);
        float[] one = new float[1];
        for (int r = 0; r < count; r++) {
          query.score(
              codes.segment(),
              (long) r * codec.codeBytes(),
              factors.segment(),
              (long) r * codec.factorBytes(),
              1,
              one);
          assertThat(out[r]).isNegative().isEqualTo(one[0]);
        }
      }
    }
  }

  @Test
  void sizesAreAsDocumented() {
    assertThat(AffineCodec.int8(1).codeBytes()).isEqualTo(64);
    assertThat(AffineCodec.int8(784).codeBytes()).isEqualTo(832);
    assertThat(AffineCodec.int4(784).codeBytes()).isEqualTo(448);
    assertThat(AffineCodec.int8(63).factorBytes()).isEqualTo(16);
    assertThat(AffineCodec.int8(128).factorBytes()).isEqualTo(32);
    assertThat(AffineCodec.int4(9999).factorBytes()).isEqualTo(48);
    assertThat(AffineCodec.int8(784).packedBytes()).isEqualTo(784 + 8 + 32);
  }

  @Test
  void refusesAnotherDimension() {
    assertThatThrownBy(() -> AffineCodec.int8(0)).hasMessageContaining("dimension: 0");
    try (Region region = Region.confined(256)) {
      assertThatThrownBy(() ->
              AffineCodec.int8(3).encode(new float[4], region.segment(), 0, region.segment(), 128))
          .hasMessageContaining("row: 4 values (expected: 3)");
    }
    Kernels kernels = KernelProvider.best();
    assertThatThrownBy(() ->
            new AffineQuery(AffineCodec.int4(3), new float[2], Metric.DOT, kernels.codes()).close())
        .hasMessageContaining("query: 2 values (expected: 3)");
  }
}
