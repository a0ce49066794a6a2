package io.whimbrel.server.cli.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.client.PointId;
import io.whimbrel.server.cli.files.GoldenFiles.JudgedQuery;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GoldenFilesTest {
  private static final String QUERIES =
      """
      {"_id": "q1", "text": "why do wings lift", "metadata": {"language": "en", "year": 1958}}
      {"_id": "q2", "text": "unjudged"}

      {"_id": "q3", "text": "warum"}
      """;

  @TempDir private Path directory;

  private List<JudgedQuery> read(String queries, String judgments) throws IOException {
    Path queriesFile = Files.writeString(directory.resolve("queries.jsonl"), queries);
    Path judgmentsFile = Files.writeString(directory.resolve("qrels.tsv"), judgments);
    return GoldenFiles.read(queriesFile, judgmentsFile, PointId::of);
  }

  @Test
  void readsBeir() throws IOException {
    assertThat(read(QUERIES, "query-id\tcorpus-id\tscore\nq3\td 7\t2\nq1\td1\t1\nq1\td2\t0\n"))
        .containsExactly(
            new JudgedQuery(
                "q1",
                "why do wings lift",
                Map.of("language", "en"),
                Map.of(PointId.of("d1"), 1, PointId.of("d2"), 0)),
            new JudgedQuery("q3", "warum", Map.of(), Map.of(PointId.of("d 7"), 2)));
  }

  @Test
  void readsTrec() throws IOException {
    assertThat(read(QUERIES, "q1 0 d1 3\nq1   0\u0020d2 -1\n"))
        .extracting(JudgedQuery::grades)
        .containsExactly(Map.of(PointId.of("d1"), 3, PointId.of("d2"), -1));
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertRefused(QUERIES, "q1\td1\thigh\n", "line 1: grade \"high\" (expected: a whole number)");
    assertRefused(QUERIES, "q1\td1\t1\nq1\td1\t2\n", "line 2: point d1 again");
    assertRefused(QUERIES, "q1 d1\n", "line 1: 2 columns");
    assertRefused(QUERIES, "q9\td1\t1\n", "query \"q9\" (expected: only queries of");
    assertRefused(QUERIES, "", "no judgment");
    assertRefused("{\"_id\": 7, \"text\": \"\"}\n", "q1\td1\t1\n", "line 1: _id: not there");
    assertRefused("[]\n", "q1\td1\t1\n", "line 1: ");
    assertRefused(
        "{\"_id\": \"a\", \"text\": \"\"}\n{\"_id\": \"a\", \"text\": \"\"}\n",
        "a\td1\t1\n",
        "line 2: _id \"a\" is also in line 1");
  }

  private void assertRefused(String queries, String judgments, String message) {
    assertThatThrownBy(() -> read(queries, judgments))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining(message);
  }

  @Test
  void readsRealCollections() throws IOException {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    Path cranfield = Path.of(data, "text-collections", "cranfield");
    List<JudgedQuery> queries =
        GoldenFiles.read(
            cranfield.resolve("queries.jsonl"), cranfield.resolve("qrels.tsv"), PointId::of);
    assertThat(queries).hasSize(225);
  }
}
