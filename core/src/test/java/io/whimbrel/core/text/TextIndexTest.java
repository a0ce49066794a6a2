package io.whimbrel.core.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.MultiDocValues;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.store.ByteBuffersDirectory;
import org.apache.lucene.util.QueryBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextIndexTest {
  private static final String[] WORDS =
      "bird curlew sandpiper beak long curved shore mud tide winter summer north flock call nest egg"
          .split(" ");

  @TempDir Path directory;

  private TextIndex opened(String identity, long storeSeq, long expectedSeq) throws IOException {
    TextIndex index = new TextIndex(directory.resolve("t"), TextAnalyzer.ENGLISH, identity);
    StringBuilder reason = new StringBuilder();
    assertThat(index.open(storeSeq, reason)).as(reason.toString()).isEqualTo(expectedSeq);
    assertThat(reason.isEmpty()).isEqualTo(expectedSeq > 0);
    return index;
  }

  private static List<Long> ids(TextHits hits) {
    List<Long> ids = new ArrayList<>();
    for (int i = 0; i < hits.count(); i++) {
      ids.add(hits.id(i));
    }
    return ids;
  }

  private static TextHits search(TextIndex index, String text, int k) throws IOException {
    try (TextReader reader = index.reader().orElseThrow()) {
      return reader.search("text", text, k, _ -> true, () -> false);
    }
  }

  @Test
  void findsWhatIsPublishedMovedOrNot() throws IOException {
    TextIndex index = opened("a", 0, 0);
    index.startFilling(0);
    assertThat(index.reader()).isEmpty();
    index.finishFilling();
    index.change(1, List.of("the curlew calls"), 1);
    assertThat(search(index, "curlews", 10).count()).isZero();
    index.publish(1);
    assertThat(ids(search(index, "curlews", 10))).containsExactly(1L);
    assertThat(index.pending()).isEqualTo(1);
    assertThat(index.work()).isEqualTo(1);
    assertThat(index.pending()).isZero();
    assertThat(ids(search(index, "curlews", 10))).containsExactly(1L);
    index.change(1, List.of("a sandpiper"), 2);
    index.change(2, List.of("curlew", "and another curlew"), 2);
    index.publish(2);
    assertThat(ids(search(index, "curlew", 10))).containsExactly(2L);
    assertThat(ids(search(index, "sandpiper", 10))).containsExactly(1L);
    index.change(2, List.of(), 3);
    index.publish(3);
    assertThat(search(index, "curlew", 10).count()).isZero();
    assertThat(search(index, "the and of", 10).count()).isZero();
    index.close();
  }

  @Test
  void aReaderKeepsWhatItHas() throws IOException {
    TextIndex index = opened("a", 0, 0);
    index.startFilling(0);
    index.fill(1, List.of("curlew"), true);
    index.finishFilling();
    try (TextReader before = index.reader().orElseThrow()) {
      index.change(1, List.of(), 1);
      index.change(2, List.of("curlew"), 1);
      index.publish(1);
      index.work();
      assertThat(ids(before.search("text", "curlew", 9, _ -> true, () -> false)))
          .containsExactly(1L);
      assertThat(ids(search(index, "curlew", 9))).containsExactly(2L);
      index.close();
      assertThat(ids(before.search("text", "curlew", 9, _ -> true, () -> false)))
          .containsExactly(1L);
    }
  }

  @Test
  void changesDuringFillingWinOverWhatWasStored() throws IOException {
    TextIndex index = opened("a", 9, 0);
    index.change(1, List.of("before"), 4);
    index.publish(4);
    index.startFilling(5);
    index.change(2, List.of("newer"), 6);
    index.change(3, List.of(), 6);
    index.publish(6);
    index.moveWhileFilling();
    index.fill(1, List.of("stored"), true);
    index.fill(2, List.of("stored"), true);
    index.fill(3, List.of("stored"), true);
    index.change(1, List.of("latest"), 7);
    index.publish(7);
    index.finishFilling();
    assertThat(search(index, "before stored", 9).count()).isZero();
    assertThat(ids(search(index, "newer", 9))).containsExactly(2L);
    assertThat(ids(search(index, "latest", 9))).containsExactly(1L);
    index.close();
  }

  @Test
  void aCommitIsFoundAgainAndADoubtfulOneIsNot() throws IOException {
    TextIndex index = opened("a", 0, 0);
    index.startFilling(3);
    index.fill(1, List.of("curlew"), true);
    index.finishFilling();
    index.change(2, List.of("curlew"), 5);
    index.publish(5);
    index.commit(5);
    index.close();
    // Write 5 was not moved when it was committed.
    index = opened("a", 5, 4);
    index.startFilling(5);
    index.fill(2, List.of("curlew"), false);
    index.finishFilling();
    assertThat(ids(search(index, "curlew", 9))).containsExactly(1L, 2L);
    index.close();
    opened("a", 5, 5).close();
    opened("a", 4, 0).close();
    assertThat(opened("a", 5, 0).diskBytes()).isLessThan(1000);
  }

  @Test
  void anotherIdentityOrADamagedFileIsNotTrusted() throws IOException {
    for (String damage : List.of("identity", "flip", "cut", "missing")) {
      TextIndex index = opened("a", 0, 0);
      index.startFilling(3);
      for (int i = 0; i < 50; i++) {
        index.fill(i, List.of(WORDS[i % WORDS.length]), true);
      }
      index.finishFilling();
      index.close();
      Path largest;
      try (Stream<Path> files = Files.list(directory.resolve("t"))) {
        largest = files.filter(f -> f.toString().endsWith(".cfs")).findFirst().orElseThrow();
      }
      byte[] bytes = Files.readAllBytes(largest);
      switch (damage) {
        case "flip" -> {
          bytes[bytes.length / 2] ^= 1;
          Files.write(largest, bytes);
        }
        case "cut" -> Files.write(largest, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        case "missing" -> Files.delete(largest);
        default -> {}
      }
      opened(damage.equals("identity") ? "b" : "a", 3, 0).close();
    }
  }

  /// Beside plain Lucene over the same documents: the same hits with the same scores, whatever was
  /// moved, replaced, filtered or reopened meanwhile. Deleted documents count until they are merged
  /// away, so scores are compared with those of an index that was written once.
  @Test
  void scoresAreThoseOfLucene() throws IOException {
    Random random = Seeds.random("TextIndexTest.scores");
    TextIndex index = opened("a", 0, 0);
    index.startFilling(0);
    index.finishFilling();
    Map<Long, String> model = new TreeMap<>();
    long seq = 0;
    for (int round = 0; round < 30; round++) {
      for (int i = 0; i < 20; i++) {
        long id = model.size() + 1;
        String text = text(random);
        model.put(id, text);
        index.change(id, List.of(text), ++seq);
      }
      index.publish(seq);
      if (random.nextInt(3) == 0) {
        index.work();
      }
      if (random.nextInt(8) == 0) {
        index.work();
        index.commit(seq);
        index.close();
        index = opened("a", seq, seq);
        index.startFilling(seq);
        index.finishFilling();
      }
      compare(random, index, model);
    }
    index.close();
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(12); i >= 0; i--) {
      text.append(WORDS[Math.min(random.nextInt(WORDS.length), random.nextInt(WORDS.length))]);
      text.append(' ');
    }
    return text.toString();
  }

  private static void compare(Random random, TextIndex index, Map<Long, String> model)
      throws IOException {
    try (PlainLucene plain = new PlainLucene(model, Analyzers.of(TextAnalyzer.ENGLISH))) {
      for (int i = 0; i < 5; i++) {
        String query = text(random);
        int modulus = 1 + random.nextInt(3);
        int k = 1 + random.nextInt(40);
        Map<Long, Float> all = plain.scores(query);
        all.keySet().removeIf(id -> id % modulus != 0);
        List<Long> expected =
            all.entrySet().stream()
                .sorted((a, b) ->
                    Math.abs(a.getValue() - b.getValue()) < 1e-6
                        ? Long.compare(a.getKey(), b.getKey())
                        : Float.compare(b.getValue(), a.getValue()))
                .limit(k)
                .map(Map.Entry::getKey)
                .toList();
        TextHits hits;
        try (TextReader reader = index.reader().orElseThrow()) {
          hits = reader.search("text", query, k, id -> id % modulus == 0, () -> false);
        }
        assertThat(ids(hits)).isEqualTo(expected);
        for (int rank = 0; rank < hits.count(); rank++) {
          assertThat(hits.score(rank)).isCloseTo(all.get(hits.id(rank)), within(1e-6f));
        }
      }
    }
  }

  /// Lucene as its manual has it.
  record PlainLucene(ByteBuffersDirectory files, Analyzer analyzer, DirectoryReader reader)
      implements AutoCloseable {
    PlainLucene(Map<Long, String> texts, Analyzer analyzer) throws IOException {
      ByteBuffersDirectory files = new ByteBuffersDirectory();
      try (IndexWriter writer = new IndexWriter(files, new IndexWriterConfig(analyzer))) {
        for (Map.Entry<Long, String> entry : texts.entrySet()) {
          Document document = new Document();
          document.add(new NumericDocValuesField("n", entry.getKey()));
          document.add(new TextField("words", entry.getValue(), Field.Store.NO));
          writer.addDocument(document);
        }
      }
      this(files, analyzer, DirectoryReader.open(files));
    }

    Map<Long, Float> scores(String text) throws IOException {
      Query query = new QueryBuilder(analyzer).createBooleanQuery("words", text);
      Map<Long, Float> scores = new TreeMap<>();
      if (query != null) {
        NumericDocValues ids = MultiDocValues.getNumericValues(reader, "n");
        ScoreDoc[] docs = new IndexSearcher(reader).search(query, reader.maxDoc()).scoreDocs;
        java.util.Arrays.sort(docs, (a, b) -> Integer.compare(a.doc, b.doc));
        for (ScoreDoc doc : docs) {
          ids.advanceExact(doc.doc);
          scores.put(ids.longValue(), doc.score);
        }
      }
      return scores;
    }

    @Override
    public void close() throws IOException {
      reader.close();
      files.close();
    }
  }
}
