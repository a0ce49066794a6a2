package io.whimbrel.bench.dataset;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/// Any number of vectors: the rows of a file, then the same rows again and again, each time with
/// other noise of a few percent.
///
/// Row `i` is the same whenever it is asked for, so nobody has to keep it. Holds the file's rows as
/// float32. Safe for any number of threads.
public final class Rows {
  /// Names of the file in a folder, in the order of preference.
  private static final List<String> NAMES = List.of("base.fvecs", "base.f16vecs", "base.bvecs");

  /// Share of the mean size of a value; enough to make a row another one, too little to change
  /// whose neighbour it is by much.
  private static final float NOISE = 0.04f;

  private static final int DIMENSION_MAX = 65_536;

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
    for (String name : NAMES) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        float[][] base = read(file);
        return new Rows(base, count == 0 ? base.length : count, seed);
      }
    }
    throw new IOException(folder + ": no " + String.join(", ", NAMES));
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

  /// Each row: its length as a little-endian int, then that many numbers.
  private static float[][] read(Path file) throws IOException {
    String name = file.toString();
    int size = name.endsWith(".fvecs") ? Float.BYTES : name.endsWith(".f16vecs") ? Short.BYTES : 1;
    try (FileChannel channel = FileChannel.open(file)) {
      if (channel.size() < Integer.BYTES || channel.size() > Integer.MAX_VALUE) {
        throw new IOException(
            file + ": " + channel.size() + " bytes (expected: 4 to " + Integer.MAX_VALUE + ")");
      }
      ByteBuffer in =
          channel
              .map(FileChannel.MapMode.READ_ONLY, 0, channel.size())
              .order(ByteOrder.LITTLE_ENDIAN);
      int dimension = in.getInt(0);
      long rowBytes = Integer.BYTES + (long) dimension * size;
      if (dimension < 1 || dimension > DIMENSION_MAX || in.capacity() % rowBytes != 0) {
        throw new IOException(
            file + ": " + in.capacity() + " bytes are no rows of dimension " + dimension);
      }
      float[][] rows = new float[(int) (in.capacity() / rowBytes)][dimension];
      for (int row = 0; row < rows.length; row++) {
        int length = in.getInt();
        if (length != dimension) {
          throw new IOException(
              file + ", row " + row + ": dimension " + length + " (expected: " + dimension + ")");
        }
        for (int i = 0; i < dimension; i++) {
          rows[row][i] =
              switch (size) {
                case Float.BYTES -> in.getFloat();
                case Short.BYTES -> Float.float16ToFloat(in.getShort());
                default -> in.get() & 0xFF;
              };
        }
      }
      return rows;
    }
  }
}
