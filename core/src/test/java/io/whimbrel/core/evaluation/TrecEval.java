package io.whimbrel.core.evaluation;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// An evaluator of its own for tests: reads the texts that trec_eval reads and follows its
/// definitions step by step, over arrays of grades by rank. Shares no code with the evaluator under
/// test.
final class TrecEval {
  private static final int UNJUDGED = Integer.MIN_VALUE;

  private record Doc(String docno, float sim) {}

  private final Map<String, Map<String, Integer>> qrels = new LinkedHashMap<>();
  private final Map<String, List<Doc>> results = new HashMap<>();

  TrecEval(String qrelsText, String runText) {
    for (String line : qrelsText.split("\n")) {
      String[] part = line.split(" ");
      qrels.computeIfAbsent(part[0], _ -> new HashMap<>()).put(part[2], Integer.parseInt(part[3]));
    }
    for (String line : runText.split("\n")) {
      if (!line.isEmpty()) {
        String[] part = line.split(" ");
        results
            .computeIfAbsent(part[0], _ -> new ArrayList<>())
            .add(new Doc(part[2], Float.parseFloat(part[4])));
      }
    }
  }

  /// The measure by its name in trec_eval, for one query.
  double measure(String name, String qid) {
    int[] rel = gradesByRank(qid);
    int[] judged =
        qrels.getOrDefault(qid, Map.of()).values().stream().mapToInt(Integer::intValue).toArray();
    int numRel = (int) Arrays.stream(judged).filter(grade -> grade >= 1).count();
    int cut =
        name.indexOf('_') > 0 && Character.isDigit(name.charAt(name.length() - 1))
            ? Integer.parseInt(name.substring(name.lastIndexOf('_') + 1))
            : Integer.MAX_VALUE;
    String kind = name.replaceAll("(_cut)?_\\d+$", "");
    int upTo = Math.min(cut, rel.length);
    int relRetrieved = 0;
    double precisionSum = 0;
    double dcg = 0;
    double reciprocalRank = 0;
    int judgedRetrieved = 0;
    for (int rank = 1; rank <= upTo; rank++) {
      int grade = rel[rank - 1];
      judgedRetrieved += grade == UNJUDGED ? 0 : 1;
      if (grade >= 1) {
        relRetrieved++;
        precisionSum += relRetrieved / (double) rank;
        dcg += grade / (Math.log(rank + 1) / Math.log(2));
        if (relRetrieved == 1) {
          reciprocalRank = 1.0 / rank;
        }
      }
    }
    return switch (kind) {
      case "recall" -> numRel == 0 ? 0 : relRetrieved / (double) numRel;
      case "P" -> relRetrieved / (double) cut;
      case "recip_rank" -> reciprocalRank;
      case "map" -> numRel == 0 ? 0 : precisionSum / numRel;
      case "success" -> relRetrieved > 0 ? 1 : 0;
      case "ndcg" -> {
        double ideal = idealDcg(judged, cut);
        yield ideal == 0 ? 0 : dcg / ideal;
      }
      case "judged" -> judgedRetrieved / (double) cut;
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static double idealDcg(int[] judged, int cut) {
    List<Integer> best = new ArrayList<>();
    for (int grade : judged) {
      best.add(grade);
    }
    best.sort((a, b) -> b - a);
    double sum = 0;
    for (int rank = 1; rank <= Math.min(cut, best.size()) && best.get(rank - 1) > 0; rank++) {
      sum += best.get(rank - 1) / (Math.log(rank + 1) / Math.log(2));
    }
    return sum;
  }

  /// As form_res_rels: by similarity descending, ties by document number descending as strcmp
  /// orders.
  private int[] gradesByRank(String qid) {
    List<Doc> docs = new ArrayList<>(results.getOrDefault(qid, List.of()));
    docs.sort((a, b) -> {
      if (a.sim() != b.sim()) {
        return a.sim() > b.sim() ? -1 : 1;
      }
      return strcmp(b.docno(), a.docno());
    });
    return docs.stream()
        .mapToInt(doc -> qrels.getOrDefault(qid, Map.of()).getOrDefault(doc.docno(), UNJUDGED))
        .toArray();
  }

  private static int strcmp(String a, String b) {
    byte[] left = a.getBytes(StandardCharsets.UTF_8);
    byte[] right = b.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < Math.min(left.length, right.length); i++) {
      if (left[i] != right[i]) {
        return (left[i] & 0xff) - (right[i] & 0xff);
      }
    }
    return left.length - right.length;
  }
}
