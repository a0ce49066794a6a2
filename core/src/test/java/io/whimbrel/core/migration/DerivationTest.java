package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class DerivationTest {
  private static EmbeddingSpec spec(int dimension, Metric metric, boolean normalized) {
    return spec("m", dimension, metric, normalized, Cardinality.SINGLE);
  }

  private static EmbeddingSpec spec(
      String model, int dimension, Metric metric, boolean normalized, Cardinality cardinality) {
    return new EmbeddingSpec(
        new ModelId("", model, ""),
        dimension,
        metric,
        cardinality,
        Storage.FLOAT32,
        new IndexSpec.Flat(),
        List.of(),
        Origin.DERIVED,
        normalized,
        "",
        "");
  }

  private static final EmbeddingSpec FROM = spec(4, Metric.COSINE, false);

  @Test
  void aPrefixIsShortenedAndScaledWhenItIsToBeOfUnitLength() {
    float[] vector = {3, 4, 12, 84};
    assertThat(Derivation.between(FROM, spec(2, Metric.COSINE, true)).apply(vector))
        .containsExactly(new float[] {0.6f, 0.8f}, Offset.offset(1e-6f));
    assertThat(Derivation.between(FROM, spec(2, Metric.COSINE, false)).apply(vector))
        .containsExactly(3, 4);
  }

  @Test
  void anotherIndexOrStorageChangesNothing() {
    float[] vector = {3, 4, 12, 84};
    assertThat(Derivation.between(FROM, FROM).apply(vector)).isSameAs(vector);
  }

  @Test
  void anotherMetricNeedsUnitLength() {
    float[] vector = {0, 3, 0, 4};
    assertThat(Derivation.between(FROM, spec(4, Metric.DOT, true)).apply(vector))
        .containsExactly(new float[] {0, 0.6f, 0, 0.8f}, Offset.offset(1e-6f));
    refused(ErrorCode.INVALID_ARGUMENT, FROM, spec(4, Metric.DOT, false));
    refused(ErrorCode.INVALID_ARGUMENT, FROM, spec(4, Metric.L2, false));
    EmbeddingSpec unit = spec(4, Metric.COSINE, true);
    assertThat(Derivation.between(unit, spec(4, Metric.DOT, true)).apply(vector)).isSameAs(vector);
    refused(ErrorCode.INVALID_ARGUMENT, unit, spec(4, Metric.COSINE, false));
  }

  @Test
  void whatCannotBeComputedIsRefused() {
    refused(ErrorCode.INVALID_ARGUMENT, FROM, spec(5, Metric.COSINE, false));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        FROM,
        spec("other", 4, Metric.COSINE, false, Cardinality.SINGLE));
    refused(ErrorCode.UNIMPLEMENTED, FROM, spec("m", 4, Metric.COSINE, false, Cardinality.MULTI));
  }

  private static void refused(ErrorCode code, EmbeddingSpec from, EmbeddingSpec to) {
    assertThatThrownBy(() -> Derivation.between(from, to))
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void theZeroVectorStaysAndEnergyIsAShareOfTheSquares() {
    Derivation half = Derivation.between(FROM, spec(2, Metric.COSINE, true));
    assertThat(half.apply(new float[4])).containsExactly(0, 0);
    assertThat(half.energy(new float[] {3, 0, 4, 0})).isCloseTo(0.36, Offset.offset(1e-9));
    assertThat(half.energy(new float[4])).isEqualTo(1);
  }
}
