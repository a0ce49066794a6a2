package io.whimbrel.core.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.core.model.PointId;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Every measure against an evaluator of its own that reads the exported texts.
class MeasureOracleTest {
  private static final Map<String, String> TREC_NAMES =
      Map.ofEntries(
          Map.entry("recall@1", "recall_1"),
          Map.entry("recall@10", "recall_10"),
          Map.entry("recall@100", "recall_100"),
          Map.entry("precision@5", "P_5"),
          Map.entry("precision@100", "P_100"),
          Map.entry("mrr", "recip_rank"),
          Map.entry("mrr@3", "recip_rank_3"),
          Map.entry("ndcg", "ndcg"),
          Map.entry("ndcg@3", "ndcg_cut_3"),
          Map.entry("ndcg@10", "ndcg_cut_10"),
          Map.entry("map", "map"),
          Map.entry("map@7", "map_cut_7"),
          Map.entry("hit_rate@1", "success_1"),
          Map.entry("hit_rate@10", "success_10"));

  @Test
  void equalsTrecEvalOnRandomRuns() throws IOException {
    Random random = Seeds.random("trec");
    for (int round = 0; round < 40; round++) {
      List<GoldenQuery> queries = new ArrayList<>();
      Map<String, Ranking> rankings = new HashMap<>();
      for (int q = 0; q < 20; q++) {
        Map<PointId, Integer> grades = new HashMap<>();
        for (int i = random.nextInt(30); i >= 0; i--) {
          grades.put(id(random), random.nextInt(6) - 2);
        }
        queries.add(query("q" + q, grades));
        if (random.nextInt(10) > 0) {
          rankings.put("q" + q, ranking(random, random.nextInt(60)));
        }
      }
      compare(new GoldenSet(queries), new Run("random", rankings));
    }
  }

  @Test
  void equalsTrecEvalOnRealJudgments() throws IOException {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    for (String collection : List.of("cranfield", "npl-vaswani")) {
      Random random = Seeds.random(collection);
      List<String> lines =
          Files.readAllLines(Path.of(data, "text-collections", collection, "qrels.tsv"));
      Map<String, Map<PointId, Integer>> grades = new LinkedHashMap<>();
      for (String line : lines.subList(1, lines.size())) {
        String[] part = line.split("\t");
        grades
            .computeIfAbsent(part[0], _ -> new HashMap<>())
            .put(PointId.of(part[1]), Integer.parseInt(part[2]));
      }
      List<GoldenQuery> queries = new ArrayList<>();
      Map<String, Ranking> rankings = new HashMap<>();
      grades.forEach((query, points) -> {
        queries.add(query(query, points));
        // Half of the relevant points among chance ones, with many equal scores.
        Map<PointId, Ranking.Hit> hits = new HashMap<>();
        points
            .keySet()
            .forEach(id -> {
              if (random.nextBoolean()) {
                hits.put(id, new Ranking.Hit(id, random.nextInt(20)));
              }
            });
        for (int i = 0; i < 80; i++) {
          PointId id = PointId.of(Integer.toString(random.nextInt(1400)));
          hits.putIfAbsent(id, new Ranking.Hit(id, random.nextInt(18)));
        }
        rankings.put(query, new Ranking(List.copyOf(hits.values())));
      });
      compare(new GoldenSet(queries), new Run(collection, rankings));
    }
  }

  private static void compare(GoldenSet set, Run run) throws IOException {
    StringBuilder qrels = new StringBuilder();
    StringBuilder runText = new StringBuilder();
    TrecForm.writeJudgments(set, qrels);
    TrecForm.writeRun(run, runText);
    TrecEval oracle = new TrecEval(qrels.toString(), runText.toString());
    for (GoldenQuery query : set.queries()) {
      TREC_NAMES.forEach((ours, theirs) ->
          assertThat(Measure.parse(ours).score(run.of(query.id()), query.judgments()))
              .as("%s of query %s", ours, query.id())
              .isCloseTo(oracle.measure(theirs, query.id()), within(1e-6)));
    }
    assertThat(TrecForm.readJudgments(new StringReader(qrels.toString()), PointId::of))
        .isEqualTo(
            set.queries().stream()
                .collect(Collectors.toMap(GoldenQuery::id, GoldenQuery::judgments)));
    Run read = TrecForm.readRun(new StringReader(runText.toString()), PointId::of);
    StringBuilder again = new StringBuilder();
    TrecForm.writeRun(read, again);
    assertThat(again).hasToString(runText.toString());
  }

  private static GoldenQuery query(String id, Map<PointId, Integer> grades) {
    return new GoldenQuery(id, "", List.of(), Map.of(), new Judgments(grades));
  }

  /// Few different scores, so that many hits tie; some that are equal as float32 only.
  private static Ranking ranking(Random random, int size) {
    Set<PointId> ids = new HashSet<>();
    while (ids.size() < size) {
      ids.add(id(random));
    }
    return new Ranking(
        ids.stream()
            .map(id -> new Ranking.Hit(id, random.nextInt(8) / 8.0 + random.nextInt(2) * 1e-12))
            .toList());
  }

  private static PointId id(Random random) {
    int number = random.nextInt(90);
    return PointId.of(number < 3 ? "d\u00e9" + number : "d" + number);
  }
}
