package io.whimbrel.server.wire;

import com.google.protobuf.ByteString;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MaxSimOptions;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchPlan;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.TokenAlignment;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.Hit;
import io.whimbrel.proto.v1.NearestQuery;
import io.whimbrel.proto.v1.QueryNode;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SearchMethod;
import io.whimbrel.proto.v1.SearchParams;
import io.whimbrel.proto.v1.SearchResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/// Searches and reads of points.
public final class QueryWire {
  /// Searches in one batch.
  public static final int SEARCHES_MAX = 256;

  private static final int SCROLL_POINTS_DEFAULT = 100;

  private QueryWire() {}

  /// A search of one collection.
  ///
  /// @param scoreThresholdVersion the version that the threshold was found with; 0 when not known
  public record Search(String collection, SearchRequest request, int scoreThresholdVersion) {}

  public record Get(String collection, List<PointId> ids, ReadOptions read) {}

  public record Scroll(
      String collection, ByteString cursor, int limit, Filter filter, ReadOptions read) {}

  public record Count(String collection, Filter filter, long minSeq) {}

  public static Search search(io.whimbrel.proto.v1.SearchRequest message) {
    Form.known(message);
    if (message.hasGroupBy()) {
      throw WhimbrelException.unimplemented("group_by", "given", "a search without group_by");
    }
    int k = Form.range("k", message.getK(), 1, Limits.K_MAX);
    int ef = ef(message.getParams(), k);
    if (!message.hasQuery()) {
      throw Form.missing("query", "a query");
    }
    NearestQuery nearest = nearest(message.getQuery());
    List<Vector> vectors = vectors(nearest);
    return new Search(
        Form.collection(message.getCollection()),
        new SearchRequest(
            fieldName(nearest.getField()),
            version(nearest),
            vectors.getFirst(),
            k,
            message.hasScoreThreshold()
                ? OptionalDouble.of(message.getScoreThreshold())
                : OptionalDouble.empty(),
            ef,
            message.getParams().getExact(),
            PointWire.read(
                message.hasWithPayload(),
                message.getWithPayload(),
                message.hasWithVectors(),
                message.getWithVectors(),
                message.getMinSeq()),
            routing(message, vectors),
            FilterWire.filter(message.hasFilter(), message.getFilter()),
            maxSim(message.getParams(), k)),
        Form.range(
            "score_threshold_version", message.getScoreThresholdVersion(), 0, Integer.MAX_VALUE));
  }

  public static List<Search> searches(SearchBatchRequest message) {
    Form.known(message);
    Limits.checkRange("searches", message.getSearchesCount(), 1, SEARCHES_MAX);
    List<Search> searches = new ArrayList<>(message.getSearchesCount());
    for (int i = 0; i < message.getSearchesCount(); i++) {
      try {
        searches.add(search(message.getSearches(i)));
      } catch (WhimbrelException e) {
        throw inBatch(i, e);
      }
    }
    return searches;
  }

  /// The refusal of search number `index` of a batch.
  public static WhimbrelException inBatch(int index, WhimbrelException e) {
    return Form.within("searches[" + index + "]", e);
  }

  /// The query's vector and, in `routing`, its others.
  private static QueryRouting routing(
      io.whimbrel.proto.v1.SearchRequest message, List<Vector> vectors) {
    return new QueryRouting(
        message.getRoutingKey(),
        Form.seq("routing_epoch", message.getRoutingEpoch()),
        vectors.subList(1, vectors.size()),
        message.hasMinCoverage()
            ? OptionalDouble.of(message.getMinCoverage())
            : OptionalDouble.empty());
  }

  private static NearestQuery nearest(QueryNode query) {
    try {
      Form.known(query);
      if (query.getPrefetchCount() > 0) {
        throw WhimbrelException.unimplemented(
            "prefetch", query.getPrefetchCount() + " stages", "no prefetch");
      }
      return switch (query.getVariantCase()) {
        case NEAREST -> query.getNearest();
        case RECOMMEND -> throw WhimbrelException.unimplemented("recommend", "given", "nearest");
        case FUSION -> throw WhimbrelException.unimplemented("fusion", "given", "nearest");
        case VARIANT_NOT_SET -> throw Form.missing("variant", "nearest");
      };
    } catch (WhimbrelException e) {
      throw Form.within("query", e);
    }
  }

  /// At least one vector.
  private static List<Vector> vectors(NearestQuery nearest) {
    try {
      Form.known(nearest);
      return switch (nearest.getInputCase()) {
        case VECTOR -> {
          try {
            yield List.of(VectorWire.vector(nearest.getVector()));
          } catch (WhimbrelException e) {
            throw Form.within("vector", e);
          }
        }
        case ID -> throw WhimbrelException.unimplemented("id", "given", "vector");
        case VECTORS -> VectorWire.vectors("vectors", nearest.getVectors());
        case INPUT_NOT_SET -> throw Form.missing("input", "vector");
      };
    } catch (WhimbrelException e) {
      throw Form.within("query.nearest", e);
    }
  }

  private static int version(NearestQuery nearest) {
    return Form.range("query.nearest.version", nearest.getVersion(), 0, Integer.MAX_VALUE);
  }

  private static int ef(SearchParams params, int k) {
    try {
      Form.known(params);
      int ef = Form.range("ef", params.getEf(), 0, Limits.EF_MAX);
      Limits.checkEf(ef, k);
      return ef;
    } catch (WhimbrelException e) {
      throw Form.within("params", e);
    }
  }

  private static MaxSimOptions maxSim(SearchParams params, int k) {
    try {
      MaxSimOptions options =
          new MaxSimOptions(
              Form.range("shortlist", params.getShortlist(), 0, Limits.SHORTLIST_MAX),
              Form.range("candidates", params.getCandidates(), 0, Limits.SHORTLIST_MAX),
              switch (params.getScoring()) {
                case MAX_SIM_SCORING_UNSPECIFIED, MAX_SIM_SCORING_SUM -> MaxSimOptions.Scoring.SUM;
                case MAX_SIM_SCORING_MEAN -> MaxSimOptions.Scoring.MEAN;
                case UNRECOGNIZED ->
                    throw WhimbrelException.of(
                        ErrorCode.INVALID_ARGUMENT,
                        "scoring",
                        params.getScoringValue(),
                        "SUM or MEAN");
              },
              params.getAlign());
      options.checkAgainst(k);
      return options;
    } catch (WhimbrelException e) {
      throw Form.within("params", e);
    }
  }

  static String fieldName(String name) {
    return name.isEmpty() ? FieldSpec.DEFAULT_NAME : name;
  }

  public static Get get(GetRequest message) {
    Form.known(message);
    return new Get(
        Form.collection(message.getCollection()),
        PointWire.ids(message.getIdsList()),
        PointWire.read(
            message.hasWithPayload(),
            message.getWithPayload(),
            message.hasWithVectors(),
            message.getWithVectors(),
            message.getMinSeq()));
  }

  public static Scroll scroll(ScrollRequest message) {
    Form.known(message);
    int limit = Form.range("limit", message.getLimit(), 0, Limits.SCROLL_POINTS_MAX);
    return new Scroll(
        Form.collection(message.getCollection()),
        message.getCursor(),
        limit == 0 ? SCROLL_POINTS_DEFAULT : limit,
        FilterWire.filter(message.hasFilter(), message.getFilter()),
        PointWire.read(
            message.hasWithPayload(),
            message.getWithPayload(),
            message.hasWithVectors(),
            message.getWithVectors(),
            message.getMinSeq()));
  }

  public static Count count(CountRequest message) {
    Form.known(message);
    return new Count(
        Form.collection(message.getCollection()),
        FilterWire.filter(message.hasFilter(), message.getFilter()),
        Form.seq("min_seq", message.getMinSeq()));
  }

  public static SearchResponse message(Search search, SearchResult result) {
    SearchResponse.Builder out =
        SearchResponse.newBuilder()
            .setSeq(result.seq())
            .setServedVersion(result.servedVersion())
            .setCoverage(result.coverage())
            .setRoutingEpoch(result.epoch())
            .setPlan(message(result.plan()));
    int calibrated = search.scoreThresholdVersion();
    if (search.request().scoreThreshold().isPresent()
        && calibrated != 0
        && calibrated != result.servedVersion()) {
      out.addWarnings(
          "score_threshold: found with version "
              + calibrated
              + ", but version "
              + result.servedVersion()
              + " answered; scores of different versions do not compare");
    }
    for (SearchResult.Hit hit : result.hits()) {
      Hit.Builder message =
          out.addHitsBuilder()
              .setId(PointWire.message(hit.point().id()))
              .setScore(hit.score())
              .setSeq(hit.point().seq());
      hit.point()
          .payload()
          .forEach((name, value) -> message.putPayload(name, ValueWire.message(value)));
      hit.point()
          .vectors()
          .forEach((field, vector) -> message.putVectors(field, VectorWire.message(vector)));
      hit.alignment().map(QueryWire::message).ifPresent(message::setAlignment);
    }
    return out.build();
  }

  private static io.whimbrel.proto.v1.TokenAlignment message(TokenAlignment alignment) {
    io.whimbrel.proto.v1.TokenAlignment.Builder message =
        io.whimbrel.proto.v1.TokenAlignment.newBuilder();
    for (int i = 0; i < alignment.count(); i++) {
      message.addTokens(alignment.token(i)).addScores(alignment.score(i));
    }
    return message.build();
  }

  private static io.whimbrel.proto.v1.SearchPlan message(SearchPlan plan) {
    return io.whimbrel.proto.v1.SearchPlan.newBuilder()
        .setMethod(
            switch (plan.method()) {
              case NOTHING -> SearchMethod.SEARCH_METHOD_NOTHING;
              case SCAN -> SearchMethod.SEARCH_METHOD_SCAN;
              case WALK -> SearchMethod.SEARCH_METHOD_WALK;
              case CASCADE -> SearchMethod.SEARCH_METHOD_CASCADE;
            })
        .setMatches(plan.matches())
        .setPayloadsRead(plan.payloadsRead())
        .build();
  }

  /// A refusal of a search that its caller no longer waits for.
  public static WhimbrelException abandoned(boolean deadlinePassed) {
    return deadlinePassed
        ? WhimbrelException.of(
            ErrorCode.DEADLINE_EXCEEDED, "deadline", "passed", "an answer within the deadline")
        : WhimbrelException.of(
            ErrorCode.CANCELLED, "call", "cancelled", "a caller that waits for the answer");
  }
}
