package io.whimbrel.core.hnsw;

import io.whimbrel.core.simd.GraphKernels;
import java.util.SplittableRandom;

/// A fixed random rotation of padded vectors: it keeps distances, and makes the signs of a
/// difference say equally much in every dimension.
///
/// Two rounds of sign flips and Hadamard transforms where the dimension is a power of two, four
/// overlapping ones elsewhere. The same dimension always gets the same rotation, so that rows can
/// be stored rotated.
final class Rotation {
  private static final long SEED = 0x77_68_69_6d_62_72_65_6cL;

  private final GraphKernels kernels;
  private final float[][] signs;

  Rotation(int paddedDimension, GraphKernels kernels) {
    this.kernels = kernels;
    SplittableRandom random = new SplittableRandom(SEED);
    boolean whole = Integer.bitCount(paddedDimension) == 1;
    signs = new float[whole ? 2 : 4][paddedDimension];
    for (float[] round : signs) {
      for (int i = 0; i < round.length; i++) {
        round[i] = random.nextBoolean() ? 1 : -1;
      }
    }
  }

  /// Rotates `x`, of the padded dimension, in place.
  void apply(float[] x) {
    kernels.rotate(x, signs);
  }

  /// Undoes [#apply] but for rounding.
  void undo(float[] x) {
    kernels.rotateBack(x, signs);
  }
}
