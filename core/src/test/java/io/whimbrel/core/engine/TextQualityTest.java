package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.store.ByteBuffersDirectory;
import org.apache.lucene.util.QueryBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// BM25 of the database beside plain Lucene over the same texts: the same scores, the same nDCG@10.
///
/// On word definitions that lie in `data`, and on test collections of a directory that
/// `-Dwhimbrel.data` names.
class TextQualityTest {
  private static final int K = 10;

  @TempDir Path directory;

  /// @param relevant grade by document, by query
  private record Texts(
      Map<String, String> documents,
      Map<String, String> queries,
      Map<String, Map<String, Integer>> relevant) {}

  @Test
  void wordDefinitions() throws IOException {
    Path folder = Path.of(System.getProperty("whimbrel.root"), "data", "wordnet-2models-384");
    List<String> base = Files.readAllLines(folder.resolve("base-texts.tsv"));
    Map<String, String> documents = new LinkedHashMap<>();
    Map<String, List<String>> byKind = new HashMap<>();
    for (String line : base) {
      String[] parts = line.split("\t");
      String id = "d" + documents.size();
      documents.put(id, parts[2]);
      byKind.computeIfAbsent(parts[1], _ -> new ArrayList<>()).add(id);
    }
    Map<String, String> queries = new LinkedHashMap<>();
    Map<String, Map<String, Integer>> relevant = new HashMap<>();
    for (String line : Files.readAllLines(folder.resolve("query-texts.tsv"))) {
      String[] parts = line.split("\t");
      String id = "q" + queries.size();
      queries.put(id, parts[2]);
      Map<String, Integer> grades = new HashMap<>();
      byKind.getOrDefault(parts[1], List.of()).forEach(document -> grades.put(document, 1));
      relevant.put(id, grades);
    }
    compare("word definitions", new Texts(documents, queries, relevant));
  }

  @ParameterizedTest
  @ValueSource(strings = {"cranfield", "npl-vaswani"})
  void testCollections(String name) throws IOException {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    Path folder = Path.of(data, "text-collections", name);
    Map<String, Map<String, Integer>> relevant = new HashMap<>();
    for (String line : Files.readAllLines(folder.resolve("qrels.tsv")).stream().skip(1).toList()) {
      String[] parts = line.split("\t");
      relevant
          .computeIfAbsent(parts[0], _ -> new HashMap<>())
          .put(parts[1], Integer.parseInt(parts[2]));
    }
    Map<String, String> queries = jsonLines(folder.resolve("queries.jsonl"));
    queries.keySet().retainAll(relevant.keySet());
    compare(name, new Texts(jsonLines(folder.resolve("corpus.jsonl")), queries, relevant));
  }

  /// Text by id. The files have one object of strings a line.
  private static Map<String, String> jsonLines(Path file) throws IOException {
    Pattern pair = Pattern.compile("\"(_id|title|text)\": \"((?:[^\"\\\\]|\\\\.)*+)\"");
    Map<String, String> texts = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file)) {
      Map<String, String> found = new HashMap<>();
      Matcher matcher = pair.matcher(line);
      while (matcher.find()) {
        found.put(matcher.group(1), matcher.group(2));
      }
      texts.put(found.get("_id"), found.getOrDefault("title", "") + " " + found.get("text"));
    }
    return texts;
  }

  private void compare(String name, Texts texts) throws IOException {
    double ours = 0;
    double plain = 0;
    try (Database database = Database.open(directory);
        Analyzer analyzer = new EnglishAnalyzer();
        ByteBuffersDirectory files = new ByteBuffersDirectory()) {
      load(database, texts);
      try (IndexWriter writer = new IndexWriter(files, new IndexWriterConfig(analyzer))) {
        for (Map.Entry<String, String> entry : texts.documents().entrySet()) {
          Document document = new Document();
          document.add(new StoredField("id", entry.getKey()));
          document.add(new TextField("text", entry.getValue(), Field.Store.NO));
          writer.addDocument(document);
        }
      }
      try (DirectoryReader reader = DirectoryReader.open(files)) {
        IndexSearcher searcher = new IndexSearcher(reader);
        QueryBuilder builder = new QueryBuilder(analyzer);
        for (Map.Entry<String, String> query : texts.queries().entrySet()) {
          Map<String, Float> expected = new LinkedHashMap<>();
          for (ScoreDoc hit :
              searcher.search(builder.createBooleanQuery("text", query.getValue()), 1000)
                  .scoreDocs) {
            expected.put(searcher.storedFields().document(hit.doc).get("id"), hit.score);
          }
          Map<String, Float> found = search(database, query.getValue());
          // Which of equal scores come first is ours to say, so ranks are compared by score.
          List<Float> scores = expected.values().stream().limit(K).toList();
          assertThat(found).hasSize(scores.size());
          found.forEach((id, score) ->
              assertThat(score).isCloseTo(expected.getOrDefault(id, -1f), within(1e-6f)));
          List<String> sorted =
              expected.keySet().stream()
                  .sorted(
                      Comparator.comparing((String id) -> -expected.getOrDefault(id, 0f))
                          .thenComparing(PointId::of))
                  .toList();
          Map<String, Integer> grades = texts.relevant().getOrDefault(query.getKey(), Map.of());
          ours += ndcg(List.copyOf(found.keySet()), grades);
          plain += ndcg(sorted, grades);
        }
      }
    }
    int count = texts.queries().size();
    System.out.printf(
        "%s: %d documents, %d queries, nDCG@10 %.6f, by plain Lucene %.6f%n",
        name, texts.documents().size(), count, ours / count, plain / count);
    assertThat(ours / count).isCloseTo(plain / count, within(1e-6));
    assertThat(ours / count).isGreaterThan(0.2);
  }

  private static void load(Database database, Texts texts) {
    database.createCollection(
        new CollectionSpec(
            "docs",
            List.of(new FieldSpec("default", EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2))),
            List.of(),
            List.of(TextIndexSpec.of("text", TextAnalyzer.ENGLISH))));
    List<PointWrite> batch = new ArrayList<>();
    for (Map.Entry<String, String> entry : texts.documents().entrySet()) {
      batch.add(
          new PointWrite(
              PointId.of(entry.getKey()),
              Map.of("text", new Value.StringValue(entry.getValue())),
              Map.of(),
              OptionalLong.empty()));
      if (batch.size() == 1000) {
        database.write("docs", new Mutation.Upsert(batch), WriteOptions.DEFAULT).join();
        batch.clear();
      }
    }
    if (!batch.isEmpty()) {
      database.write("docs", new Mutation.Upsert(batch), WriteOptions.DEFAULT).join();
    }
  }

  private static Map<String, Float> search(Database database, String text) {
    QueryResult result =
        database.query(
            "docs", QueryRequest.of(new QueryNode.Text(FieldPath.of("text"), text, List.of()), K));
    Map<String, Float> found = new LinkedHashMap<>();
    result.hits().forEach(hit -> found.put(hit.point().id().toString(), (float) hit.score()));
    return found;
  }

  /// As trec_eval has it: the grade is the gain.
  private static double ndcg(List<String> ranked, Map<String, Integer> grades) {
    double gain = 0;
    for (int i = 0; i < Math.min(K, ranked.size()); i++) {
      gain += grades.getOrDefault(ranked.get(i), 0) / (Math.log(i + 2) / Math.log(2));
    }
    List<Integer> best =
        grades.values().stream().sorted(Comparator.reverseOrder()).limit(K).toList();
    double ideal = 0;
    for (int i = 0; i < best.size(); i++) {
      ideal += best.get(i) / (Math.log(i + 2) / Math.log(2));
    }
    return ideal == 0 ? 0 : gain / ideal;
  }
}
