package io.whimbrel.core.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.CodeKernels;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.ScalarKernels;
import io.whimbrel.core.testing.Seeds;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Signs alone, and side by side for look-ups.
final class SignCodecTest {
  private static final List<CodeKernels> BOTH =
      List.of(KernelProvider.best().codes(), new ScalarKernels().codes());

  /// 64 rows of signs, one after the other, with the vectors that they came from.
  private static final class Rows implements AutoCloseable {
    final SignCodec codec;
    final float[][] vectors = new float[64][];
    final Region codes;
    final Region factors;

    Rows(int dimension, Random random) {
      codec = new SignCodec(dimension);
      codes = Region.confined(64L * codec.codeBytes());
      factors = Region.confined(64L * SignCodec.FACTOR_BYTES);
      for (int r = 0; r < 64; r++) {
        vectors[r] = Seeds.gaussian(random, dimension);
        codec.encode(
            vectors[r],
            codes.segment(),
            (long) r * codec.codeBytes(),
            factors.segment(),
            (long) r * SignCodec.FACTOR_BYTES);
      }
    }

    float[] decode(int row) {
      float[] out = new float[codec.dimension()];
      codec.decode(
          codes.segment(),
          (long) row * codec.codeBytes(),
          factors.segment(),
          (long) row * SignCodec.FACTOR_BYTES,
          out);
      return out;
    }

    @Override
    public void close() {
      codes.close();
      factors.close();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 63, 64, 65, 128, 200, 1536})
  void decodesToSignsAtTheStatedError(int dimension) {
    try (Rows rows = new Rows(dimension, Seeds.random("signs " + dimension))) {
      for (int r = 0; r < 64; r++) {
        float[] decoded = rows.decode(r);
        double scale = Math.abs(decoded[0]);
        double squares = 0;
        double error = 0;
        for (int i = 0; i < dimension; i++) {
          float value = rows.vectors[r][i];
          assertThat(decoded[i] > 0).isEqualTo(value > 0);
          squares += (double) value * value;
          error += (value - (double) decoded[i]) * (value - (double) decoded[i]);
        }
        double stated = squares - dimension * scale * scale;
        assertThat(error).isCloseTo(stated, within(1e-5 * squares));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 63, 64, 65, 128, 200, 1536})
  void innerProductsAreWithinTheStatedError(int dimension) {
    Random random = Seeds.random("sign query " + dimension);
    float[] query = Seeds.gaussian(random, dimension);
    float low = Float.POSITIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    for (float value : query) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    float[] out = new float[64];
    try (Rows rows = new Rows(dimension, random)) {
      for (CodeKernels kernels : BOTH) {
        try (SignQuery prepared = new SignQuery(rows.codec, query, kernels)) {
          prepared.dot(rows.codes.segment(), 0, rows.factors.segment(), 0, 64, out);
        }
        for (int r = 0; r < 64; r++) {
          float[] decoded = rows.decode(r);
          double stated = dimension * (double) Math.abs(decoded[0]) * (high - low) / 30;
          assertThat((double) out[r])
              .isCloseTo(dot(query, decoded), within(stated + 1e-5 * dimension));
        }
      }
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 6, 7, 23, 24, 25, 128, 200, 1536, LookupCodes.DIMENSION_MAX})
  void lookUpsSumWithinTheStatedError(int dimension) {
    Random random = Seeds.random("lookup " + dimension);
    LookupCodes codec = new LookupCodes(dimension);
    float[] query = Seeds.gaussian(random, dimension);
    float[] out = new float[64];
    try (Rows rows = new Rows(dimension, random);
        Region block = Region.confined(codec.blockBytes() + 64L)) {
      for (int r = 0; r < 64; r++) {
        codec.put(block.segment(), 64, r, rows.codes.segment(), (long) r * rows.codec.codeBytes());
      }
      // Row 7 once more, by the signs of row 8.
      codec.put(block.segment(), 64, 7, rows.codes.segment(), 8L * rows.codec.codeBytes());
      rows.vectors[7] = rows.vectors[8];
      for (CodeKernels kernels : BOTH) {
        try (LookupQuery prepared = new LookupQuery(codec, query, kernels)) {
          prepared.sumOfOnes(block.segment(), 64, out);
          assertThat(prepared.errorMax()).isLessThan(0.04 * dimension);
          for (int r = 0; r < 64; r++) {
            double expected = 0;
            for (int i = 0; i < dimension; i++) {
              int sign = rows.vectors[r][i] > 0 ? 1 : 0;
              assertThat(codec.sign(block.segment(), 64, r, i)).isEqualTo(sign);
              expected += sign * (double) query[i];
            }
            assertThat((double) out[r])
                .isCloseTo(expected, within(prepared.errorMax() + 1e-6 * dimension));
          }
        }
      }
    }
  }

  @Test
  void aQueryOfZerosSumsToZero() {
    LookupCodes codec = new LookupCodes(10);
    float[] out = new float[64];
    try (Region block = Region.confined(codec.blockBytes());
        LookupQuery query = new LookupQuery(codec, new float[10], KernelProvider.best().codes())) {
      block.segment().fill((byte) -1);
      query.sumOfOnes(block.segment(), 0, out);
    }
    assertThat(out).containsOnly(0f);
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> new SignCodec(0)).hasMessageContaining("dimension: 0");
    assertThatThrownBy(() -> new LookupCodes(LookupCodes.DIMENSION_MAX + 1))
        .hasMessageContaining("dimension: 3097 (expected: 1 to 3096)");
  }
}
