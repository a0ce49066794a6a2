package io.whimbrel.client.internal;

import io.whimbrel.client.Hit;
import io.whimbrel.client.MaxSimOptions;
import io.whimbrel.client.SearchPlan;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.TokenMatch;
import io.whimbrel.proto.v1.MaxSimScoring;
import io.whimbrel.proto.v1.NearestQuery;
import io.whimbrel.proto.v1.QueryNode;
import io.whimbrel.proto.v1.SearchParams;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.proto.v1.TokenAlignment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Searches to messages and answers back. */
public final class QueryWire {
  private QueryWire() {}

  public static io.whimbrel.proto.v1.SearchRequest encode(
      String collection, SearchRequest request) {
    SearchRequest.Routing routing = request.routing();
    NearestQuery.Builder nearest =
        NearestQuery.newBuilder().setField(request.field()).setVersion(request.version());
    if (routing.alternatives().isEmpty()) {
      nearest.setVector(PointWire.encode(request.vector()));
    } else {
      nearest.setVectors(
          PointWire.encode(routing.alternatives()).toBuilder()
              .addVectors(PointWire.encode(request.vector())));
    }
    io.whimbrel.proto.v1.SearchRequest.Builder message =
        io.whimbrel.proto.v1.SearchRequest.newBuilder()
            .setCollection(collection)
            .setQuery(QueryNode.newBuilder().setNearest(nearest))
            .setK(request.k())
            .setWithPayload(PointWire.payloadSelector(request.read().payload()))
            .setWithVectors(PointWire.vectorSelector(request.read().vectors()))
            .setMinSeq(request.read().minSeq())
            .setRoutingKey(routing.key())
            .setRoutingEpoch(routing.epoch())
            .setScoreThresholdVersion(routing.scoreThresholdVersion());
    routing.minCoverage().ifPresent(message::setMinCoverage);
    request.scoreThreshold().ifPresent(message::setScoreThreshold);
    request.filter().map(FilterWire::encode).ifPresent(message::setFilter);
    SearchParams params = params(request);
    if (!params.equals(SearchParams.getDefaultInstance())) {
      message.setParams(params);
    }
    return message.build();
  }

  private static SearchParams params(SearchRequest request) {
    MaxSimOptions maxSim = request.maxSim();
    return SearchParams.newBuilder()
        .setExact(request.exact())
        .setEf(request.ef().orElse(0))
        .setShortlist(maxSim.shortlist().orElse(0))
        .setCandidates(maxSim.candidates().orElse(0))
        .setScoring(
            switch (maxSim.scoring()) {
              case SUM -> MaxSimScoring.MAX_SIM_SCORING_UNSPECIFIED;
              case MEAN -> MaxSimScoring.MAX_SIM_SCORING_MEAN;
            })
        .setAlign(maxSim.align())
        .build();
  }

  public static SearchResult decode(SearchResponse message) {
    return new SearchResult(
        message.getHitsList().stream().map(QueryWire::decode).toList(),
        message.getSeq(),
        message.getServedVersion(),
        message.getCoverage(),
        message.getRoutingEpoch(),
        message.getWarningsList(),
        message.hasPlan() ? Optional.of(decode(message.getPlan())) : Optional.empty());
  }

  static SearchPlan decode(io.whimbrel.proto.v1.SearchPlan message) {
    return new SearchPlan(
        switch (message.getMethod()) {
          case SEARCH_METHOD_NOTHING -> SearchPlan.Method.NOTHING;
          case SEARCH_METHOD_SCAN -> SearchPlan.Method.SCAN;
          case SEARCH_METHOD_WALK -> SearchPlan.Method.WALK;
          case SEARCH_METHOD_CASCADE -> SearchPlan.Method.CASCADE;
          case SEARCH_METHOD_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("plan.method", message.getMethodValue());
        },
        message.getMatches(),
        message.getPayloadsRead());
  }

  static Hit decode(io.whimbrel.proto.v1.Hit message) {
    return new Hit(
        ValueWire.decode(message.getId()),
        message.getScore(),
        ValueWire.decodeFields(message.getPayloadMap()),
        PointWire.decodeVectors(message.getVectorsMap()),
        message.getSeq(),
        decode(message.getAlignment()));
  }

  private static List<TokenMatch> decode(TokenAlignment message) {
    List<TokenMatch> matches = new ArrayList<>(message.getTokensCount());
    for (int i = 0; i < message.getTokensCount(); i++) {
      matches.add(new TokenMatch(i, message.getTokens(i), message.getScores(i)));
    }
    return matches;
  }
}
