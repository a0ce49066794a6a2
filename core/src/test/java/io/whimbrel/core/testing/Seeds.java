package io.whimbrel.core.testing;

import java.util.Random;

/// One seed a run, split by test. Repeat a run with `-Dwhimbrel.seed=<seed>`.
public final class Seeds {
  private static final long SEED = Long.getLong("whimbrel.seed", System.nanoTime());

  static {
    System.out.println("repeat with -Dwhimbrel.seed=" + SEED);
  }

  private Seeds() {}

  /// A generator that depends on the seed of the run and on `test` only.
  public static Random random(String test) {
    return new Random(SEED * 31 + test.hashCode());
  }

  public static float[] gaussian(Random random, int dimension) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = (float) random.nextGaussian();
    }
    return vector;
  }

  /// Whole numbers from -8 to 8: float32 sums of their products are exact, and many are equal.
  public static float[] whole(Random random, int dimension) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = random.nextInt(17) - 8;
    }
    return vector;
  }
}
