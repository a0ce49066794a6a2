package io.whimbrel.core.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MeasureTest {
  /// Grades by rank 3, 2, 3, 0, 1, 2, and two more judged points of grades 3 and 2 that were not
  /// found.
  @Test
  void ndcgOfAKnownExample() {
    int[] byRank = {3, 2, 3, 0, 1, 2};
    Map<PointId, Integer> grades = new HashMap<>();
    List<Ranking.Hit> hits = new ArrayList<>();
    for (int i = 0; i < byRank.length; i++) {
      grades.put(PointId.of("d" + i), byRank[i]);
      hits.add(new Ranking.Hit(PointId.of("d" + i), 10 - i));
    }
    assertThat(score("ndcg@6", hits, grades)).isCloseTo(0.961, within(0.0005));
    grades.put(PointId.of("d7"), 3);
    grades.put(PointId.of("d8"), 2);
    assertThat(score("ndcg@6", hits, grades)).isCloseTo(0.785, within(0.0005));
    assertThat(score("precision@6", hits, grades)).isCloseTo(5.0 / 6, within(1e-12));
    assertThat(score("recall@6", hits, grades)).isCloseTo(5.0 / 7, within(1e-12));
  }

  /// Relevant at ranks 1, 3 and 5 of three relevant points.
  @Test
  void meanPrecisionOfAKnownExample() {
    Map<PointId, Integer> grades =
        Map.of(PointId.of("d0"), 1, PointId.of("d2"), 1, PointId.of("d4"), 1);
    List<Ranking.Hit> hits = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      hits.add(new Ranking.Hit(PointId.of("d" + i), -i));
    }
    assertThat(score("map", hits, grades)).isCloseTo((1 + 2 / 3.0 + 3 / 5.0) / 3, within(1e-12));
    assertThat(score("map@3", hits, grades)).isCloseTo((1 + 2 / 3.0) / 3, within(1e-12));
    assertThat(score("mrr", hits.subList(1, 5), grades)).isCloseTo(0.5, within(1e-12));
    assertThat(score("hit_rate@1", hits.subList(1, 5), grades)).isZero();
    assertThat(score("hit_rate@2", hits.subList(1, 5), grades)).isEqualTo(1);
  }

  @Test
  void nothingRelevantScoresZero() {
    List<Ranking.Hit> hits = List.of(new Ranking.Hit(PointId.of("a"), 1));
    for (String name :
        List.of("ndcg@10", "recall@10", "precision@10", "mrr@10", "map", "hit_rate@10")) {
      assertThat(score(name, hits, Map.of())).as(name).isZero();
      assertThat(score(name, hits, Map.of(PointId.of("a"), 0))).as(name).isZero();
    }
  }

  @Test
  void readsItsOwnNames() {
    for (String name :
        List.of("ndcg@10", "recall@1", "precision@100", "mrr", "map", "hit_rate@3")) {
      assertThat(Measure.parse(name).name()).isEqualTo(name);
    }
  }

  @Test
  void refusesWhatItCannotScore() {
    assertRefused(() -> Measure.parse("f1@10"), "measure: f1@10 (expected: recall, precision, mrr");
    assertRefused(() -> Measure.parse("ndcg@ten"), "measure: ndcg@ten");
    assertRefused(() -> Measure.parse("precision"), "measure.k: 0 (expected: 1 to 10000)");
    PointId id = PointId.of("a");
    assertRefused(
        () -> new Ranking(List.of(new Ranking.Hit(id, 1), new Ranking.Hit(id, 2))),
        "hits: a (expected: each point once)");
    assertRefused(() -> new Ranking.Hit(id, Double.NaN), "score: NaN");
    assertRefused(() -> query("two words"), "query.id: \"two words\"");
    assertRefused(
        () -> new GoldenSet(List.of(query("a"), query("a"))), "queries.id: a (expected: each");
    assertRefused(() -> new GoldenSet(List.of()), "queries: 0");
  }

  @Test
  void refusesTextsThatAreNotTrec() {
    assertRefused(() -> read("1 0 d1 1\n1 0 d1 2\n"), "line 2: d1 (expected: each point once");
    assertRefused(() -> read("1 0 d1\n"), "line 1: 3 words (expected: 4 words)");
    assertRefused(() -> read("\n1 0 d1 high\n"), "line 2: high (expected: a whole number");
    Run run =
        new Run("r", Map.of("q", new Ranking(List.of(new Ranking.Hit(PointId.of("a b"), 1)))));
    assertThatThrownBy(() -> TrecForm.writeRun(run, new StringBuilder()))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining("id: \"a b\" (expected: no white space");
  }

  private static void read(String text) {
    try {
      TrecForm.readJudgments(new StringReader(text), PointId::of);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertRefused(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isInstanceOf(WhimbrelException.class)
        .hasMessageStartingWith(message);
  }

  private static GoldenQuery query(String id) {
    return new GoldenQuery(id, "", List.of(), Map.of(), new Judgments(Map.of(PointId.of("a"), 1)));
  }

  private static double score(
      String measure, List<Ranking.Hit> hits, Map<PointId, Integer> grades) {
    return Measure.parse(measure).score(new Ranking(hits), new Judgments(grades));
  }
}
