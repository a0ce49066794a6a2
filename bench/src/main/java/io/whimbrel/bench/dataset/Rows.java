package io.whimbrel.bench.dataset;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;

/// Any number of vectors: the rows of a file or drawn ones, then the same rows again and again,
/// each time with other noise of a few percent.
///
/// Row `i` is the same whenever it is asked for, so nobody has to keep it. Holds the first rows as
/// float32. Safe for any number of threads.
public final class Rows {
  /// Share of the mean size of a value; enough to make a row another one, too little to change
  /// whose neighbour it is by much.
  private static final float NOISE = 0.04f;

  /// Rows that are drawn before they repeat.
  private static final int DRAWN_MAX = 10_000;

  private final float[][] base;
  private final long count;
  private final long seed;
  private final float amplitude;

  private Rows(float[][] base, long count, long seed) {
    this.base = base;
    this.count = count;
    this.seed = seed;
    double sum = 0;
    for (float[] row : base) {
      for (float value : row) {
        sum += Math.abs(value);
      }
    }
    this.amplitude = (float) (NOISE * sum / ((double) base.length * base[0].length));
  }

  /// Opens the `base` file of a folder.
  ///
  /// @param count how many rows; 0: as many as the file has
  public static Rows open(Path folder, long count, long seed) throws IOException {
    float[][] base = VectorFile.read(VectorFile.find(folder, "base"), Long.MAX_VALUE);
    return new Rows(base, count == 0 ? base.length : count, seed);
  }

  /// Opens the `query` file of a folder.
  public static Rows openQueries(Path folder) throws IOException {
    float[][] base = VectorFile.read(VectorFile.find(folder, "query"), Long.MAX_VALUE);
    return new Rows(base, base.length, 0);
  }

  /// Draws rows from the normal distribution: harder for a graph than what models make.
  public static Rows draw(int dimension, long count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] base = new float[(int) Math.min(count, DRAWN_MAX)][dimension];
    for (float[] row : base) {
      for (int i = 0; i < dimension; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    return new Rows(base, count, seed);
  }

  public int dimension() {
    return base[0].length;
  }

  public long count() {
    return count;
  }

  /// A new array with the values of row `row`, from 0 to below `count`.
  public float[] row(long row) {
    float[] values = base[(int) (row % base.length)].clone();
    if (row >= base.length) {
      SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + row);
      for (int i = 0; i < values.length; i++) {
        values[i] += amplitude * (random.nextFloat() - 0.5f);
      }
    }
    return values;
  }
}
