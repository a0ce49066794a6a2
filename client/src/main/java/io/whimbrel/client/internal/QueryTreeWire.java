package io.whimbrel.client.internal;

import io.whimbrel.client.FacetResult;
import io.whimbrel.client.MinedNegatives;
import io.whimbrel.client.NegativeMining;
import io.whimbrel.client.Prefetch;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryInput;
import io.whimbrel.client.QueryRequest;
import io.whimbrel.client.QueryResult;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.proto.v1.FacetResponse;
import io.whimbrel.proto.v1.FusionQuery;
import io.whimbrel.proto.v1.GroupBy;
import io.whimbrel.proto.v1.HitGroup;
import io.whimbrel.proto.v1.MineNegativesRequest;
import io.whimbrel.proto.v1.MineNegativesResponse;
import io.whimbrel.proto.v1.MiningQueries;
import io.whimbrel.proto.v1.MiningQuery;
import io.whimbrel.proto.v1.MmrQuery;
import io.whimbrel.proto.v1.NearestQuery;
import io.whimbrel.proto.v1.NegativeSampling;
import io.whimbrel.proto.v1.OrderByQuery;
import io.whimbrel.proto.v1.QueryNode;
import io.whimbrel.proto.v1.RecommendQuery;
import io.whimbrel.proto.v1.RecommendStrategy;
import io.whimbrel.proto.v1.RrfFusion;
import io.whimbrel.proto.v1.SampleQuery;
import io.whimbrel.proto.v1.ScoredPoint;
import io.whimbrel.proto.v1.SearchParams;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.proto.v1.TextQuery;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Query trees and what belongs to them to messages, and answers back. */
public final class QueryTreeWire {
  private QueryTreeWire() {}

  public static io.whimbrel.proto.v1.SearchRequest encode(String collection, QueryRequest request) {
    SearchRequest.Routing routing = request.routing();
    io.whimbrel.proto.v1.SearchRequest.Builder message =
        io.whimbrel.proto.v1.SearchRequest.newBuilder()
            .setCollection(collection)
            .setQuery(encode(request.query()))
            .setK(request.k())
            .setWithPayload(PointWire.payloadSelector(request.read().payload()))
            .setWithVectors(PointWire.vectorSelector(request.read().vectors()))
            .setMinSeq(request.read().minSeq())
            .setRoutingKey(routing.key())
            .setRoutingEpoch(routing.epoch())
            .setScoreThresholdVersion(routing.scoreThresholdVersion())
            .setCursor(PointWire.encodeCursor(request.cursor()));
    routing.minCoverage().ifPresent(message::setMinCoverage);
    request.scoreThreshold().ifPresent(message::setScoreThreshold);
    request.filter().map(FilterWire::encode).ifPresent(message::setFilter);
    request
        .groupBy()
        .ifPresent(by ->
            message.setGroupBy(GroupBy.newBuilder().setPath(by.path()).setGroupSize(by.size())));
    if (request.exact() || request.ef().isPresent()) {
      message.setParams(params(request.exact(), request.ef()));
    }
    return message.build();
  }

  private static SearchParams params(boolean exact, OptionalInt ef) {
    return SearchParams.newBuilder().setExact(exact).setEf(ef.orElse(0)).build();
  }

  static QueryNode encode(Query query) {
    QueryNode.Builder message = QueryNode.newBuilder();
    // No switch over types: this is Java 17.
    if (query instanceof Query.Nearest nearest) {
      message.setNearest(encode(nearest));
    } else if (query instanceof Query.Recommend recommend) {
      RecommendQuery.Builder out =
          RecommendQuery.newBuilder()
              .setField(recommend.field())
              .setVersion(recommend.version())
              .setStrategy(
                  switch (recommend.strategy()) {
                    case AVERAGE -> RecommendStrategy.RECOMMEND_STRATEGY_AVERAGE;
                    case BEST_SCORE -> RecommendStrategy.RECOMMEND_STRATEGY_BEST_SCORE;
                  });
      recommend.positives().forEach(input -> out.addPositives(encode(input)));
      recommend.negatives().forEach(input -> out.addNegatives(encode(input)));
      message.setRecommend(out);
    } else if (query instanceof Query.Fusion fusion) {
      message.setFusion(
          FusionQuery.newBuilder()
              .setRrf(
                  RrfFusion.newBuilder()
                      .setRankConstant(fusion.rankConstant())
                      .addAllWeights(fusion.weights())));
    } else if (query instanceof Query.Mmr mmr) {
      message.setMmr(
          MmrQuery.newBuilder()
              .setNearest(encode(mmr.nearest()))
              .setDiversity(mmr.diversity())
              .setCandidates(mmr.candidates()));
    } else if (query instanceof Query.OrderBy order) {
      message.setOrderBy(
          OrderByQuery.newBuilder().setPath(order.path()).setDescending(order.descending()));
    } else if (query instanceof Query.Sample sample) {
      message.setSample(SampleQuery.newBuilder().setSeed(sample.seed()));
    } else if (query instanceof Query.Text text) {
      message.setText(TextQuery.newBuilder().setPath(text.path()).setText(text.text()));
    } else {
      throw new IllegalStateException("a query of kind " + query.getClass());
    }
    query.prefetch().forEach(stage -> message.addPrefetch(encode(stage)));
    return message.build();
  }

  private static NearestQuery encode(Query.Nearest nearest) {
    NearestQuery.Builder message =
        NearestQuery.newBuilder()
            .setField(nearest.field())
            .setVersion(nearest.version())
            .setSearchDims(nearest.searchDims());
    io.whimbrel.proto.v1.QueryInput input = encode(nearest.input());
    if (input.hasId()) {
      message.setId(input.getId());
    } else if (input.hasVector()) {
      message.setVector(input.getVector());
    } else {
      message.setVectors(input.getVectors());
    }
    return message.build();
  }

  private static io.whimbrel.proto.v1.QueryInput encode(QueryInput input) {
    io.whimbrel.proto.v1.QueryInput.Builder message = io.whimbrel.proto.v1.QueryInput.newBuilder();
    if (input instanceof QueryInput.Stored stored) {
      message.setId(ValueWire.encode(stored.id()));
    } else if (input instanceof QueryInput.Given given && given.vectors().size() == 1) {
      message.setVector(PointWire.encode(given.vectors().get(0)));
    } else {
      message.setVectors(PointWire.encode(((QueryInput.Given) input).vectors()));
    }
    return message.build();
  }

  private static io.whimbrel.proto.v1.Prefetch encode(Prefetch stage) {
    io.whimbrel.proto.v1.Prefetch.Builder message =
        io.whimbrel.proto.v1.Prefetch.newBuilder()
            .setQuery(encode(stage.query()))
            .setLimit(stage.limit());
    stage.filter().map(FilterWire::encode).ifPresent(message::setFilter);
    stage.scoreThreshold().ifPresent(message::setScoreThreshold);
    if (stage.exact() || stage.ef().isPresent()) {
      message.setParams(params(stage.exact(), stage.ef()));
    }
    return message.build();
  }

  public static QueryResult decode(SearchResponse message) {
    return new QueryResult(
        decodeHits(message.getHitsList()),
        message.getGroupsList().stream().map(QueryTreeWire::decode).toList(),
        message.getSeq(),
        served(message),
        message.getStagesList().stream()
            .map(stage ->
                new QueryResult.Stage(
                    stage.getPath(),
                    stage.hasPlan()
                        ? Optional.of(QueryWire.decode(stage.getPlan()))
                        : Optional.empty(),
                    stage.getPoints()))
            .toList(),
        PointWire.decodeCursor(message.getNextCursor()),
        message.getWarningsList());
  }

  private static List<QueryResult.Served> served(SearchResponse message) {
    return message.getServedList().stream()
        .map(served ->
            new QueryResult.Served(
                served.getField(),
                served.getVersion(),
                served.getCoverage(),
                served.getRoutingEpoch()))
        .toList();
  }

  private static List<QueryResult.Ranked> decodeHits(List<io.whimbrel.proto.v1.Hit> messages) {
    return messages.stream()
        .map(hit ->
            new QueryResult.Ranked(
                QueryWire.decode(hit),
                hit.hasOrderValue()
                    ? Optional.of(ValueWire.decode(hit.getOrderValue()))
                    : Optional.empty()))
        .toList();
  }

  private static QueryResult.Group decode(HitGroup message) {
    return new QueryResult.Group(
        ValueWire.decode(message.getKey()), decodeHits(message.getHitsList()));
  }

  public static FacetResult decode(FacetResponse message) {
    return new FacetResult(
        message.getValuesList().stream()
            .map(value ->
                new FacetResult.Count(ValueWire.decode(value.getValue()), value.getCount()))
            .toList(),
        message.getDistinct(),
        message.getPoints(),
        message.getSeq());
  }

  public static MineNegativesRequest encode(String collection, NegativeMining mining) {
    MineNegativesRequest.Builder message =
        MineNegativesRequest.newBuilder()
            .setCollection(collection)
            .setField(mining.field())
            .setVersion(mining.version())
            .setNegatives(mining.negatives())
            .setRangeMin(mining.rangeMin())
            .setRangeMax(mining.rangeMax())
            .setSampling(
                mining.random()
                    ? NegativeSampling.NEGATIVE_SAMPLING_RANDOM
                    : NegativeSampling.NEGATIVE_SAMPLING_TOP)
            .setSeed(mining.seed())
            .setFrom(mining.from());
    if (mining.goldenSet().isEmpty()) {
      MiningQueries.Builder queries = MiningQueries.newBuilder();
      mining
          .queries()
          .forEach(query ->
              queries.addQueries(
                  MiningQuery.newBuilder()
                      .setQuery(encode(query.query()))
                      .addAllPositives(ValueWire.encodeIds(query.positives()))));
      message.setQueries(queries);
    } else {
      message.setGoldenSet(mining.goldenSet());
    }
    mining.absoluteMargin().ifPresent(message::setAbsoluteMargin);
    mining.relativeMargin().ifPresent(message::setRelativeMargin);
    mining.maxScore().ifPresent(message::setMaxScore);
    mining.minScore().ifPresent(message::setMinScore);
    mining.filter().map(FilterWire::encode).ifPresent(message::setFilter);
    if (mining.exact()) {
      message.setParams(params(true, OptionalInt.empty()));
    }
    return message.build();
  }

  public static MinedNegatives decode(MineNegativesResponse message) {
    return new MinedNegatives(
        message.getQueriesList().stream()
            .map(query ->
                new MinedNegatives.Mined(
                    query.getQuery(),
                    scored(query.getPositivesList()),
                    scored(query.getNegativesList()),
                    query.getTooNear()))
            .toList(),
        message.getServedVersion(),
        message.getNextFrom(),
        message.getSeq());
  }

  private static List<MinedNegatives.Scored> scored(List<ScoredPoint> messages) {
    return messages.stream()
        .map(point ->
            new MinedNegatives.Scored(
                ValueWire.decode(point.getId()), point.getScore(), point.getRank()))
        .toList();
  }
}
