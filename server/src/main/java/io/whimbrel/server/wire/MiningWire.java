package io.whimbrel.server.wire;

import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MinedNegatives;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.MineNegativesRequest;
import io.whimbrel.proto.v1.MineNegativesResponse;
import io.whimbrel.proto.v1.MiningQuery;
import io.whimbrel.proto.v1.ScoredPoint;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/// Hard negatives.
public final class MiningWire {
  private MiningWire() {}

  /// @param goldenSet whose queries are asked, from number `from` on; empty when they are given
  public record Mining(
      String collection,
      NegativeMining options,
      String goldenSet,
      List<NegativeMining.Query> queries,
      int from) {}

  public static Mining mining(MineNegativesRequest message) {
    Form.known(message);
    String collection = Form.collection(message.getCollection());
    NegativeMining options = options(message);
    int from = Form.range("from", message.getFrom(), 0, GoldenSet.QUERIES_MAX - 1);
    return switch (message.getSourceCase()) {
      case GOLDEN_SET -> {
        if (message.getGoldenSet().isEmpty()) {
          throw Form.missing("golden_set", "the name of a golden set");
        }
        yield new Mining(collection, options, message.getGoldenSet(), List.of(), from);
      }
      case QUERIES -> {
        if (from != 0) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT, "from", from, "0 beside queries, all of which are asked");
        }
        yield new Mining(collection, options, "", queries(message), 0);
      }
      case SOURCE_NOT_SET -> throw Form.missing("source", "golden_set or queries");
    };
  }

  private static NegativeMining options(MineNegativesRequest message) {
    int negatives = Form.range("negatives", message.getNegatives(), 0, Limits.NEGATIVES_MAX);
    int rangeMax = Form.range("range_max", message.getRangeMax(), 0, Limits.K_MAX);
    rangeMax = rangeMax == 0 ? NegativeMining.RANGE_MAX_DEFAULT : rangeMax;
    boolean random =
        switch (message.getSampling()) {
          case NEGATIVE_SAMPLING_UNSPECIFIED, NEGATIVE_SAMPLING_TOP -> false;
          case NEGATIVE_SAMPLING_RANDOM -> true;
          case UNRECOGNIZED ->
              throw Form.unknownEnum("sampling", message.getSamplingValue(), "TOP or RANDOM");
        };
    return new NegativeMining(
        QueryWire.fieldName(message.getField()),
        Form.range("version", message.getVersion(), 0, Integer.MAX_VALUE),
        negatives == 0 ? NegativeMining.NEGATIVES_DEFAULT : negatives,
        Form.range("range_min", message.getRangeMin(), 0, Limits.K_MAX),
        rangeMax,
        optional(message.hasAbsoluteMargin(), message.getAbsoluteMargin()),
        optional(message.hasRelativeMargin(), message.getRelativeMargin()),
        optional(message.hasMaxScore(), message.getMaxScore()),
        optional(message.hasMinScore(), message.getMinScore()),
        random,
        message.getSeed(),
        FilterWire.filter(message.hasFilter(), message.getFilter()),
        QueryTreeWire.ef(message.getParams(), rangeMax),
        message.getParams().getExact());
  }

  private static OptionalDouble optional(boolean given, double value) {
    return given ? OptionalDouble.of(value) : OptionalDouble.empty();
  }

  private static List<NegativeMining.Query> queries(MineNegativesRequest message) {
    List<MiningQuery> messages = message.getQueries().getQueriesList();
    try {
      Form.known(message.getQueries());
      Limits.checkRange("queries", messages.size(), 1, Limits.MINING_QUERIES_MAX);
    } catch (WhimbrelException e) {
      throw Form.within("queries", e);
    }
    List<NegativeMining.Query> queries = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      try {
        queries.add(query(messages.get(i)));
      } catch (WhimbrelException e) {
        throw Form.within("queries[" + i + "]", e);
      }
    }
    return queries;
  }

  private static NegativeMining.Query query(MiningQuery message) {
    Form.known(message);
    if (!message.hasQuery()) {
      throw Form.missing("query", "a vector or an id");
    }
    List<PointId> positives;
    try {
      positives =
          message.getPositivesCount() == 0 ? List.of() : PointWire.ids(message.getPositivesList());
    } catch (WhimbrelException e) {
      throw Form.within("positives", e);
    }
    try {
      return new NegativeMining.Query(QueryTreeWire.input(message.getQuery()), positives);
    } catch (WhimbrelException e) {
      throw Form.within("query", e);
    }
  }

  public static MineNegativesResponse message(MinedNegatives mined) {
    MineNegativesResponse.Builder out =
        MineNegativesResponse.newBuilder()
            .setServedVersion(mined.servedVersion())
            .setNextFrom(mined.next())
            .setSeq(mined.seq());
    for (MinedNegatives.Mined query : mined.queries()) {
      io.whimbrel.proto.v1.MinedNegatives.Builder message =
          out.addQueriesBuilder().setQuery(query.name()).setTooNear(query.tooNear());
      query.positives().forEach(point -> message.addPositives(scored(point)));
      query.negatives().forEach(point -> message.addNegatives(scored(point)));
    }
    return out.build();
  }

  private static ScoredPoint scored(MinedNegatives.Scored point) {
    return ScoredPoint.newBuilder()
        .setId(PointWire.message(point.id()))
        .setScore(point.score())
        .setRank(point.rank())
        .build();
  }
}
