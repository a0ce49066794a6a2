package io.whimbrel.server.cli.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/// Queries with graded points, from the files of BEIR (`queries.jsonl`, `qrels.tsv`) or TREC
/// (qrels).
///
/// - `queries.jsonl`: on each line an object with `_id`, `text` and, if there is, `metadata`, whose
///   texts become labels to report by.
/// - Judgments: BEIR's three columns `query-id corpus-id score` between tabs, with or without that
///   header; or TREC's four `query 0 point grade` between blanks.
public final class GoldenFiles {
  /// As many as a golden set takes.
  static final int QUERIES_MAX = 10_000;

  static final int JUDGMENTS_MAX = 1_000_000;

  private static final String BEIR_HEADER = "query-id";
  private static final int BEIR_COLUMNS = 3;
  private static final int TREC_COLUMNS = 4;

  private GoldenFiles() {}

  /// @param slices labels to report by
  /// @param grades 0 and below is not relevant
  public record JudgedQuery(
      String id, String text, Map<String, String> slices, Map<PointId, Integer> grades) {
    public JudgedQuery {
      slices = Map.copyOf(slices);
      grades = Map.copyOf(grades);
    }
  }

  /// The queries of `queries` that `judgments` has points for, in the order of the file. `ids`
  /// makes a point id of what the judgments say.
  public static List<JudgedQuery> read(Path queries, Path judgments, Function<String, PointId> ids)
      throws IOException {
    Map<String, Map<PointId, Integer>> grades = judgments(judgments, ids);
    List<JudgedQuery> judged = new ArrayList<>();
    Map<String, Long> lines = new LinkedHashMap<>();
    forEachLine(
        queries,
        (line, number) -> {
          Map<String, Value> fields = object(queries, line, number);
          String id = text(queries, number, fields, "_id");
          Long before = lines.put(id, number);
          if (before != null) {
            throw FileFormatException.inText(
                queries,
                number,
                "_id \"" + id + "\" is also in line " + before + " (expected: each once)");
          }
          Map<PointId, Integer> points = grades.get(id);
          if (points == null) {
            return;
          }
          if (judged.size() == QUERIES_MAX) {
            throw FileFormatException.of(
                judgments, "more judged queries", "at most " + QUERIES_MAX);
          }
          judged.add(
              new JudgedQuery(id, text(queries, number, fields, "text"), slices(fields), points));
        });
    for (String id : grades.keySet()) {
      if (!lines.containsKey(id)) {
        throw FileFormatException.of(
            judgments, "query \"" + id + '"', "only queries of " + queries);
      }
    }
    if (judged.isEmpty()) {
      throw FileFormatException.of(judgments, "no judgment", "at least one");
    }
    return judged;
  }

  /// The ids of all queries of `queries`, judged or not, in the order of the file.
  public static List<String> ids(Path queries) throws IOException {
    List<String> ids = new ArrayList<>();
    forEachLine(
        queries,
        (line, number) -> ids.add(text(queries, number, object(queries, line, number), "_id")));
    return ids;
  }

  /// Query id to graded points, in the order of the file.
  public static Map<String, Map<PointId, Integer>> judgments(
      Path file, Function<String, PointId> ids) throws IOException {
    Map<String, Map<PointId, Integer>> grades = new LinkedHashMap<>();
    int[] count = {0};
    forEachLine(
        file,
        (line, number) -> {
          String[] columns = line.strip().split(line.indexOf('\t') < 0 ? "\\s+" : "\t");
          if (number == 1 && columns[0].equals(BEIR_HEADER)) {
            return;
          }
          if (columns.length != BEIR_COLUMNS && columns.length != TREC_COLUMNS) {
            throw FileFormatException.inText(
                file,
                number,
                columns.length
                    + " columns (expected: query, point, score, or query, 0, point, grade)");
          }
          if (++count[0] > JUDGMENTS_MAX) {
            throw FileFormatException.of(file, "more judgments", "at most " + JUDGMENTS_MAX);
          }
          String point = columns[columns.length - 2];
          Integer before =
              grades
                  .computeIfAbsent(columns[0], _ -> new LinkedHashMap<>())
                  .put(ids.apply(point), grade(file, number, columns[columns.length - 1]));
          if (before != null) {
            throw FileFormatException.inText(
                file, number, "point " + point + " again (expected: once for a query)");
          }
        });
    return grades;
  }

  private static int grade(Path file, long line, String word) throws FileFormatException {
    try {
      return Integer.parseInt(word.strip());
    } catch (NumberFormatException e) {
      throw FileFormatException.inText(
          file, line, "grade \"" + word + "\" (expected: a whole number)", e);
    }
  }

  private static Map<String, Value> object(Path file, String line, long number) throws IOException {
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    try (JsonReader json = new JsonReader(bytes, bytes.length)) {
      return json.readPayload();
    } catch (JsonProcessingException e) {
      throw FileFormatException.inText(file, number, e.getOriginalMessage(), e);
    }
  }

  private static String text(Path file, long line, Map<String, Value> fields, String name)
      throws FileFormatException {
    if (fields.get(name) instanceof Value.StringValue(String text)) {
      return text;
    }
    throw FileFormatException.inText(file, line, name + ": not there (expected: a text)");
  }

  private static Map<String, String> slices(Map<String, Value> fields) {
    Map<String, String> slices = new TreeMap<>();
    if (fields.get("metadata") instanceof Value.ObjectValue(Map<String, Value> metadata)) {
      metadata.forEach((key, value) -> {
        if (value instanceof Value.StringValue(String text)) {
          slices.put(key, text);
        }
      });
    }
    return slices;
  }

  @FunctionalInterface
  private interface LineReader {
    void read(String line, long number) throws IOException;
  }

  private static void forEachLine(Path file, LineReader reader) throws IOException {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      long number = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        if (line.length() > JsonLinesReader.LINE_BYTES_MAX) {
          throw FileFormatException.inText(
              file, number, "a longer line (expected: at most 64 MiB)");
        }
        if (!line.isBlank()) {
          reader.read(line, number);
        }
      }
    }
  }
}
