package io.whimbrel.server.cli.demo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Texts and queries with a vector for each token, as a ColBERT-like model made them.
///
/// A folder has `doc_tokens.f16` (float16, document after document), `doclens.txt` (tokens of each,
/// one number a line), `query_tokens.f32` (32 tokens each), and `collection.tsv` and `queries.tsv`
/// (id, tab, text). Tokens have 128 values; numbers are little-endian.
///
/// @param tokens of each document, row-major
public record TokenData(
    List<String> texts, List<float[]> tokens, List<String> queryTexts, List<float[]> queries) {
  public static final int DIMENSION = 128;
  public static final int QUERY_TOKENS = 32;

  /// A document that does not fit a request makes the folder no token data.
  private static final int TOKENS_MAX = 8192;

  public static TokenData read(Path folder) throws IOException {
    ByteBuffer halves = bytes(folder.resolve("doc_tokens.f16"));
    List<float[]> tokens = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("doclens.txt"))) {
      tokens.add(document(folder, tokens.size(), line, halves));
    }
    if (halves.hasRemaining() || tokens.isEmpty()) {
      throw new IOException(
          folder + ": doc_tokens.f16 has %d bytes too many for doclens.txt".formatted(halves.remaining()));
    }
    ByteBuffer floats = bytes(folder.resolve("query_tokens.f32"));
    List<float[]> queries = new ArrayList<>();
    while (floats.remaining() >= QUERY_TOKENS * DIMENSION * Float.BYTES) {
      float[] query = new float[QUERY_TOKENS * DIMENSION];
      for (int i = 0; i < query.length; i++) {
        query[i] = floats.getFloat();
      }
      queries.add(query);
    }
    List<String> texts = texts(folder.resolve("collection.tsv"), tokens.size());
    return new TokenData(
        texts, tokens, texts(folder.resolve("queries.tsv"), queries.size()), queries);
  }

  private static float[] document(Path folder, int number, String line, ByteBuffer halves)
      throws IOException {
    int length = line.strip().matches("\\d{1,5}") ? Integer.parseInt(line.strip()) : 0;
    if (length < 1 || length > TOKENS_MAX || halves.remaining() < length * DIMENSION * Short.BYTES) {
      throw new IOException(
          folder
              + ": document "
              + number
              + " has \""
              + line
              + "\" tokens (expected: 1 to "
              + TOKENS_MAX
              + ", all of them in doc_tokens.f16)");
    }
    float[] values = new float[length * DIMENSION];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.float16ToFloat(halves.getShort());
    }
    return values;
  }

  private static List<String> texts(Path file, int count) throws IOException {
    List<String> texts =
        Files.readAllLines(file).stream().map(line -> line.substring(line.indexOf('\t') + 1)).toList();
    if (texts.size() != count || count == 0) {
      throw new IOException(file + ": " + texts.size() + " texts (expected: " + count + ")");
    }
    return texts;
  }

  private static ByteBuffer bytes(Path file) throws IOException {
    return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
  }

  public long tokenCount() {
    return tokens.stream().mapToLong(values -> values.length / DIMENSION).sum();
  }
}
