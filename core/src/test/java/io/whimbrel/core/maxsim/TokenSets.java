package io.whimbrel.core.maxsim;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.core.index.MultiVectorParams;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Documents of tokens, row-major, and queries for them.
record TokenSets(int dimension, List<float[]> documents, List<float[]> queries) {
  /// Documents of a few topics each, a topic being a few token directions; a query is noisy tokens
  /// of one document.
  static TokenSets clustered(Random random, int dimension, int documents, int queries, int shift) {
    int directions = 160;
    float[][] centres = new float[directions][];
    Random fixed = new Random(random.nextLong() + shift);
    for (int c = 0; c < directions; c++) {
      centres[c] = gaussian(fixed, dimension, new float[dimension], 1);
    }
    List<float[]> made = new ArrayList<>();
    for (int d = 0; d < documents; d++) {
      int length = 4 + random.nextInt(24);
      int topic = random.nextInt(directions);
      float[] tokens = new float[length * dimension];
      for (int t = 0; t < length; t++) {
        int centre = (topic + random.nextInt(12) * 7) % directions;
        System.arraycopy(
            gaussian(random, dimension, centres[centre], 0.7), 0, tokens, t * dimension, dimension);
      }
      made.add(tokens);
    }
    List<float[]> asked = new ArrayList<>();
    for (int q = 0; q < queries; q++) {
      float[] of = made.get(random.nextInt(documents));
      int length = 1 + random.nextInt(40);
      float[] tokens = new float[length * dimension];
      for (int t = 0; t < length; t++) {
        int from = random.nextInt(of.length / dimension) * dimension;
        float[] centre = Arrays.copyOfRange(of, from, from + dimension);
        System.arraycopy(
            gaussian(random, dimension, centre, 0.5), 0, tokens, t * dimension, dimension);
      }
      asked.add(tokens);
    }
    return new TokenSets(dimension, made, asked);
  }

  /// A unit vector: `centre` plus noise of about that norm.
  private static float[] gaussian(Random random, int dimension, float[] centre, double noise) {
    double[] values = new double[dimension];
    double squares = 0;
    for (int i = 0; i < dimension; i++) {
      values[i] = random.nextGaussian() * noise / Math.sqrt(dimension);
      values[i] += centre[i];
      squares += values[i] * values[i];
    }
    float[] unit = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      unit[i] = (float) (values[i] / Math.sqrt(squares));
    }
    return unit;
  }

  /// MaxSim by three loops in float64.
  static double maxSim(float[] query, float[] document, int dimension) {
    double sum = 0;
    for (int q = 0; q < query.length; q += dimension) {
      double best = Double.NEGATIVE_INFINITY;
      for (int d = 0; d < document.length; d += dimension) {
        double dot = 0;
        for (int i = 0; i < dimension; i++) {
          dot += (double) query[q + i] * document[d + i];
        }
        best = Math.max(best, dot);
      }
      sum += best;
    }
    return sum;
  }

  /// Adds all documents, labelled by their number, and publishes them as 1.
  void addTo(MaxSimIndex index) {
    for (int d = 0; d < documents.size(); d++) {
      index.add(documents.get(d), d);
    }
    index.publish(index.seq() + 1);
  }

  static void workAll(MaxSimIndex index) {
    while (index.work(64)) {
      // Until nothing is left.
    }
  }

  /// Share of the `params.k()` best that a search finds, over all queries.
  double recall(MaxSimIndex index, MultiVectorParams params) {
    int found = 0;
    int wanted = 0;
    for (float[] query : queries) {
      List<Long> exact = labels(index, query, params.withExact(true));
      List<Long> hits = labels(index, query, params);
      wanted += exact.size();
      exact.retainAll(hits);
      found += exact.size();
    }
    return (double) found / wanted;
  }

  static List<Long> labels(MaxSimIndex index, float[] query, MultiVectorParams params) {
    var best = index.search(query, params, () -> false).best();
    return new ArrayList<>(IntStream.range(0, best.count()).mapToObj(best::label).toList());
  }

  /// The ColBERTv2 tokens of 500 documents and 100 queries, from the folder that `-Dwhimbrel.data`
  /// names; without it the test is skipped.
  static TokenSets lotte() throws IOException {
    Path folder = lotteFolder();
    int dimension = 128;
    ByteBuffer halves = read(folder.resolve("doc_tokens.f16"));
    List<float[]> documents = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("doclens.txt"))) {
      float[] tokens = new float[Integer.parseInt(line.strip()) * dimension];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = Float.float16ToFloat(halves.getShort());
      }
      documents.add(tokens);
    }
    ByteBuffer floats = read(folder.resolve("query_tokens.f32"));
    List<float[]> queries = new ArrayList<>();
    while (floats.hasRemaining()) {
      float[] tokens = new float[32 * dimension];
      floats.asFloatBuffer().get(tokens);
      floats.position(floats.position() + tokens.length * Float.BYTES);
      queries.add(tokens);
    }
    return new TokenSets(dimension, documents, queries);
  }

  static Path lotteFolder() {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    Path folder = Path.of(data, "colbertv2-lotte500");
    assumeTrue(Files.isDirectory(folder), folder + " is not there");
    return folder;
  }

  private static ByteBuffer read(Path file) throws IOException {
    return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
  }
}
