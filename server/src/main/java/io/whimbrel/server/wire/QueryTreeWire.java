package io.whimbrel.server.wire;

import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.GroupBy;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.FusionQuery;
import io.whimbrel.proto.v1.HitGroup;
import io.whimbrel.proto.v1.MmrQuery;
import io.whimbrel.proto.v1.NearestQuery;
import io.whimbrel.proto.v1.OrderByQuery;
import io.whimbrel.proto.v1.RecommendQuery;
import io.whimbrel.proto.v1.RrfFusion;
import io.whimbrel.proto.v1.SampleQuery;
import io.whimbrel.proto.v1.SearchParams;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.proto.v1.ServedField;
import io.whimbrel.proto.v1.StagePlan;
import io.whimbrel.proto.v1.TextQuery;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/// Query trees.
final class QueryTreeWire {
  private QueryTreeWire() {}

  static QueryNode node(io.whimbrel.proto.v1.QueryNode message) {
    return node(message, 1);
  }

  /// The depth is looked at on the way down, so that the path of a refusal stays short.
  private static QueryNode node(io.whimbrel.proto.v1.QueryNode message, int depth) {
    Form.known(message);
    Limits.checkRange("depth", depth, 1, Limits.QUERY_DEPTH_MAX);
    Limits.checkRange("prefetch", message.getPrefetchCount(), 0, Limits.QUERY_NODES_MAX - 1);
    List<Prefetch> prefetch = new ArrayList<>(message.getPrefetchCount());
    for (int i = 0; i < message.getPrefetchCount(); i++) {
      try {
        prefetch.add(prefetch(message.getPrefetch(i), depth + 1));
      } catch (WhimbrelException e) {
        throw Form.within("prefetch[" + i + "]", e);
      }
    }
    return switch (message.getVariantCase()) {
      case NEAREST -> nearest("nearest", message.getNearest(), prefetch);
      case RECOMMEND -> recommend(message.getRecommend(), prefetch);
      case FUSION -> fusion(message.getFusion(), prefetch);
      case TEXT -> text(message.getText(), prefetch);
      case MMR -> mmr(message.getMmr(), prefetch);
      case ORDER_BY -> {
        OrderByQuery order = message.getOrderBy();
        Form.known(order);
        yield new QueryNode.OrderBy(
            FieldPath.parse("order_by.path", order.getPath()), order.getDescending(), prefetch);
      }
      case SAMPLE -> {
        SampleQuery sample = message.getSample();
        Form.known(sample);
        yield new QueryNode.Sample(sample.getSeed(), prefetch);
      }
      case VARIANT_NOT_SET ->
          throw Form.missing(
              "variant", "nearest, recommend, fusion, text, mmr, order_by or sample");
    };
  }

  private static Prefetch prefetch(io.whimbrel.proto.v1.Prefetch message, int depth) {
    Form.known(message);
    if (!message.hasQuery()) {
      throw Form.missing("query", "a query");
    }
    QueryNode query;
    try {
      query = node(message.getQuery(), depth);
    } catch (WhimbrelException e) {
      throw Form.within("query", e);
    }
    refuseMaxSim(message.getParams());
    int limit = Form.range("limit", message.getLimit(), 0, Limits.K_MAX);
    limit = limit == 0 ? Prefetch.LIMIT_DEFAULT : limit;
    return new Prefetch(
        query,
        limit,
        FilterWire.filter(message.hasFilter(), message.getFilter()),
        message.hasScoreThreshold()
            ? OptionalDouble.of(message.getScoreThreshold())
            : OptionalDouble.empty(),
        ef(message.getParams(), limit),
        message.getParams().getExact());
  }

  static int ef(SearchParams params, int k) {
    try {
      Form.known(params);
      int ef = Form.range("ef", params.getEf(), 0, Limits.EF_MAX);
      Limits.checkEf(ef, k);
      return ef;
    } catch (WhimbrelException e) {
      throw Form.within("params", e);
    }
  }

  /// Refuses what only a search of one stage over a field of many vectors a point can do: a stage
  /// over others scores exactly what it is given.
  static void refuseMaxSim(SearchParams params) {
    String expected = "none, except in a query that is nearest to a vector alone";
    if (params.getShortlist() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.shortlist", params.getShortlist(), expected);
    }
    if (params.getCandidates() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.candidates", params.getCandidates(), expected);
    }
    if (params.getScoringValue() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.scoring", params.getScoring(), expected);
    }
    if (params.getAlign()) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "params.align", true, expected);
    }
  }

  private static QueryNode.Nearest nearest(
      String name, NearestQuery message, List<Prefetch> prefetch) {
    QueryInput input;
    try {
      Form.known(message);
      input =
          switch (message.getInputCase()) {
            case VECTOR -> given(message.getVector());
            case ID -> new QueryInput.Stored(PointWire.id(message.getId()));
            case VECTORS ->
                new QueryInput.Given(VectorWire.vectors("vectors", message.getVectors()));
            case INPUT_NOT_SET -> throw Form.missing("input", "vector, vectors or id");
          };
    } catch (WhimbrelException e) {
      throw Form.within(name, e);
    }
    return new QueryNode.Nearest(
        QueryWire.fieldName(message.getField()),
        version(name, message.getVersion()),
        input,
        Form.range(name + ".search_dims", message.getSearchDims(), 0, Limits.DIMENSION_MAX),
        prefetch);
  }

  private static int version(String name, int version) {
    return Form.range(name + ".version", version, 0, Integer.MAX_VALUE);
  }

  private static QueryInput given(io.whimbrel.proto.v1.Vector message) {
    try {
      return QueryInput.Given.of(VectorWire.vector(message));
    } catch (WhimbrelException e) {
      throw Form.within("vector", e);
    }
  }

  static QueryInput input(io.whimbrel.proto.v1.QueryInput message) {
    Form.known(message);
    return switch (message.getInputCase()) {
      case VECTOR -> given(message.getVector());
      case ID -> new QueryInput.Stored(PointWire.id(message.getId()));
      case VECTORS -> new QueryInput.Given(VectorWire.vectors("vectors", message.getVectors()));
      case INPUT_NOT_SET -> throw Form.missing("input", "vector, vectors or id");
    };
  }

  private static List<QueryInput> inputs(
      String name, List<io.whimbrel.proto.v1.QueryInput> messages) {
    Limits.checkRange(name, messages.size(), 0, Limits.EXAMPLES_MAX);
    List<QueryInput> inputs = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      try {
        inputs.add(input(messages.get(i)));
      } catch (WhimbrelException e) {
        throw Form.within(name + "[" + i + "]", e);
      }
    }
    return inputs;
  }

  private static QueryNode recommend(RecommendQuery message, List<Prefetch> prefetch) {
    List<QueryInput> positives;
    List<QueryInput> negatives;
    QueryNode.Strategy strategy;
    try {
      Form.known(message);
      positives = inputs("positives", message.getPositivesList());
      negatives = inputs("negatives", message.getNegativesList());
      strategy =
          switch (message.getStrategy()) {
            case RECOMMEND_STRATEGY_UNSPECIFIED, RECOMMEND_STRATEGY_AVERAGE ->
                QueryNode.Strategy.AVERAGE;
            case RECOMMEND_STRATEGY_BEST_SCORE -> QueryNode.Strategy.BEST_SCORE;
            case UNRECOGNIZED ->
                throw Form.unknownEnum(
                    "strategy", message.getStrategyValue(), "AVERAGE or BEST_SCORE");
          };
    } catch (WhimbrelException e) {
      throw Form.within("recommend", e);
    }
    return new QueryNode.Recommend(
        QueryWire.fieldName(message.getField()),
        version("recommend", message.getVersion()),
        positives,
        negatives,
        strategy,
        prefetch);
  }

  private static QueryNode fusion(FusionQuery message, List<Prefetch> prefetch) {
    try {
      Form.known(message);
      Form.known(message.getRrf());
      if (!message.hasRrf()) {
        throw Form.missing("method", "rrf");
      }
    } catch (WhimbrelException e) {
      throw Form.within("fusion", e);
    }
    RrfFusion rrf = message.getRrf();
    int constant =
        Form.range(
            "fusion.rrf.rank_constant", rrf.getRankConstant(), 0, Limits.FUSION_RANK_CONSTANT_MAX);
    return new QueryNode.Fusion(
        constant == 0 ? QueryNode.Fusion.RANK_CONSTANT_DEFAULT : constant,
        rrf.getWeightsList(),
        prefetch);
  }

  private static QueryNode text(TextQuery message, List<Prefetch> prefetch) {
    Form.known(message);
    return new QueryNode.Text(
        FieldPath.parse("text.path", message.getPath()), message.getText(), prefetch);
  }

  private static QueryNode mmr(MmrQuery message, List<Prefetch> prefetch) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within("mmr", e);
    }
    if (!message.hasNearest()) {
      throw Form.missing("mmr.nearest", "what the points are near to");
    }
    return new QueryNode.Mmr(
        nearest("mmr.nearest", message.getNearest(), prefetch),
        message.getDiversity(),
        Form.range("mmr.candidates", message.getCandidates(), 0, Limits.MMR_CANDIDATES_MAX));
  }

  static GroupBy groupBy(io.whimbrel.proto.v1.GroupBy message) {
    Form.known(message);
    int size = Form.range("group_size", message.getGroupSize(), 0, Limits.GROUP_SIZE_MAX);
    return new GroupBy(FieldPath.parse("path", message.getPath()), Math.max(1, size));
  }

  static SearchResponse.Builder message(QueryResult result) {
    SearchResponse.Builder out =
        SearchResponse.newBuilder()
            .setSeq(result.seq())
            .setNextCursor(UnsafeByteOperations.unsafeWrap(result.next().bytes()))
            .addAllWarnings(result.warnings());
    result.hits().forEach(hit -> out.addHits(hit(hit)));
    for (QueryResult.Group group : result.groups()) {
      HitGroup.Builder message = out.addGroupsBuilder().setKey(ValueWire.message(group.key()));
      group.hits().forEach(hit -> message.addHits(hit(hit)));
    }
    for (QueryResult.Served served : result.served()) {
      out.addServed(
          ServedField.newBuilder()
              .setField(served.field())
              .setVersion(served.version())
              .setCoverage(served.coverage())
              .setRoutingEpoch(served.epoch()));
    }
    if (!result.served().isEmpty()) {
      QueryResult.Served first = result.served().getFirst();
      out.setServedVersion(first.version())
          .setRoutingEpoch(first.epoch())
          .setCoverage(
              result.served().stream()
                  .mapToDouble(QueryResult.Served::coverage)
                  .min()
                  .orElseThrow());
    }
    for (QueryResult.Stage stage : result.stages()) {
      StagePlan.Builder message =
          out.addStagesBuilder().setPath(stage.path()).setPoints(stage.points());
      stage.plan().ifPresent(plan -> message.setPlan(QueryWire.message(plan)));
    }
    return out;
  }

  private static io.whimbrel.proto.v1.Hit hit(QueryResult.Hit hit) {
    io.whimbrel.proto.v1.Hit.Builder message = QueryWire.hit(hit.point(), hit.score());
    hit.orderValue().ifPresent(value -> message.setOrderValue(ValueWire.message(value)));
    return message.build();
  }
}
