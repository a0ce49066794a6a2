package io.whimbrel.core.testing;

import java.util.Random;

/// One seed a run, split by test: the same in every run, because some bounds hold with a
/// probability below 1, unless `-Dwhimbrel.seed=<seed>` gives another, or `-Dwhimbrel.seed=0` one
/// by the clock.
public final class Seeds {
  private static final long SEED = seed(Long.getLong("whimbrel.seed", 20_261_125));

  static {
    System.out.println("repeat with -Dwhimbrel.seed=" + SEED);
  }

  private static long seed(long given) {
    return given == 0 ? System.nanoTime() : given;
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
