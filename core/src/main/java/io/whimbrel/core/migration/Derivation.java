package io.whimbrel.core.migration;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.WhimbrelException;

/// How the vectors of a derived version come out of another version's: the first `dimension`
/// values, scaled to unit length if `normalize`. Another storage or index changes no value.
///
/// The shortening is that of Matryoshka representations (Kusupati et al. 2022), which only models
/// trained for it survive.
public record Derivation(int dimension, boolean normalize) {
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
    if (from.cardinality() != to.cardinality()) {
      throw WhimbrelException.unimplemented(
          "to.cardinality", to.cardinality(), from.cardinality().name());
    }
    if (from.cardinality() == Cardinality.MULTI && to.dimension() != from.dimension()) {
      throw WhimbrelException.unimplemented(
          "to.dimension", to.dimension(), Integer.toString(from.dimension()));
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
    return new Derivation(to.dimension(), to.normalized() && !alreadyUnit);
  }

  /// A new array, or `vector` itself when nothing changes. The zero vector stays what it is.
  public float[] apply(float[] vector) {
    if (vector.length == dimension && !normalize) {
      return vector;
    }
    float[] derived = new float[dimension];
    System.arraycopy(vector, 0, derived, 0, dimension);
    if (normalize) {
      double squares = 0;
      for (float value : derived) {
        squares += (double) value * value;
      }
      if (squares > 0) {
        double scale = 1 / Math.sqrt(squares);
        for (int i = 0; i < dimension; i++) {
          derived[i] = (float) (derived[i] * scale);
        }
      }
    }
    return derived;
  }

  /// Share of the squared length that the first `dimension` values hold: near 1 for a model whose
  /// early dimensions matter most.
  public double energy(float[] vector) {
    double head = 0;
    double all = 0;
    for (int i = 0; i < vector.length; i++) {
      double square = (double) vector[i] * vector[i];
      all += square;
      head += i < dimension ? square : 0;
    }
    return all == 0 ? 1 : head / all;
  }
}
