package io.whimbrel.server.wire;

import io.whimbrel.core.evaluation.EvaluationOptions;
import io.whimbrel.core.evaluation.EvaluationReport;
import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Judgments;
import io.whimbrel.core.evaluation.Run;
import io.whimbrel.core.evaluation.TrecForm;
import io.whimbrel.core.evaluation.Verdict;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.GoldenSetInfo;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.DeleteGoldenSetRequest;
import io.whimbrel.proto.v1.EvaluateRequest;
import io.whimbrel.proto.v1.Judgment;
import io.whimbrel.proto.v1.ListGoldenSetsRequest;
import io.whimbrel.proto.v1.MeasureComparison;
import io.whimbrel.proto.v1.PutGoldenSetRequest;
import io.whimbrel.proto.v1.ThresholdMatch;
import io.whimbrel.proto.v1.VersionSummary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Golden sets and the reports made by them.
public final class EvaluationWire {
  private EvaluationWire() {}

  public record Put(String collection, String field, String name, GoldenSet set) {}

  public record Named(String collection, String name) {}

  /// @param withRuns return the answers in TREC form
  public record Evaluate(
      String collection,
      String name,
      int baseline,
      int candidate,
      EvaluationOptions options,
      boolean withRuns) {}

  public static Put put(PutGoldenSetRequest message) {
    Form.known(message);
    Limits.checkRange("queries", message.getQueriesCount(), 1, GoldenSet.QUERIES_MAX);
    List<GoldenQuery> queries = new ArrayList<>(message.getQueriesCount());
    for (int i = 0; i < message.getQueriesCount(); i++) {
      try {
        queries.add(query(message.getQueries(i)));
      } catch (WhimbrelException e) {
        throw Form.within("queries[" + i + "]", e);
      }
    }
    return new Put(
        Form.collection(message.getCollection()),
        QueryWire.fieldName(message.getField()),
        message.getName(),
        new GoldenSet(queries));
  }

  private static GoldenQuery query(io.whimbrel.proto.v1.GoldenQuery message) {
    Form.known(message);
    List<Vector> vectors = new ArrayList<>(message.getVectorsCount());
    for (int i = 0; i < message.getVectorsCount(); i++) {
      try {
        vectors.add(VectorWire.vector(message.getVectors(i)));
      } catch (WhimbrelException e) {
        throw Form.within("vectors[" + i + "]", e);
      }
    }
    Map<PointId, Integer> grades = HashMap.newHashMap(message.getJudgmentsCount());
    for (int i = 0; i < message.getJudgmentsCount(); i++) {
      Judgment judgment = message.getJudgments(i);
      String place = "judgments[" + i + "]";
      try {
        Form.known(judgment);
        if (grades.put(PointWire.id(judgment.getPoint()), judgment.getGrade()) != null) {
          throw WhimbrelException.of(
              ErrorCode.DUPLICATE_ID, "point", "judged twice", "each point once");
        }
      } catch (WhimbrelException e) {
        throw Form.within(place, e);
      }
    }
    return new GoldenQuery(
        message.getId(), message.getText(), vectors, message.getSlicesMap(), new Judgments(grades));
  }

  public static String list(ListGoldenSetsRequest message) {
    Form.known(message);
    return Form.collection(message.getCollection());
  }

  public static Named delete(DeleteGoldenSetRequest message) {
    Form.known(message);
    return new Named(Form.collection(message.getCollection()), name("name", message.getName()));
  }

  public static Evaluate evaluate(EvaluateRequest message) {
    Form.known(message);
    int k = Form.range("k", message.getK(), 0, EvaluationOptions.DEPTH_MAX);
    EvaluationOptions options = EvaluationOptions.atK(k == 0 ? EvaluationOptions.K_DEFAULT : k);
    if (message.getDelta() != 0) {
      options = options.withDelta(message.getDelta());
    }
    if (message.getSeed() != 0) {
      options = options.withSeed(message.getSeed());
    }
    if (message.hasThreshold()) {
      options = options.withThreshold(message.getThreshold());
    }
    return new Evaluate(
        Form.collection(message.getCollection()),
        name("golden_set", message.getGoldenSet()),
        Form.range("baseline_version", message.getBaselineVersion(), 1, Integer.MAX_VALUE),
        Form.range("candidate_version", message.getCandidateVersion(), 1, Integer.MAX_VALUE),
        options,
        message.getWithRuns());
  }

  private static String name(String field, String name) {
    if (name.isEmpty()) {
      throw Form.missing(field, "the name of a golden set");
    }
    return name;
  }

  public static io.whimbrel.proto.v1.GoldenSetInfo message(GoldenSetInfo info) {
    return io.whimbrel.proto.v1.GoldenSetInfo.newBuilder()
        .setCollection(info.collection())
        .setField(info.field())
        .setName(info.name())
        .setQueries(info.queries())
        .setJudgments(info.judgments())
        .build();
  }

  public static io.whimbrel.proto.v1.EvaluationReport message(
      EvaluationReport report, boolean withRuns) {
    io.whimbrel.proto.v1.EvaluationReport.Builder out =
        io.whimbrel.proto.v1.EvaluationReport.newBuilder()
            .setVerdict(message(report.verdict()))
            .setBaseline(message(report.baseline(), withRuns))
            .setCandidate(message(report.candidate(), withRuns))
            .setUnjudged(report.unjudgedCount())
            .addAllWarnings(report.warnings());
    report.served().forEach(comparison -> out.addServed(message(comparison)));
    report.model().forEach(comparison -> out.addModel(message(comparison)));
    report
        .threshold()
        .ifPresent(match ->
            out.setThreshold(
                ThresholdMatch.newBuilder()
                    .setBaseline(match.baseline())
                    .setCandidate(match.candidate())
                    .setHitsPerQuery(match.hitsPerQuery())
                    .setTruncated(match.truncated())));
    return out.build();
  }

  private static MeasureComparison message(EvaluationReport.Comparison comparison) {
    return MeasureComparison.newBuilder()
        .setMeasure(comparison.measure().name())
        .setSlice(comparison.slice())
        .setQueries(comparison.queries())
        .setBaseline(comparison.baseline())
        .setCandidate(comparison.candidate())
        .setDifference(comparison.difference())
        .setIntervalLow(comparison.test().low())
        .setIntervalHigh(comparison.test().high())
        .setPValue(comparison.pCorrected())
        .setSmallestDetectable(comparison.smallestDetectable())
        .setTested(comparison.tested())
        .setVerdict(message(comparison.verdict()))
        .build();
  }

  private static VersionSummary message(EvaluationReport.VersionSummary summary, boolean withRuns) {
    VersionSummary.Builder out =
        VersionSummary.newBuilder()
            .setVersion(summary.version())
            .setIndexRecall(summary.indexRecall())
            .setJudged(summary.judged());
    summary.indexLoss().forEach((measure, loss) -> out.putIndexLoss(measure.name(), loss));
    if (withRuns) {
      out.setRun(run(summary.served()));
    }
    return out.build();
  }

  private static String run(Run run) {
    StringBuilder text = new StringBuilder();
    try {
      TrecForm.writeRun(run, text);
    } catch (IOException e) {
      throw new UncheckedIOException("a StringBuilder does not fail", e);
    }
    return text.toString();
  }

  private static io.whimbrel.proto.v1.Verdict message(Verdict verdict) {
    return switch (verdict) {
      case BETTER -> io.whimbrel.proto.v1.Verdict.VERDICT_BETTER;
      case NON_INFERIOR -> io.whimbrel.proto.v1.Verdict.VERDICT_NON_INFERIOR;
      case INCONCLUSIVE -> io.whimbrel.proto.v1.Verdict.VERDICT_INCONCLUSIVE;
      case WORSE -> io.whimbrel.proto.v1.Verdict.VERDICT_WORSE;
    };
  }
}
