package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// The text files of trec_eval: judgments (`query 0 point grade`) and runs (`query Q0 point rank
/// score tag`), one a line, separated by white space.
public final class TrecForm {
  private static final int LINES_MAX = 10_000_000;
  private static final int LINE_CHARS_MAX = 4096;

  private TrecForm() {}

  /// Query id to its judgments. `ids` makes a point id of what the file says.
  public static Map<String, Judgments> readJudgments(Reader in, Function<String, PointId> ids)
      throws IOException {
    Map<String, Map<PointId, Integer>> grades = new LinkedHashMap<>();
    read(
        in,
        4,
        (parts, line) -> {
          Integer before =
              grades
                  .computeIfAbsent(parts[0], _ -> new HashMap<>())
                  .put(ids.apply(parts[2]), whole(parts[3], line));
          if (before != null) {
            throw bad(line, parts[2], "each point once for query " + parts[0]);
          }
        });
    Map<String, Judgments> judgments = new LinkedHashMap<>();
    grades.forEach((query, points) -> judgments.put(query, new Judgments(points)));
    return judgments;
  }

  /// A run. As trec_eval does, it takes the order from the scores and ignores the ranks.
  public static Run readRun(Reader in, Function<String, PointId> ids) throws IOException {
    Map<String, List<Ranking.Hit>> hits = new LinkedHashMap<>();
    String[] tag = {"run"};
    read(
        in,
        6,
        (parts, line) -> {
          hits.computeIfAbsent(parts[0], _ -> new ArrayList<>())
              .add(new Ranking.Hit(ids.apply(parts[2]), number(parts[4], line)));
          tag[0] = parts[5];
        });
    Map<String, Ranking> rankings = new LinkedHashMap<>();
    hits.forEach((query, found) -> rankings.put(query, new Ranking(found)));
    return new Run(tag[0], rankings);
  }

  /// Writes `run`. A point id with white space cannot stand in this form and is refused.
  public static void writeRun(Run run, Appendable out) throws IOException {
    for (Map.Entry<String, Ranking> entry : run.rankings().entrySet()) {
      int rank = 1;
      for (Ranking.Hit hit : entry.getValue().hits()) {
        out.append(entry.getKey())
            .append(" Q0 ")
            .append(word(hit.id()))
            .append(' ')
            .append(Integer.toString(rank++))
            .append(' ')
            // What trec_eval reads is a float32; its shortest text gives the same one back.
            .append(Float.toString((float) hit.score()))
            .append(' ')
            .append(run.tag())
            .append('\n');
      }
    }
  }

  /// Writes the judgments of a set.
  public static void writeJudgments(GoldenSet set, Appendable out) throws IOException {
    for (GoldenQuery query : set.queries()) {
      List<PointId> points = query.judgments().grades().keySet().stream().sorted().toList();
      for (PointId point : points) {
        out.append(query.id())
            .append(" 0 ")
            .append(word(point))
            .append(' ')
            .append(String.valueOf(query.judgments().grades().get(point)))
            .append('\n');
      }
    }
  }

  private static String word(PointId id) {
    String word = id.toString();
    if (word.codePoints().anyMatch(Character::isWhitespace)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ID, "id", '"' + word + '"', "no white space, in the form of TREC");
    }
    return word;
  }

  @FunctionalInterface
  private interface LineReader {
    void read(String[] parts, int line);
  }

  private static void read(Reader in, int parts, LineReader reader) throws IOException {
    BufferedReader lines = new BufferedReader(in);
    int number = 0;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      number++;
      if (number > LINES_MAX || line.length() > LINE_CHARS_MAX) {
        throw WhimbrelException.of(
            ErrorCode.LIMIT_EXCEEDED,
            "line " + number,
            line.length() + " characters",
            LINES_MAX + " lines of " + LINE_CHARS_MAX + " characters");
      }
      if (line.isBlank()) {
        continue;
      }
      String[] found = line.strip().split("\\s+");
      if (found.length != parts) {
        throw bad(number, found.length + " words", parts + " words");
      }
      reader.read(found, number);
    }
  }

  private static int whole(String word, int line) {
    try {
      return Integer.parseInt(word);
    } catch (NumberFormatException e) {
      throw bad(line, word, "a whole number as grade");
    }
  }

  private static double number(String word, int line) {
    try {
      return Double.parseDouble(word);
    } catch (NumberFormatException e) {
      throw bad(line, word, "a number as score");
    }
  }

  private static WhimbrelException bad(int line, Object value, String expected) {
    return WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "line " + line, value, expected);
  }
}
