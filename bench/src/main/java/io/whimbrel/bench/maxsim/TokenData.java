package io.whimbrel.bench.maxsim;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// A set of documents made one after the other, and queries for it. Token matrices are row-major.
interface TokenData {
  String name();

  int dimension();

  int count();

  List<float[]> queries();

  /// Gives every document to `to`, in an order that is always the same.
  void forEach(Documents to);

  /// Takes one document.
  interface Documents {
    void accept(float[] tokens);
  }

  /// Documents and queries of a folder: `doc_tokens.f16` of 128 values a token, `doclens.txt` and
  /// `query_tokens.f32` of 32 tokens a query.
  record Stored(String name, int dimension, List<float[]> documents, List<float[]> queries)
      implements TokenData {
    private static final int DIMENSION = 128;
    private static final int QUERY_TOKENS = 32;

    static Stored read(Path folder) throws IOException {
      ByteBuffer halves = bytes(folder.resolve("doc_tokens.f16"));
      List<float[]> documents = new ArrayList<>();
      for (String line : Files.readAllLines(folder.resolve("doclens.txt"))) {
        float[] tokens = new float[Integer.parseInt(line.strip()) * DIMENSION];
        for (int i = 0; i < tokens.length; i++) {
          tokens[i] = Float.float16ToFloat(halves.getShort());
        }
        documents.add(tokens);
      }
      ByteBuffer floats = bytes(folder.resolve("query_tokens.f32"));
      List<float[]> queries = new ArrayList<>();
      while (floats.hasRemaining()) {
        float[] tokens = new float[QUERY_TOKENS * DIMENSION];
        for (int i = 0; i < tokens.length; i++) {
          tokens[i] = floats.getFloat();
        }
        queries.add(tokens);
      }
      return new Stored(folder.getFileName().toString(), DIMENSION, documents, queries);
    }

    private static ByteBuffer bytes(Path file) throws IOException {
      return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public int count() {
      return documents.size();
    }

    @Override
    public void forEach(Documents to) {
      documents.forEach(to::accept);
    }
  }

  /// Near duplicates of stored documents: each has the length of one of them and tokens of three,
  /// 50, 30 and 20 of a hundred, each with Gaussian noise of norm 0.5. About a hundred documents
  /// share the main source of each, so that details decide between them.
  record NearDuplicates(Stored source, int count, long seed) implements TokenData {
    private static final double NOISE = 0.5;
    private static final double[] SHARES = {0.5, 0.3, 0.2};

    @Override
    public String name() {
      return "near-duplicates";
    }

    @Override
    public int dimension() {
      return source.dimension();
    }

    @Override
    public List<float[]> queries() {
      return source.queries();
    }

    @Override
    public void forEach(Documents to) {
      Random random = new Random(seed);
      for (int d = 0; d < count; d++) {
        to.accept(document(random));
      }
    }

    private float[] document(Random random) {
      int dimension = dimension();
      int length = any(random).length / dimension;
      float[] made = new float[length * dimension];
      int filled = 0;
      for (int s = 0; s < SHARES.length; s++) {
        float[] from = any(random);
        int available = from.length / dimension;
        int wanted =
            s == SHARES.length - 1 ? length - filled : (int) Math.round(SHARES[s] * length);
        int[] order = shuffled(available, random);
        // A short source gives what it has; the last one may have to repeat.
        int taken = s == SHARES.length - 1 ? wanted : Math.min(wanted, available);
        for (int i = 0; i < Math.min(taken, length - filled); i++) {
          noisy(from, order[i % available], made, filled + i, dimension, NOISE, random);
        }
        filled = Math.min(length, filled + taken);
      }
      return made;
    }

    private float[] any(Random random) {
      return source.documents().get(random.nextInt(source.count()));
    }

    private static int[] shuffled(int count, Random random) {
      int[] order = new int[count];
      for (int i = 0; i < count; i++) {
        int j = random.nextInt(i + 1);
        order[i] = order[j];
        order[j] = i;
      }
      return order;
    }
  }

  /// Writes token `t` of `from` with noise of about that norm, at unit length, as token `at` of
  /// `to`.
  static void noisy(
      float[] from, int t, float[] to, int at, int dimension, double noise, Random random) {
    double squares = 0;
    double scale = noise / Math.sqrt(dimension);
    for (int i = 0; i < dimension; i++) {
      float value = (float) (from[t * dimension + i] + scale * random.nextGaussian());
      to[at * dimension + i] = value;
      squares += (double) value * value;
    }
    float norm = (float) Math.sqrt(squares);
    for (int i = at * dimension; i < (at + 1) * dimension; i++) {
      to[i] /= norm;
    }
  }

  /// Documents about topics over a vocabulary of token directions; a token is a direction with
  /// noise, and few directions make most tokens. A query is 32 tokens of one document with more
  /// noise.
  ///
  /// @param directions of tokens
  /// @param noise norm of it
  /// @param vocabulary seed of the directions: another one is another topic altogether
  record Clustered(
      String name,
      int dimension,
      int count,
      int queryCount,
      int directions,
      double noise,
      long vocabulary,
      long seed)
      implements TokenData {
    private static final int TOPIC_DIRECTIONS = 400;
    private static final double COMMON_SHARE = 0.4;
    private static final double QUERY_NOISE = 0.7;
    private static final int LENGTH_MIN = 20;
    private static final int LENGTH_MAX = 180;
    private static final int QUERY_TOKENS = 32;

    @Override
    public List<float[]> queries() {
      List<float[]> made = new ArrayList<>();
      Random random = new Random(seed + 1);
      int every = Math.max(1, count / queryCount);
      int[] number = {0};
      forEach(tokens -> {
        if (number[0]++ % every == 0 && made.size() < queryCount) {
          float[] query = new float[QUERY_TOKENS * dimension];
          for (int t = 0; t < QUERY_TOKENS; t++) {
            int from = random.nextInt(tokens.length / dimension);
            noisy(tokens, from, query, t, dimension, QUERY_NOISE, random);
          }
          made.add(query);
        }
      });
      return made;
    }

    @Override
    public void forEach(Documents to) {
      float[] vocabularyRows = new float[directions * dimension];
      Random fixed = new Random(vocabulary);
      for (int c = 0; c < directions; c++) {
        noisy(vocabularyRows, c, vocabularyRows, c, dimension, 1, fixed);
      }
      Random random = new Random(seed);
      for (int d = 0; d < count; d++) {
        int length = LENGTH_MIN + random.nextInt(LENGTH_MAX - LENGTH_MIN + 1);
        int topic = random.nextInt(directions);
        float[] tokens = new float[length * dimension];
        for (int t = 0; t < length; t++) {
          noisy(vocabularyRows, direction(topic, random), tokens, t, dimension, noise, random);
        }
        to.accept(tokens);
      }
    }

    /// A common direction, the first the most, or one of the topic's.
    private int direction(int topic, Random random) {
      double square = random.nextDouble() * random.nextDouble();
      return random.nextDouble() < COMMON_SHARE
          ? (int) (square * square * directions)
          : (topic + (int) (square * TOPIC_DIRECTIONS)) % directions;
    }
  }
}
