package io.whimbrel.core.engine;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.WhimbrelException;

/// What a version of many vectors a point must be like.
final class MultiVectorSpecs {
  private static final int DIMENSION_MAX = 4096;

  private MultiVectorSpecs() {}

  /// Refuses a spec whose cardinality and index do not belong together, or that no index of many
  /// vectors a point serves. `path` is the request field of the spec.
  static void check(String path, EmbeddingSpec spec) {
    boolean multi = spec.cardinality() == Cardinality.MULTI;
    if (multi != spec.index() instanceof IndexSpec.MultiVector) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          path + ".index",
          spec.index().getClass().getSimpleName(),
          multi ? "MultiVector, for cardinality MULTI" : "Flat or Hnsw, for cardinality SINGLE");
    }
    if (!multi) {
      return;
    }
    Limits.checkRange(path + ".dimension", spec.dimension(), 1, DIMENSION_MAX);
    if (spec.metric() == Metric.L2) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          path + ".metric",
          spec.metric(),
          "COSINE or DOT, for cardinality MULTI");
    }
    if (spec.index() instanceof IndexSpec.MultiVector(_, int poolFactor)
        && poolFactor > 1
        && spec.origin() != Origin.DERIVED) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          path + ".index.multi_vector.pool_factor",
          poolFactor,
          "1, for origin " + spec.origin() + ": only a derived version is pooled");
    }
    if (!spec.keepOriginals()) {
      throw WhimbrelException.unimplemented(
          path + ".keep_originals", false, "true, for cardinality MULTI");
    }
  }
}
