package io.whimbrel.core.migration;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;

/// How the vectors of a derived version come out of another version's: the first values of each,
/// scaled to unit length if `normalize`. Another storage or index changes no value.
///
/// A matrix of tokens becomes one of as many rows, of fewer by [TokenPooling], or one vector, the
/// mean of its tokens. Under COSINE tokens are pooled at unit length, so that each counts alike.
///
/// The shortening is that of Matryoshka representations (Kusupati et al. 2022), which only models
/// trained for it survive.
///
/// @param source values of a vector or of a token
/// @param dimension values kept of them
/// @param pooling what becomes of the tokens of a matrix
/// @param factor of [Pooling#WARD]; else 1
/// @param unitTokens whether tokens are scaled to unit length before they are pooled
public record Derivation(
    int source,
    int dimension,
    boolean normalize,
    Pooling pooling,
    int factor,
    boolean unitTokens) {
  /// What becomes of the rows.
  public enum Pooling {
    /// As many.
    NONE,
    /// Those that lie close together become one.
    WARD,
    /// One.
    MEAN
  }

  /// The way from `from` to `to`; refused when vectors of `to` cannot be computed from those of
  /// `from`.
  public static Derivation between(EmbeddingSpec from, EmbeddingSpec to) {
    if (!from.model().equals(to.model())
        || !from.documentPrefix().equals(to.documentPrefix())
        || !from.queryPrefix().equals(to.queryPrefix())) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.model",
          to.model(),
          from.model()
              + " with the same prefixes, since a derived version has the model of its source; for"
              + " another model use origin CLIENT");
    }
    if (from.cardinality() == Cardinality.SINGLE && to.cardinality() == Cardinality.MULTI) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.cardinality",
          to.cardinality(),
          "SINGLE, since one vector does not tell its tokens; for a model of tokens use origin"
              + " CLIENT");
    }
    if (to.dimension() > from.dimension()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.dimension",
          to.dimension(),
          "at most " + from.dimension() + ", the dimension it is derived from");
    }
    if (from.normalized() && !to.normalized() && to.dimension() == from.dimension()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.normalized",
          false,
          "true, since the vectors it is derived from are of unit length");
    }
    boolean unitLength = to.normalized() || to.metric() == Metric.COSINE;
    if (to.metric() != from.metric() && !unitLength) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.metric",
          to.metric(),
          from.metric()
              + ", or normalized = true: between vectors of unit length the metrics agree");
    }
    // A prefix of a unit vector is shorter than one.
    boolean alreadyUnit = from.normalized() && to.dimension() == from.dimension();
    boolean normalize = to.normalized() && !alreadyUnit;
    boolean unitTokens = from.metric() == Metric.COSINE && !from.normalized();
    if (from.cardinality() == Cardinality.SINGLE) {
      return new Derivation(from.dimension(), to.dimension(), normalize, Pooling.NONE, 1, false);
    }
    if (to.cardinality() == Cardinality.SINGLE) {
      // The mean of unit vectors is shorter than one.
      return new Derivation(
          from.dimension(), to.dimension(), to.normalized(), Pooling.MEAN, 1, unitTokens);
    }
    int factor = factor(from, to);
    return factor == 1
        ? new Derivation(from.dimension(), to.dimension(), normalize, Pooling.NONE, 1, false)
        : new Derivation(
            from.dimension(),
            to.dimension(),
            to.normalized(),
            Pooling.WARD,
            factor,
            unitTokens);
  }

  /// How many times fewer tokens `to` has than `from`.
  private static int factor(EmbeddingSpec from, EmbeddingSpec to) {
    int before = poolFactor(from);
    int after = poolFactor(to);
    if (after % before != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "to.index.multi_vector.pool_factor",
          after,
          "a multiple of " + before + ", which the tokens it is derived from are pooled by");
    }
    return after / before;
  }

  private static int poolFactor(EmbeddingSpec spec) {
    return spec.index() instanceof IndexSpec.MultiVector multi ? multi.poolFactor() : 1;
  }

  /// A new array, or `vector` itself when nothing changes. Zero vectors stay what they are.
  public float[] apply(float[] vector) {
    if (pooling == Pooling.NONE) {
      return rows(vector);
    }
    float[] tokens = unitTokens ? unit(vector.clone(), source) : vector;
    return rows(
        pooling == Pooling.WARD
            ? TokenPooling.pool(tokens, source, factor)
            : TokenPooling.pool(tokens, source));
  }

  /// The query for the derived version: the tokens of a query stay as many unless one vector is
  /// wanted.
  public float[] applyToQuery(float[] query) {
    return pooling == Pooling.WARD ? rows(query) : apply(query);
  }

  /// Shortens and scales each row.
  private float[] rows(float[] values) {
    if (source == dimension && !normalize) {
      return values;
    }
    int count = values.length / source;
    float[] derived = new float[count * dimension];
    for (int row = 0; row < count; row++) {
      System.arraycopy(values, row * source, derived, row * dimension, dimension);
    }
    return normalize ? unit(derived, dimension) : derived;
  }

  /// Scales each row of `values` in place.
  private static float[] unit(float[] values, int dimension) {
    for (int from = 0; from < values.length; from += dimension) {
      double squares = 0;
      for (int i = from; i < from + dimension; i++) {
        squares += (double) values[i] * values[i];
      }
      if (squares > 0) {
        double scale = 1 / Math.sqrt(squares);
        for (int i = from; i < from + dimension; i++) {
          values[i] = (float) (values[i] * scale);
        }
      }
    }
    return values;
  }

  /// Share of the squared length that the first `dimension` values of each row hold: near 1 for a model whose
  /// early dimensions matter most.
  public double energy(float[] vector) {
    double head = 0;
    double all = 0;
    for (int i = 0; i < vector.length; i++) {
      double square = (double) vector[i] * vector[i];
      all += square;
      head += i % source < dimension ? square : 0;
    }
    return all == 0 ? 1 : head / all;
  }
}
