package io.whimbrel.core.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.evaluation.EvaluationReport.Comparison;
import io.whimbrel.core.evaluation.EvaluationReport.UnjudgedHit;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EvaluatorTest {
  private static final Measure MRR = Measure.parse("mrr@10");
  private static final PointId RIGHT = PointId.of("right");

  /// One right point a query; `rank` says where from 1, 0 for not found. The answer is filled to
  /// ten hits.
  private static Run run(String tag, int queries, IntUnaryOperator rank) {
    Map<String, Ranking> rankings = new HashMap<>();
    for (int q = 0; q < queries; q++) {
      List<Ranking.Hit> hits = new ArrayList<>();
      for (int place = 1; place <= 10; place++) {
        hits.add(
            new Ranking.Hit(
                rank.applyAsInt(q) == place ? RIGHT : PointId.of("wrong" + place),
                1 - place / 16.0));
      }
      rankings.put("q" + q, new Ranking(hits));
    }
    return new Run(tag, rankings);
  }

  private static GoldenSet set(int queries) {
    return set(queries, q -> Map.of("language", q % 4 == 0 ? "de" : "en"));
  }

  private static GoldenSet withoutSlices(int queries) {
    return set(queries, _ -> Map.of());
  }

  private static GoldenSet set(int queries, IntFunction<Map<String, String>> slices) {
    return new GoldenSet(
        IntStream.range(0, queries)
            .mapToObj(q ->
                new GoldenQuery(
                    "q" + q,
                    "",
                    List.of(),
                    slices.apply(q),
                    new Judgments(Map.of(RIGHT, 1, PointId.of("wrong1"), 0))))
            .toList());
  }

  private static EvaluationReport compare(
      GoldenSet set, EvaluationOptions options, Run baseline, Run candidate) {
    return new Evaluator(set, options, () -> false)
        .compare(
            new Evaluator.Answers(1, baseline, baseline),
            new Evaluator.Answers(2, candidate, candidate));
  }

  @Test
  void aClearGainIsBetterAndTheSameAnswersAreNotInferior() {
    Run before = run("before", 80, _ -> 2);
    EvaluationReport better =
        compare(set(80), EvaluationOptions.atK(10), before, run("after", 80, _ -> 1));
    assertThat(better.verdict()).isEqualTo(Verdict.BETTER);
    Comparison mrr = find(better, MRR, "");
    assertThat(mrr.baseline()).isEqualTo(0.5);
    assertThat(mrr.candidate()).isEqualTo(1);
    assertThat(mrr.verdict()).isEqualTo(Verdict.BETTER);
    assertThat(find(better, Measure.parse("recall@10"), "").verdict())
        .isEqualTo(Verdict.NON_INFERIOR);
    assertThat(compare(set(80), EvaluationOptions.atK(10), before, before).verdict())
        .isEqualTo(Verdict.NON_INFERIOR);
  }

  @Test
  void oneWorseSliceMakesTheVerdictWorse() {
    Run before = run("before", 200, _ -> 3);
    EvaluationReport report =
        compare(
            set(200),
            EvaluationOptions.atK(10),
            before,
            run("after", 200, q -> q % 4 == 0 ? 0 : 1));
    assertThat(find(report, MRR, "").verdict()).isEqualTo(Verdict.BETTER);
    assertThat(find(report, MRR, "language=de").verdict()).isEqualTo(Verdict.WORSE);
    assertThat(find(report, MRR, "language=de").queries()).isEqualTo(50);
    assertThat(report.verdict()).isEqualTo(Verdict.WORSE);
  }

  @Test
  void tooFewQueriesGetNoVerdict() {
    EvaluationReport report =
        compare(
            set(12),
            EvaluationOptions.atK(10),
            run("before", 12, _ -> 3),
            run("after", 12, _ -> 1));
    assertThat(report.served()).allMatch(one -> one.verdict() == Verdict.INCONCLUSIVE);
    assertThat(report.warnings()).contains("12 queries are too few for a verdict; 20 are needed");
  }

  /// A gain of 0.02 at a deviation of 0.25 is below what 200 queries can show.
  @Test
  void aSmallGainOfTwoHundredQueriesIsInconclusive() {
    EvaluationOptions options = only(MRR);
    int inconclusive = 0;
    int better = 0;
    for (int seed = 0; seed < 30; seed++) {
      Random random = new Random(seed);
      double[] gains = random.doubles(200).toArray();
      // Two places of the reciprocal rank 0.5 apart, up more often than down by 4 in 100 queries.
      EvaluationReport report =
          compare(
              withoutSlices(200),
              options,
              run("before", 200, q -> gains[q] < 0.105 ? 1 : 2),
              run("after", 200, q -> gains[q] > 0.855 ? 1 : 2));
      assertThat(find(report, MRR, "").test().deviation()).isBetween(0.2, 0.3);
      Verdict verdict = report.verdict();
      inconclusive += verdict == Verdict.INCONCLUSIVE ? 1 : 0;
      better += verdict == Verdict.BETTER ? 1 : 0;
    }
    assertThat(inconclusive).isGreaterThan(15);
    assertThat(better).isLessThan(12);
  }

  /// Two versions alike: 500 fixed seeds, p < 0.05 in 5 +- 3 % of them.
  @Test
  void versionsThatAreAlikeAreFlaggedAsOftenAsAgreed() {
    GoldenSet set = withoutSlices(60);
    int flagged = 0;
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      int[] before = random.ints(60, 0, 11).toArray();
      int[] after = random.ints(60, 0, 11).toArray();
      EvaluationReport report =
          compare(
              set,
              only(MRR).withSeed(seed),
              run("before", 60, q -> before[q]),
              run("after", 60, q -> after[q]));
      flagged += find(report, MRR, "").test().p() < PairedTest.ALPHA ? 1 : 0;
    }
    System.out.println("A/A: " + flagged + " of 500 flagged");
    assertThat(flagged).isBetween(10, 40);
  }

  @Test
  void whatTheIndexLosesIsNotBlamedOnTheModel() {
    Run exact = run("exact", 60, _ -> 1);
    Run served = run("served", 60, q -> q % 2 == 0 ? 1 : 0);
    EvaluationReport report =
        new Evaluator(set(60), EvaluationOptions.atK(10), () -> false)
            .compare(
                new Evaluator.Answers(1, exact, exact), new Evaluator.Answers(2, served, exact));
    assertThat(report.verdict()).isEqualTo(Verdict.WORSE);
    assertThat(report.model())
        .filteredOn(Comparison::tested)
        .hasSize(12)
        .allMatch(one -> one.verdict() == Verdict.NON_INFERIOR);
    assertThat(report.baseline().indexRecall()).isEqualTo(1);
    assertThat(report.candidate().indexLoss().get(MRR)).isCloseTo(0.5, within(1e-12));
    assertThat(report.baseline().indexLoss().get(MRR)).isZero();
  }

  @Test
  void anIndexWithLowRecallIsNamed() {
    Run exact = run("exact", 30, _ -> 1);
    Map<String, Ranking> halves = new HashMap<>();
    exact
        .rankings()
        .forEach((query, ranking) -> halves.put(query, new Ranking(ranking.hits().subList(0, 5))));
    EvaluationReport report =
        new Evaluator(set(30), EvaluationOptions.atK(10), () -> false)
            .compare(
                new Evaluator.Answers(1, exact, exact),
                new Evaluator.Answers(2, new Run("served", halves), exact));
    assertThat(report.candidate().indexRecall()).isEqualTo(0.5);
    assertThat(report.warnings())
        .contains(
            "the index of version 2 finds 50.0 % of the exact first 10: a larger ef or m helps,"
                + " another model does not");
  }

  @Test
  void tellsWhatNobodyHasJudged() {
    EvaluationReport report =
        compare(
            set(30), EvaluationOptions.atK(2), run("before", 30, _ -> 2), run("after", 30, _ -> 0));
    assertThat(report.baseline().judged()).isEqualTo(1);
    assertThat(report.candidate().judged()).isEqualTo(0.5);
    assertThat(report.unjudgedCount()).isEqualTo(30);
    assertThat(report.unjudged()).contains(new UnjudgedHit("q3", PointId.of("wrong2"), 0, 2));
    assertThat(report.warnings()).anyMatch(text -> text.contains("the judgments favour one"));
  }

  @Test
  void matchesAThresholdBySelectivity() {
    Run before = run("before", 30, _ -> 1);
    Map<String, Ranking> shifted = new HashMap<>();
    before
        .rankings()
        .forEach((query, ranking) ->
            shifted.put(
                query,
                new Ranking(
                    ranking.hits().stream()
                        .map(hit -> new Ranking.Hit(hit.id(), 0.8 + hit.score() / 10))
                        .toList())));
    EvaluationReport report =
        compare(
            set(30),
            EvaluationOptions.atK(10).withThreshold(0.78),
            before,
            new Run("after", shifted));
    ThresholdMatch match = report.threshold().orElseThrow();
    assertThat(match.hitsPerQuery()).isEqualTo(3);
    // Between the third, 0.8 + 0.08125, and the fourth, 0.8 + 0.075.
    assertThat(match.candidate()).isCloseTo(0.878125, within(1e-9));
    assertThat(match.truncated()).isZero();
    assertThat(report.warnings()).anyMatch(text -> text.contains("was made for the baseline"));
  }

  @Test
  void theSameSeedGivesTheSameReport() {
    Run before = run("before", 40, q -> q % 11);
    Run after = run("after", 40, q -> (q * 7) % 11);
    assertThat(compare(set(40), only(MRR), before, after))
        .isEqualTo(compare(set(40), only(MRR), before, after));
  }

  @Test
  void refusesOptionsThatMakeNoSense() {
    assertThatThrownBy(() -> EvaluationOptions.atK(10).withDelta(0))
        .isInstanceOf(WhimbrelException.class)
        .hasMessage("delta: 0.0 (expected: above 0 to 1)");
    assertThatThrownBy(() ->
            new EvaluationOptions(List.of(MRR), 10, 0, 5, 0.01, 1000, 1, OptionalDouble.empty()))
        .hasMessageStartingWith("depth: 5 (expected: 10 to 1000)");
    assertThatThrownBy(() ->
            new EvaluationOptions(
                List.of(MRR, MRR), 10, 0, 10, 0.01, 1000, 1, OptionalDouble.empty()))
        .hasMessageStartingWith("measures: [mrr@10, mrr@10] (expected: each once)");
    assertThatThrownBy(() ->
            new EvaluationOptions(
                List.of(Measure.parse("map")), 10, 0, 10, 0.01, 1000, 1, OptionalDouble.empty()))
        .hasMessageStartingWith("measures: map (expected: cut off at 1 to k, which is 10)");
    assertThatThrownBy(() -> new Evaluator(set(5000), depth(1000), () -> false))
        .hasMessage("depth: 1000 (expected: at most 200 for 5000 queries)");
  }

  private static EvaluationOptions only(Measure measure) {
    return new EvaluationOptions(
        List.of(measure), 10, 0, 10, 0.01, PairedTest.ROUNDS_DEFAULT, 1, OptionalDouble.empty());
  }

  private static EvaluationOptions depth(int depth) {
    return new EvaluationOptions(List.of(MRR), 10, 0, depth, 0.01, 1000, 1, OptionalDouble.empty());
  }

  private static Comparison find(EvaluationReport report, Measure measure, String slice) {
    return report.served().stream()
        .filter(one -> one.measure().equals(measure) && one.slice().equals(slice))
        .findFirst()
        .orElseThrow();
  }
}
