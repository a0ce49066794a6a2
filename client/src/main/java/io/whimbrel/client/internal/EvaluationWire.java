package io.whimbrel.client.internal;

import io.whimbrel.client.migration.EvaluationReport;
import io.whimbrel.client.migration.GoldenQuery;
import io.whimbrel.client.migration.GoldenSetInfo;
import io.whimbrel.proto.v1.Judgment;
import io.whimbrel.proto.v1.MeasureComparison;
import io.whimbrel.proto.v1.PutGoldenSetRequest;
import io.whimbrel.proto.v1.Verdict;
import io.whimbrel.proto.v1.VersionSummary;
import java.util.List;
import java.util.Optional;

/** Golden sets and reports to messages and back. */
public final class EvaluationWire {
  private EvaluationWire() {}

  public static PutGoldenSetRequest encode(
      String collection, String field, String name, List<GoldenQuery> queries) {
    PutGoldenSetRequest.Builder request =
        PutGoldenSetRequest.newBuilder().setCollection(collection).setField(field).setName(name);
    for (GoldenQuery query : queries) {
      io.whimbrel.proto.v1.GoldenQuery.Builder message =
          request
              .addQueriesBuilder()
              .setId(query.id())
              .setText(query.text())
              .putAllSlices(query.slices());
      query.vectors().forEach(vector -> message.addVectors(PointWire.encode(vector)));
      query
          .grades()
          .forEach((point, grade) ->
              message.addJudgments(
                  Judgment.newBuilder().setPoint(ValueWire.encode(point)).setGrade(grade)));
    }
    return request.build();
  }

  public static GoldenSetInfo decode(io.whimbrel.proto.v1.GoldenSetInfo message) {
    return new GoldenSetInfo(
        message.getCollection(),
        message.getField(),
        message.getName(),
        message.getQueries(),
        message.getJudgments());
  }

  public static EvaluationReport decode(io.whimbrel.proto.v1.EvaluationReport message) {
    return new EvaluationReport(
        decode(message.getVerdict()),
        message.getServedList().stream().map(EvaluationWire::decode).toList(),
        message.getModelList().stream().map(EvaluationWire::decode).toList(),
        decode(message.getBaseline()),
        decode(message.getCandidate()),
        message.getUnjudged(),
        message.hasThreshold()
            ? Optional.of(
                new EvaluationReport.Threshold(
                    message.getThreshold().getBaseline(),
                    message.getThreshold().getCandidate(),
                    message.getThreshold().getHitsPerQuery(),
                    message.getThreshold().getTruncated()))
            : Optional.empty(),
        message.getWarningsList());
  }

  private static EvaluationReport.Comparison decode(MeasureComparison message) {
    return new EvaluationReport.Comparison(
        message.getMeasure(),
        message.getSlice(),
        message.getQueries(),
        message.getBaseline(),
        message.getCandidate(),
        message.getDifference(),
        message.getIntervalLow(),
        message.getIntervalHigh(),
        message.getPValue(),
        message.getSmallestDetectable(),
        message.getTested(),
        decode(message.getVerdict()));
  }

  private static EvaluationReport.Version decode(VersionSummary message) {
    return new EvaluationReport.Version(
        message.getVersion(),
        message.getIndexRecall(),
        message.getIndexLossMap(),
        message.getJudged(),
        message.getRun());
  }

  private static EvaluationReport.Verdict decode(Verdict verdict) {
    return switch (verdict) {
      case VERDICT_BETTER -> EvaluationReport.Verdict.BETTER;
      case VERDICT_NON_INFERIOR -> EvaluationReport.Verdict.NON_INFERIOR;
      case VERDICT_INCONCLUSIVE -> EvaluationReport.Verdict.INCONCLUSIVE;
      case VERDICT_WORSE -> EvaluationReport.Verdict.WORSE;
      case VERDICT_UNSPECIFIED, UNRECOGNIZED -> throw ValueWire.newerServer("verdict", verdict);
    };
  }
}
