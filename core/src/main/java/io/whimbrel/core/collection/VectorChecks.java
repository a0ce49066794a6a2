package io.whimbrel.core.collection;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.maxsim.MaxSimIndex;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;

/// What every vector that crosses the API must fulfil, in writes and in queries.
final class VectorChecks {
  private VectorChecks() {}

  /// Refuses `vector` unless it fits `version`, as it is or as what the version is derived from.
  /// `path` is the request field, for example `points[3].vectors.default`.
  static void check(String path, Vector vector, LiveCollection collection, LiveVersion version) {
    if (!vector.spaceId().isEmpty() && !version.takesSpace(vector.spaceId())) {
      throw spaceMismatch(path, vector, collection, version);
    }
    EmbeddingSpec spec = version.derivesFrom(vector) ? version.inputSpec() : version.spec();
    if (spec.cardinality() == Cardinality.MULTI) {
      checkMatrix(path, vector, spec, where(collection, version));
      return;
    }
    if (vector.rows() != 1) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          path + ".rows",
          vector.rows(),
          "1, since " + where(collection, version) + " has one vector a point");
    }
    if (vector.dimension() != spec.dimension()) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          path + " dimension",
          vector.dimension(),
          spec.dimension() + ", " + where(collection, version));
    }
    checkValues(path, vector.values(), spec, where(collection, version));
  }

  static WhimbrelException spaceMismatch(
      String path, Vector vector, LiveCollection collection, LiveVersion version) {
    return WhimbrelException.of(
        ErrorCode.SPACE_MISMATCH,
        path + ".space_id",
        vector.spaceId(),
        version.inputSpaceId()
            + ", the space of model "
            + version.spec().model()
            + ", "
            + where(collection, version));
  }

  /// Refuses values that the index of `spec` cannot take: not finite, without direction, too long.
  static void checkValues(String path, float[] values, EmbeddingSpec spec, String where) {
    if (spec.cardinality() == Cardinality.MULTI) {
      checkRows(path, values, values.length / spec.dimension(), spec, where);
      return;
    }
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw WhimbrelException.of(
            ErrorCode.NOT_FINITE, path + "[" + i + "]", values[i], "a finite number");
      }
      squares += (double) values[i] * values[i];
    }
    if (spec.metric() == Metric.COSINE && squares == 0) {
      throw WhimbrelException.of(
          ErrorCode.ZERO_VECTOR,
          path,
          "the zero vector",
          "a vector with a direction, under COSINE");
    }
    // The index would refuse it too, but a write must be refused before it is stored.
    if (spec.index() instanceof IndexSpec.Hnsw
        && spec.metric() != Metric.COSINE
        && squares > HnswIndex.SQUARED_NORM_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          path,
          "norm " + (float) Math.sqrt(squares),
          "a norm of at most " + (float) Math.sqrt(HnswIndex.SQUARED_NORM_MAX) + ", " + where);
    }
  }

  /// Refuses a matrix that the index of `spec`, of many vectors a point, cannot take.
  private static void checkMatrix(String path, Vector matrix, EmbeddingSpec spec, String where) {
    if (matrix.dimension() != spec.dimension()) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          path + " dimension",
          matrix.rows() + " rows of " + matrix.dimension(),
          "rows of " + spec.dimension() + ", " + where);
    }
    checkRows(path, matrix.values(), matrix.rows(), spec, where);
  }

  private static void checkRows(
      String path, float[] values, int rows, EmbeddingSpec spec, String where) {
    Limits.checkRange(path + ".rows", rows, 1, MultiVectorIndex.TOKENS_MAX);
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (int i = row * spec.dimension(); i < (row + 1) * spec.dimension(); i++) {
        if (!Float.isFinite(values[i])) {
          throw WhimbrelException.of(
              ErrorCode.NOT_FINITE, path + "[" + i + "]", values[i], "a finite number");
        }
        squares += (double) values[i] * values[i];
      }
      if (spec.metric() == Metric.COSINE && squares == 0) {
        throw WhimbrelException.of(
            ErrorCode.ZERO_VECTOR,
            path + " row " + row,
            "the zero vector",
            "a vector with a direction, under COSINE");
      }
      if (spec.metric() == Metric.DOT && squares > MaxSimIndex.SQUARED_NORM_MAX) {
        throw WhimbrelException.of(
            ErrorCode.LIMIT_EXCEEDED,
            path + " row " + row,
            "norm " + (float) Math.sqrt(squares),
            "a norm of at most " + (float) Math.sqrt(MaxSimIndex.SQUARED_NORM_MAX) + ", " + where);
      }
    }
  }

  static String where(LiveCollection collection, LiveVersion version) {
    return "collection \"" + collection.name() + "\" version " + version.ref().version();
  }
}
