package io.whimbrel.core.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/// Real vectors: rows, queries and the exact nearest rows of each query.
public record RealVectors(float[][] base, float[][] queries, int[][] nearest) {
  /// The vectors of `data/bigann10k-128`: 9,500 rows and 500 queries of 128 whole numbers from 0 to
  /// 255, with the nearest 100 rows by L2.
  public static RealVectors bigann() throws IOException {
    String root = System.getProperty("whimbrel.root");
    assumeTrue(root != null, "whimbrel.root is not set");
    Path folder = Path.of(root, "data", "bigann10k-128");
    return new RealVectors(
        byteVectors(folder.resolve("base.bvecs")),
        byteVectors(folder.resolve("query.bvecs")),
        intVectors(folder.resolve("groundtruth.ivecs")));
  }

  /// A set of the directory that `-Dwhimbrel.data` names, larger than what lies in `data`; without
  /// it the test is skipped. The names' ends say what the numbers are: `bvecs`, `f16vecs`, `fvecs`.
  public static RealVectors larger(String base, String queries, String nearest) throws IOException {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    Path folder = Path.of(data);
    return new RealVectors(
        vectors(folder.resolve(base)),
        vectors(folder.resolve(queries)),
        intVectors(folder.resolve(nearest)));
  }

  private static float[][] vectors(Path file) throws IOException {
    String name = file.toString();
    if (name.endsWith(".bvecs")) {
      return byteVectors(file);
    }
    int bytes = name.endsWith(".f16vecs") ? Short.BYTES : Float.BYTES;
    ByteBuffer in = read(file);
    int dimension = in.getInt(0);
    float[][] vectors = new float[in.remaining() / (Integer.BYTES + bytes * dimension)][dimension];
    for (float[] vector : vectors) {
      checkLength(in.getInt(), dimension, file);
      for (int i = 0; i < dimension; i++) {
        vector[i] = bytes == Short.BYTES ? Float.float16ToFloat(in.getShort()) : in.getFloat();
      }
    }
    return vectors;
  }

  /// Each vector: its length as a little-endian int, then that many unsigned bytes.
  private static float[][] byteVectors(Path file) throws IOException {
    ByteBuffer in = read(file);
    int dimension = in.getInt(0);
    float[][] vectors = new float[in.remaining() / (Integer.BYTES + dimension)][dimension];
    for (float[] vector : vectors) {
      checkLength(in.getInt(), dimension, file);
      for (int i = 0; i < dimension; i++) {
        vector[i] = in.get() & 0xff;
      }
    }
    return vectors;
  }

  private static int[][] intVectors(Path file) throws IOException {
    ByteBuffer in = read(file);
    int dimension = in.getInt(0);
    int[][] vectors = new int[in.remaining() / (Integer.BYTES * (1 + dimension))][dimension];
    for (int[] vector : vectors) {
      checkLength(in.getInt(), dimension, file);
      for (int i = 0; i < dimension; i++) {
        vector[i] = in.getInt();
      }
    }
    return vectors;
  }

  private static ByteBuffer read(Path file) throws IOException {
    return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void checkLength(int length, int expected, Path file) throws IOException {
    if (length != expected) {
      throw new IOException(file + ": vector of " + length + " (expected: " + expected + ")");
    }
  }
}
