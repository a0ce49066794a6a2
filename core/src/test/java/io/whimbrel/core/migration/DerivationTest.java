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
    return spec(model, dimension, metric, normalized, cardinality, new IndexSpec.Flat());
  }

  private static EmbeddingSpec spec(
      String model,
      int dimension,
      Metric metric,
      boolean normalized,
      Cardinality cardinality,
      IndexSpec index) {
    return new EmbeddingSpec(
        new ModelId("", model, ""),
        dimension,
        metric,
        cardinality,
        Storage.FLOAT32,
        index,
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
    refused(ErrorCode.INVALID_ARGUMENT, FROM, matrix(4, Metric.COSINE, false, 1));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        matrix(4, Metric.COSINE, false, 2),
        matrix(4, Metric.COSINE, false, 3));
  }

  private static EmbeddingSpec matrix(
      int dimension, Metric metric, boolean normalized, int poolFactor) {
    return spec(
        "m",
        dimension,
        metric,
        normalized,
        Cardinality.MULTI,
        new IndexSpec.MultiVector(16, poolFactor));
  }

  @Test
  void rowsOfAMatrixAreShortenedEach() {
    float[] tokens = {3, 4, 12, 84, 0, 2, 1, 1};
    EmbeddingSpec from = matrix(4, Metric.COSINE, false, 1);
    Derivation half = Derivation.between(from, matrix(2, Metric.COSINE, true, 1));
    assertThat(half.apply(tokens))
        .containsExactly(new float[] {0.6f, 0.8f, 0, 1}, Offset.offset(1e-6f));
    assertThat(half.energy(new float[] {3, 0, 4, 0, 0, 0, 0, 5}))
        .isCloseTo(9.0 / 50, Offset.offset(1e-9));
    assertThat(Derivation.between(from, from).apply(tokens)).isSameAs(tokens);
  }

  @Test
  void tokensBecomeTheMeanOfTheirDirections() {
    float[] tokens = {30, 0, 0, 4};
    EmbeddingSpec cosine = spec(2, Metric.COSINE, false);
    EmbeddingSpec dot = spec(2, Metric.DOT, false);
    Derivation mean = Derivation.between(matrix(2, Metric.COSINE, false, 1), cosine);
    assertThat(mean.apply(tokens)).containsExactly(0.5f, 0.5f);
    assertThat(mean.applyToQuery(tokens)).containsExactly(0.5f, 0.5f);
    assertThat(tokens).containsExactly(30, 0, 0, 4);
    assertThat(Derivation.between(matrix(2, Metric.DOT, false, 1), dot).apply(tokens))
        .containsExactly(15, 2);
    float half = (float) Math.sqrt(0.5);
    EmbeddingSpec unit = spec(2, Metric.COSINE, true);
    assertThat(Derivation.between(matrix(2, Metric.COSINE, true, 1), unit).apply(tokens))
        .containsExactly(new float[] {30 / 34f / (float) Math.hypot(30 / 34f, 4 / 34f), 4 / 34f / (float) Math.hypot(30 / 34f, 4 / 34f)}, Offset.offset(1e-6f));
    assertThat(Derivation.between(matrix(2, Metric.COSINE, false, 1), unit).apply(tokens))
        .containsExactly(new float[] {half, half}, Offset.offset(1e-6f));
  }

  @Test
  void closeTokensArePooledAndThoseOfQueriesAreNot() {
    float[] tokens = {1, 0, 0, 1, 1, 0.1f, 0.1f, 1};
    Derivation pooled =
        Derivation.between(
            matrix(2, Metric.DOT, false, 1), matrix(2, Metric.DOT, false, 2));
    assertThat(pooled.apply(tokens))
        .containsExactly(new float[] {1, 0.05f, 0.05f, 1}, Offset.offset(1e-6f));
    assertThat(pooled.applyToQuery(tokens)).isSameAs(tokens);
    // What is pooled already is pooled by the rest of the factor.
    Derivation further =
        Derivation.between(
            matrix(2, Metric.DOT, false, 2), matrix(2, Metric.DOT, false, 4));
    assertThat(further.apply(tokens)).hasSize(4);
    assertThat(
            Derivation.between(
                    matrix(2, Metric.DOT, false, 2), matrix(2, Metric.DOT, false, 2))
                .apply(tokens))
        .isSameAs(tokens);
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
