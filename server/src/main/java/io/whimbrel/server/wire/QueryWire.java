package io.whimbrel.server.wire;

import com.google.protobuf.ByteString;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.GroupBy;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MaxSimOptions;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchPlan;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Slice;
import io.whimbrel.core.model.TokenAlignment;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.Hit;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SearchMethod;
import io.whimbrel.proto.v1.SearchParams;
import io.whimbrel.proto.v1.SearchResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// Searches and reads of points.
public final class QueryWire {
  /// Searches in one batch.
  public static final int SEARCHES_MAX = 256;

  private static final int SCROLL_POINTS_DEFAULT = 100;

  private QueryWire() {}

  /// A search of one collection: of one stage that compares with a vector, or a tree.
  public sealed interface Call {
    String collection();
  }

  /// @param scoreThresholdVersion the version that the threshold was found with; 0 when not known
  public record Search(String collection, SearchRequest request, int scoreThresholdVersion)
      implements Call {}

  /// @param scoreThresholdVersion as of [Search]
  public record Tree(String collection, QueryRequest request, int scoreThresholdVersion)
      implements Call {}

  public record Get(String collection, List<PointId> ids, ReadOptions read) {}

  public record Scroll(
      String collection,
      ByteString cursor,
      int limit,
      Filter filter,
      Slice slice,
      ReadOptions read) {}

  public record Count(String collection, Filter filter, long minSeq) {}

  public static Call search(io.whimbrel.proto.v1.SearchRequest message) {
    Form.known(message);
    int k = Form.range("k", message.getK(), 1, Limits.K_MAX);
    int ef = QueryTreeWire.ef(message.getParams(), k);
    if (!message.hasQuery()) {
      throw Form.missing("query", "a query");
    }
    QueryNode query;
    try {
      query = QueryTreeWire.node(message.getQuery());
    } catch (WhimbrelException e) {
      throw Form.within("query", e);
    }
    String collection = Form.collection(message.getCollection());
    OptionalDouble threshold =
        message.hasScoreThreshold()
            ? OptionalDouble.of(message.getScoreThreshold())
            : OptionalDouble.empty();
    ReadOptions read =
        PointWire.read(
            message.hasWithPayload(),
            message.getWithPayload(),
            message.hasWithVectors(),
            message.getWithVectors(),
            message.getMinSeq());
    Filter filter = FilterWire.filter(message.hasFilter(), message.getFilter());
    int thresholdVersion =
        Form.range(
            "score_threshold_version", message.getScoreThresholdVersion(), 0, Integer.MAX_VALUE);
    boolean exact = message.getParams().getExact();
    if (isPlain(message)
        && query instanceof QueryNode.Nearest nearest
        && nearest.input() instanceof QueryInput.Given(List<Vector> vectors)
        && nearest.searchDims() == 0) {
      return new Search(
          collection,
          new SearchRequest(
              nearest.field(),
              nearest.version(),
              vectors.getFirst(),
              k,
              threshold,
              ef,
              exact,
              read,
              routing(message, vectors.subList(1, vectors.size())),
              filter,
              maxSim(message.getParams(), k)),
          thresholdVersion);
    }
    QueryTreeWire.refuseMaxSim(message.getParams());
    return new Tree(
        collection,
        new QueryRequest(
            query,
            k,
            threshold,
            ef,
            exact,
            read,
            routing(message, List.of()),
            filter,
            groupBy(message),
            new QueryRequest.Cursor(message.getCursor().toByteArray())),
        thresholdVersion);
  }

  private static boolean isPlain(io.whimbrel.proto.v1.SearchRequest message) {
    return !message.hasGroupBy()
        && message.getCursor().isEmpty()
        && message.getQuery().getPrefetchCount() == 0;
  }

  private static Optional<GroupBy> groupBy(io.whimbrel.proto.v1.SearchRequest message) {
    if (!message.hasGroupBy()) {
      return Optional.empty();
    }
    try {
      return Optional.of(QueryTreeWire.groupBy(message.getGroupBy()));
    } catch (WhimbrelException e) {
      throw Form.within("group_by", e);
    }
  }

  public static List<Call> searches(SearchBatchRequest message) {
    Form.known(message);
    Limits.checkRange("searches", message.getSearchesCount(), 1, SEARCHES_MAX);
    List<Call> searches = new ArrayList<>(message.getSearchesCount());
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

  private static QueryRouting routing(
      io.whimbrel.proto.v1.SearchRequest message, List<Vector> others) {
    return new QueryRouting(
        message.getRoutingKey(),
        Form.seq("routing_epoch", message.getRoutingEpoch()),
        others,
        message.hasMinCoverage()
            ? OptionalDouble.of(message.getMinCoverage())
            : OptionalDouble.empty());
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
        message.hasSlice() ? slice(message.getSlice()) : Slice.ALL,
        PointWire.read(
            message.hasWithPayload(),
            message.getWithPayload(),
            message.hasWithVectors(),
            message.getWithVectors(),
            message.getMinSeq()));
  }

  private static Slice slice(io.whimbrel.proto.v1.Slice message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within("slice", e);
    }
    int count = Form.range("slice.count", message.getCount(), 1, Limits.SLICES_MAX);
    return new Slice(Form.range("slice.index", message.getIndex(), 0, count - 1), count);
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
    warn(
        out,
        search.request().scoreThreshold(),
        search.scoreThresholdVersion(),
        result.servedVersion());
    for (SearchResult.Hit hit : result.hits()) {
      Hit.Builder message = hit(hit.point(), hit.score());
      hit.alignment().map(QueryWire::message).ifPresent(message::setAlignment);
      out.addHits(message);
    }
    return out.build();
  }

  public static SearchResponse message(Tree tree, QueryResult result) {
    SearchResponse.Builder out = QueryTreeWire.message(result);
    warn(
        out, tree.request().scoreThreshold(), tree.scoreThresholdVersion(), out.getServedVersion());
    return out.build();
  }

  private static void warn(
      SearchResponse.Builder out, OptionalDouble threshold, int calibrated, int served) {
    if (threshold.isPresent() && calibrated != 0 && calibrated != served) {
      out.addWarnings(
          "score_threshold: found with version "
              + calibrated
              + ", but version "
              + served
              + " answered; scores of different versions do not compare");
    }
  }

  private static io.whimbrel.proto.v1.TokenAlignment message(TokenAlignment alignment) {
    io.whimbrel.proto.v1.TokenAlignment.Builder message =
        io.whimbrel.proto.v1.TokenAlignment.newBuilder();
    for (int i = 0; i < alignment.count(); i++) {
      message.addTokens(alignment.token(i)).addScores(alignment.score(i));
    }
    return message.build();
  }

  static Hit.Builder hit(Point point, double score) {
    Hit.Builder message =
        Hit.newBuilder().setId(PointWire.message(point.id())).setScore(score).setSeq(point.seq());
    point.payload().forEach((name, value) -> message.putPayload(name, ValueWire.message(value)));
    point
        .vectors()
        .forEach((field, vector) -> message.putVectors(field, VectorWire.message(vector)));
    return message;
  }

  static io.whimbrel.proto.v1.SearchPlan message(SearchPlan plan) {
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
