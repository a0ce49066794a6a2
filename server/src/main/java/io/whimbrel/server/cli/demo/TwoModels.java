package io.whimbrel.server.cli.demo;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.ModelId;
import io.whimbrel.server.cli.files.MatrixFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// One corpus by two real models of the same dimension. To embed a text is to look its vector up.
public final class TwoModels {
  /// The payload field that holds the text.
  public static final String TEXT = "text";

  public static final ModelId OLD = new ModelId("sentence-transformers", "all-MiniLM-L6-v2", "");
  public static final ModelId NEW = new ModelId("BAAI", "bge-small-en-v1.5", "");

  private final List<String> texts;
  private final List<String> queries;
  private final Map<String, float[]> oldVectors = new HashMap<>();
  private final Map<String, float[]> newVectors = new HashMap<>();

  private TwoModels(List<String> texts, List<String> queries) {
    this.texts = List.copyOf(texts);
    this.queries = List.copyOf(queries);
  }

  /// Reads `minilm-*` and `bge-*` vectors and the texts of a directory; up to `rowsMax` rows.
  public static TwoModels read(Path directory, int rowsMax) throws IOException {
    Path newBase = directory.resolve("bge-base.f16vecs");
    if (!Files.exists(newBase)) {
      newBase = directory.resolve("bge-base-first12000.f16vecs");
    }
    Map<String, Integer> base = texts(directory.resolve("base-texts.tsv"), rowsMax);
    Map<String, Integer> queries = texts(directory.resolve("query-texts.tsv"), rowsMax);
    // A text that is a query as well would be found for sure.
    queries.keySet().removeAll(base.keySet());
    int rows = (int) Math.min(rowsMax, rows(newBase));
    base.values().removeIf(row -> row >= rows);
    TwoModels models = new TwoModels(List.copyOf(base.keySet()), List.copyOf(queries.keySet()));
    fill(models.oldVectors, directory.resolve("minilm-base.f16vecs"), base);
    fill(models.newVectors, newBase, base);
    fill(models.oldVectors, directory.resolve("minilm-query.f16vecs"), queries);
    fill(models.newVectors, directory.resolve("bge-query.f16vecs"), queries);
    return models;
  }

  private static long rows(Path file) throws IOException {
    try (MatrixFile matrix = MatrixFile.open(file)) {
      return matrix.rows();
    }
  }

  /// Each text once, with the first row that has it.
  private static Map<String, Integer> texts(Path file, int rowsMax) throws IOException {
    List<String> lines = Files.readAllLines(file);
    Map<String, Integer> rows = new LinkedHashMap<>();
    for (int row = 0; row < Math.min(rowsMax, lines.size()); row++) {
      String[] columns = lines.get(row).split("\t", 3);
      if (columns.length != 3) {
        throw new IOException(
            file + ", line " + (row + 1) + ": " + columns.length + " columns (expected: 3)");
      }
      rows.putIfAbsent(columns[2], row);
    }
    return rows;
  }

  private static void fill(Map<String, float[]> vectors, Path file, Map<String, Integer> rows)
      throws IOException {
    Map<Integer, String> byRow = new HashMap<>();
    rows.forEach((text, row) -> byRow.put(row, text));
    int last = rows.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
    try (MatrixFile matrix = MatrixFile.open(file)) {
      for (int row = 0; row <= last; row++) {
        float[] vector =
            matrix
                .next()
                .orElseThrow(() -> new IOException(file + " has fewer rows than there are texts"));
        String text = byRow.get(row);
        if (text != null) {
          vectors.put(text, vector);
        }
      }
    }
  }

  /// Different texts of the corpus, in the order of its rows.
  public List<String> texts() {
    return texts;
  }

  public List<String> queries() {
    return queries;
  }

  public float[] byOld(String text) {
    return vector(oldVectors, text);
  }

  public float[] byNew(String text) {
    return vector(newVectors, text);
  }

  public int dimension() {
    return byOld(texts.getFirst()).length;
  }

  private static float[] vector(Map<String, float[]> vectors, String text) {
    float[] vector = vectors.get(text);
    if (vector == null) {
      throw new IllegalArgumentException("a text that is not in the corpus: " + text);
    }
    return vector.clone();
  }

  public EmbeddingSpec oldSpec(IndexSpec index) {
    return spec(OLD, index);
  }

  public EmbeddingSpec newSpec(IndexSpec index) {
    return spec(NEW, index);
  }

  private EmbeddingSpec spec(ModelId model, IndexSpec index) {
    return EmbeddingSpec.builder(dimension(), Metric.COSINE)
        .model(model)
        .index(index)
        .normalized(true)
        .sourceFields(List.of(TEXT))
        .build();
  }
}
