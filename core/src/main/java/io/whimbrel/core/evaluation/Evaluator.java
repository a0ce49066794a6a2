package io.whimbrel.core.evaluation;

import io.whimbrel.core.evaluation.EvaluationReport.Comparison;
import io.whimbrel.core.evaluation.EvaluationReport.UnjudgedHit;
import io.whimbrel.core.evaluation.EvaluationReport.VersionSummary;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/// Compares two versions by their answers to one golden set.
public final class Evaluator {
  /// A slice of fewer queries is shown but not tested, and gets no verdict: an interval of so few
  /// says nothing.
  public static final int TESTED_QUERIES_MIN = 20;

  /// Queries times depth: what four runs of hits may take in memory.
  public static final int HITS_MAX = 1_000_000;

  private static final int SLICES_MAX = 256;
  private static final double INDEX_RECALL_LOW = 0.95;
  private static final double JUDGED_GAP_HIGH = 0.05;
  private static final String ALL = "";

  private final GoldenSet set;
  private final EvaluationOptions options;
  private final BooleanSupplier cancelled;

  /// `cancelled` is asked regularly and ends a comparison with CANCELLED.
  public Evaluator(GoldenSet set, EvaluationOptions options, BooleanSupplier cancelled) {
    long hits = (long) set.queries().size() * options.depth();
    if (hits > HITS_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          "depth",
          options.depth(),
          "at most "
              + HITS_MAX / set.queries().size()
              + " for "
              + set.queries().size()
              + " queries");
    }
    this.set = set;
    this.options = options;
    this.cancelled = cancelled;
  }

  /// The answers of one version.
  ///
  /// @param served what users get, `k` hits
  /// @param exact what a scan of all vectors gets, `depth` hits
  public record Answers(int version, Run served, Run exact) {}

  /// Cost: four times that of a [PairedTest] of all measures and queries for each label that a
  /// query has.
  public EvaluationReport compare(Answers baseline, Answers candidate) {
    Map<String, int[]> slices = slices();
    double[][] servedBefore = scores(baseline.served());
    double[][] servedAfter = scores(candidate.served());
    double[][] exactBefore = scores(baseline.exact());
    double[][] exactAfter = scores(candidate.exact());
    List<Comparison> served = compare(servedBefore, servedAfter, slices);
    boolean nothingLost =
        Arrays.deepEquals(servedBefore, exactBefore) && Arrays.deepEquals(servedAfter, exactAfter);
    List<Comparison> model = nothingLost ? served : compare(exactBefore, exactAfter, slices);
    VersionSummary before = summary(baseline, servedBefore, exactBefore);
    VersionSummary after = summary(candidate, servedAfter, exactAfter);
    Unjudged unjudged = unjudged(baseline.served(), candidate.served());
    Optional<ThresholdMatch> threshold =
        options.threshold().isEmpty()
            ? Optional.empty()
            : Optional.of(
                ThresholdMatch.of(
                    options.threshold().getAsDouble(),
                    baseline.exact(),
                    candidate.exact(),
                    options.depth()));
    Verdict verdict =
        served.stream().anyMatch(one -> one.verdict() == Verdict.WORSE)
            ? Verdict.WORSE
            : served.getFirst().verdict();
    return new EvaluationReport(
        verdict,
        served,
        model,
        before,
        after,
        unjudged.hits(),
        unjudged.count(),
        threshold,
        warnings(served.getFirst(), before, after, threshold));
  }

  /// Slice to the indexes of its queries, all queries first.
  private Map<String, int[]> slices() {
    Map<String, List<Integer>> found = new TreeMap<>();
    for (int i = 0; i < set.queries().size(); i++) {
      int query = i;
      set.queries()
          .get(i)
          .slices()
          .forEach((key, value) ->
              found.computeIfAbsent(key + "=" + value, _ -> new ArrayList<>()).add(query));
    }
    if (found.size() > SLICES_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED, "slices", found.size(), "at most " + SLICES_MAX);
    }
    Map<String, int[]> slices = new LinkedHashMap<>();
    int[] all = new int[set.queries().size()];
    Arrays.setAll(all, i -> i);
    slices.put(ALL, all);
    found.forEach((name, queries) -> slices.put(name, queries.stream().mapToInt(i -> i).toArray()));
    return slices;
  }

  private List<Comparison> compare(double[][] before, double[][] after, Map<String, int[]> slices) {
    List<Comparison> untested = new ArrayList<>();
    slices.forEach((slice, queries) -> {
      double[][] differences = new double[before.length][queries.length];
      for (int m = 0; m < before.length; m++) {
        for (int i = 0; i < queries.length; i++) {
          differences[m][i] = after[m][queries[i]] - before[m][queries[i]];
        }
      }
      PairedTest.Result[] results =
          new PairedTest(options.rounds(), cancelled)
              .test(differences, options.seed() * 31 + slice.hashCode());
      for (int m = 0; m < before.length; m++) {
        untested.add(
            new Comparison(
                options.measures().get(m),
                slice,
                queries.length,
                mean(before[m], queries),
                mean(after[m], queries),
                results[m],
                1,
                PairedTest.smallestDetectable(
                    results[m].deviation(), queries.length, PairedTest.ALPHA),
                queries.length >= TESTED_QUERIES_MIN,
                Verdict.INCONCLUSIVE));
      }
    });
    double[] corrected =
        PairedTest.holm(
            untested.stream()
                .filter(Comparison::tested)
                .mapToDouble(one -> one.test().p())
                .toArray());
    List<Comparison> comparisons = new ArrayList<>();
    int next = 0;
    for (Comparison one : untested) {
      comparisons.add(one.tested() ? judged(one, corrected[next++]) : one);
    }
    return comparisons;
  }

  private Comparison judged(Comparison one, double pCorrected) {
    boolean significant = pCorrected < PairedTest.ALPHA;
    Verdict verdict;
    if (significant && one.difference() > 0) {
      verdict = Verdict.BETTER;
    } else if (one.test().low() > -options.delta()) {
      verdict = Verdict.NON_INFERIOR;
    } else if (significant) {
      verdict = Verdict.WORSE;
    } else {
      verdict = Verdict.INCONCLUSIVE;
    }
    return new Comparison(
        one.measure(),
        one.slice(),
        one.queries(),
        one.baseline(),
        one.candidate(),
        one.test(),
        pCorrected,
        one.smallestDetectable(),
        true,
        verdict);
  }

  /// `[measures][queries]`.
  private double[][] scores(Run run) {
    double[][] scores = new double[options.measures().size()][set.queries().size()];
    for (int i = 0; i < set.queries().size(); i++) {
      GoldenQuery query = set.queries().get(i);
      Ranking ranking = run.of(query.id());
      for (int m = 0; m < scores.length; m++) {
        scores[m][i] = options.measures().get(m).score(ranking, query.judgments());
      }
    }
    return scores;
  }

  private static double mean(double[] scores, int[] queries) {
    double sum = 0;
    for (int query : queries) {
      sum += scores[query];
    }
    return sum / queries.length;
  }

  private VersionSummary summary(Answers answers, double[][] servedScores, double[][] exactScores) {
    double recall = 0;
    long judged = 0;
    for (GoldenQuery query : set.queries()) {
      List<Ranking.Hit> served = answers.served().of(query.id()).top(options.k());
      recall += recall(served, answers.exact().of(query.id()).top(options.k()));
      judged += served.stream().filter(hit -> query.judgments().isJudged(hit.id())).count();
    }
    int queries = set.queries().size();
    Map<Measure, Double> loss = new LinkedHashMap<>();
    for (int m = 0; m < exactScores.length; m++) {
      loss.put(
          options.measures().get(m),
          Arrays.stream(exactScores[m]).average().orElse(0)
              - Arrays.stream(servedScores[m]).average().orElse(0));
    }
    return new VersionSummary(
        answers.version(),
        recall / queries,
        loss,
        (double) judged / ((long) queries * options.k()),
        answers.served(),
        answers.exact());
  }

  /// A served hit that scores as much as the last exact one is as good, whichever of the ties was
  /// kept.
  private static double recall(List<Ranking.Hit> served, List<Ranking.Hit> exact) {
    if (exact.isEmpty()) {
      return 1;
    }
    Set<PointId> truth = HashSet.newHashSet(exact.size());
    exact.forEach(hit -> truth.add(hit.id()));
    double last = exact.getLast().score();
    long found =
        served.stream().filter(hit -> truth.contains(hit.id()) || hit.score() >= last).count();
    return (double) Math.min(found, exact.size()) / exact.size();
  }

  private record Unjudged(List<UnjudgedHit> hits, long count) {}

  private Unjudged unjudged(Run baseline, Run candidate) {
    List<UnjudgedHit> hits = new ArrayList<>();
    long count = 0;
    for (GoldenQuery query : set.queries()) {
      List<PointId> before = topIds(baseline, query);
      List<PointId> after = topIds(candidate, query);
      Set<PointId> both = new LinkedHashSet<>(before);
      both.addAll(after);
      for (PointId id : both) {
        if (!query.judgments().isJudged(id)) {
          count++;
          if (hits.size() < EvaluationReport.UNJUDGED_MAX) {
            hits.add(
                new UnjudgedHit(query.id(), id, before.indexOf(id) + 1, after.indexOf(id) + 1));
          }
        }
      }
    }
    return new Unjudged(hits, count);
  }

  private List<PointId> topIds(Run run, GoldenQuery query) {
    return run.of(query.id()).top(options.k()).stream().map(Ranking.Hit::id).toList();
  }

  private List<String> warnings(
      Comparison first,
      VersionSummary baseline,
      VersionSummary candidate,
      Optional<ThresholdMatch> threshold) {
    List<String> warnings = new ArrayList<>();
    if (!first.tested()) {
      warnings.add(
          format(
              "%d queries are too few for a verdict; %d are needed",
              first.queries(), TESTED_QUERIES_MIN));
    } else if (first.verdict() == Verdict.INCONCLUSIVE) {
      warnings.add(
          format(
              "%d queries show a difference in %s of %.3f or more; this one is %+.3f",
              first.queries(),
              first.measure().name(),
              first.smallestDetectable(),
              first.difference()));
    }
    long empty = set.queries().stream().filter(query -> query.judgments().relevant() == 0).count();
    if (empty > 0) {
      warnings.add(
          format("%d queries have no relevant point: they count 0 for both versions", empty));
    }
    if (Math.abs(candidate.judged() - baseline.judged()) > JUDGED_GAP_HIGH) {
      warnings.add(
          format(
              "judged are %.0f %% of the baseline's first %d hits and %.0f %% of the candidate's:"
                  + " the judgments favour one of them; judge the unjudged hits",
              100 * baseline.judged(), options.k(), 100 * candidate.judged()));
    }
    for (VersionSummary version : List.of(baseline, candidate)) {
      if (version.indexRecall() < INDEX_RECALL_LOW) {
        warnings.add(
            format(
                "the index of version %d finds %.1f %% of the exact first %d: a larger ef or m"
                    + " helps, another model does not",
                version.version(), 100 * version.indexRecall(), options.k()));
      }
    }
    threshold.ifPresent(match -> {
      warnings.add(
          format(
              "a score threshold of %.4g was made for the baseline; %.4g lets as many hits of the"
                  + " candidate pass",
              match.baseline(), match.candidate()));
      if (match.truncated() > 0) {
        warnings.add(
            format(
                "for %d queries all %d hits asked for pass the threshold: it is matched on too few"
                    + " hits",
                match.truncated(), options.depth()));
      }
    });
    return warnings;
  }

  private static String format(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }
}
