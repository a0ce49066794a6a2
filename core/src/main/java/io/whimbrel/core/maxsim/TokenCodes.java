package io.whimbrel.core.maxsim;

import io.whimbrel.core.simd.MaxSimKernels;

/// A token as whole numbers from -127 to 127 times one scale.
///
/// The scale is the least that keeps every code in range and the norm of the codes under a bound:
/// [MaxSimKernels#maxInt8] wants the norms of a query and of a document to multiply to at most
/// 32,767. A value is off by half a scale at most. Documents have most of the bound, since their
/// codes are what is stored; a query has codes up to 63, and is used only to choose candidates.
///
/// @param normMax the largest Euclidean norm of the codes of a token
record TokenCodes(int dimension, double normMax) {
  private static final int CODE_MAX = 127;
  private static final int DOCUMENT_NORM_MAX = 512;
  private static final int QUERY_NORM_MAX = MaxSimKernels.INT8_NORMS_MAX / DOCUMENT_NORM_MAX;

  static TokenCodes ofDocuments(int dimension) {
    return new TokenCodes(dimension, DOCUMENT_NORM_MAX);
  }

  static TokenCodes ofQueries(int dimension) {
    return new TokenCodes(dimension, QUERY_NORM_MAX);
  }

  /// `dimension` in whole blocks of the kernel.
  int paddedDimension() {
    return Math.ceilDiv(dimension, MaxSimKernels.INT8_BLOCK) * MaxSimKernels.INT8_BLOCK;
  }

  /// Writes the codes of the token that begins at `values[at]` and returns their scale.
  float encode(float[] values, int at, byte[] codes) {
    double most = 0;
    double squares = 0;
    for (int i = 0; i < dimension; i++) {
      double value = values[at + i];
      most = Math.max(most, Math.abs(value));
      squares += value * value;
    }
    // Rounding adds at most half a code to each value, so that much to the norm.
    double room = normMax - Math.sqrt(dimension) / 2;
    double scale = Math.max(most / CODE_MAX, Math.sqrt(squares) / room);
    float stored = (float) Math.max(scale, Float.MIN_NORMAL);
    for (int i = 0; i < dimension; i++) {
      codes[i] = (byte) Math.clamp(Math.rint(values[at + i] / stored), -CODE_MAX, CODE_MAX);
    }
    return stored;
  }
}
