package io.whimbrel.server;

import static io.whimbrel.server.RunningServer.createRequest;
import static io.whimbrel.server.RunningServer.id;
import static io.whimbrel.server.RunningServer.point;
import static io.whimbrel.server.RunningServer.search;
import static io.whimbrel.server.RunningServer.spec;
import static io.whimbrel.server.RunningServer.upsert;
import static io.whimbrel.server.RunningServer.vector;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.whimbrel.proto.v1.*;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every bad request is answered with its reason, field, value and expectation, and changes
/// nothing.
class BadInputIT {
  private static final String PREFETCH = "prefetch[0].query.";

  private static final Vector GOOD = vector(1, 2, 3);
  private static final Point GOOD_POINT = point("good", GOOD);
  private static final String BAD_VECTOR = "points[1].vectors.default";

  @TempDir static Path data;
  private static RunningServer server;

  /// @param texts value and expectation, as the message has them
  record Row(
      String name,
      Consumer<RunningServer> call,
      Status.Code code,
      String reason,
      String field,
      List<String> texts) {
    @Override
    public String toString() {
      return name;
    }
  }

  @BeforeAll
  static void start() throws Exception {
    server = new RunningServer(data, java.util.Map.of());
    server.create("cosine", Metric.METRIC_COSINE);
    server.create("dot", Metric.METRIC_DOT);
    var _ = server.points.upsert(upsert("cosine", point("a", GOOD), point("b", vector(0, 1, 0))));
    var _ = server.points.upsert(upsert("dot", point("a", GOOD)));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest
  @MethodSource({
    "badVectors",
    "badPoints",
    "badSearches",
    "badQueries",
    "badCollections",
    "badOptions",
    "badFilters"
  })
  void isRefusedAndChangesNothing(Row row) throws Exception {
    assertRefused(row);
  }

  @ParameterizedTest
  @MethodSource("notYet")
  void whatTheServerDoesNotDoYetIsSaidAndNotIgnored(Row row) throws Exception {
    assertThat(row.code()).isEqualTo(Status.Code.UNIMPLEMENTED);
    assertRefused(row);
  }

  private static void assertRefused(Row row) throws Exception {
    List<Object> before = contents();

    StatusRuntimeException e =
        catchThrowableOfType(StatusRuntimeException.class, () -> row.call().accept(server));

    assertThat(e).as("accepted").isNotNull();
    assertThat(e.getStatus().getCode()).as("%s", e.getMessage()).isEqualTo(row.code());
    ErrorInfo info = RunningServer.errorInfo(e);
    assertThat(info.getReason()).isEqualTo(row.reason());
    assertThat(info.getDomain()).isEqualTo("whimbrel");
    assertThat(info.getMetadataMap()).containsEntry("field", row.field());
    assertThat(e.getStatus().getDescription())
        .startsWith(row.field() + ": ")
        .contains("(expected: ")
        .contains(row.texts());
    assertThat(contents()).isEqualTo(before);
  }

  /// Everything that is stored, and the sequence number of the last write.
  private static List<Object> contents() {
    return List.of(
        server.collections.list(ListCollectionsRequest.getDefaultInstance()).getCollectionsList(),
        all("cosine"),
        all("dot"),
        server.points.count(CountRequest.newBuilder().setCollection("cosine").build()));
  }

  private static ScrollResponse all(String collection) {
    return server.points.scroll(
        ScrollRequest.newBuilder()
            .setCollection(collection)
            .setWithVectors(VectorSelector.newBuilder().setAll(true))
            .build());
  }

  @Test
  void aMessageOverTheLimitIsRefusedBeforeItIsRead() {
    List<Object> before = contents();
    Point big =
        GOOD_POINT.toBuilder()
            .putPayload("big", Value.newBuilder().setStringValue("x".repeat(17 << 20)).build())
            .build();

    StatusRuntimeException e =
        catchThrowableOfType(
            StatusRuntimeException.class, () -> server.points.upsert(upsert("dot", big)));

    // gRPC itself refuses it by the length in its header, hence without details of ours.
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(e.getStatus().getDescription()).contains(String.valueOf(16 << 20));
    assertThat(contents()).isEqualTo(before);
  }

  static Stream<Row> badVectors() {
    Vector floats = Vector.newBuilder().addFloats(1).addFloats(2).addFloats(3).build();
    return Stream.of(
        badVector("dimension", vector(1, 2), "DIMENSION_MISMATCH", " dimension", "2", "3"),
        badVector("NaN", vector(1, Float.NaN, 3), "NOT_FINITE", "[1]", "NaN", "finite"),
        badVector(
            "infinite",
            vector(1, 2, Float.NEGATIVE_INFINITY),
            "NOT_FINITE",
            "[2]",
            "-Infinity",
            "finite"),
        badVector("zero under cosine", vector(0, 0, 0), "ZERO_VECTOR", "", "zero", "direction"),
        badVector(
            "wrong space",
            GOOD.toBuilder().setSpaceId("feedbeef").build(),
            "SPACE_MISMATCH",
            ".space_id",
            "feedbeef",
            "test/tiny@1"),
        badVector(
            "packed and floats",
            GOOD.toBuilder().addFloats(1).build(),
            "INVALID_ARGUMENT",
            ".packed",
            "together",
            "exactly one"),
        badVector(
            "no values",
            Vector.getDefaultInstance(),
            "INVALID_ARGUMENT",
            ".packed",
            "not given",
            "exactly one"),
        badVector(
            "cut bytes",
            Vector.newBuilder().setPacked(ByteString.copyFrom(new byte[13])).build(),
            "INVALID_ARGUMENT",
            ".packed",
            "13 bytes",
            "a multiple of 4"),
        badVector(
            "rows that do not divide",
            floats.toBuilder().setRows(2).build(),
            "INVALID_ARGUMENT",
            ".rows",
            "2 for 3 values",
            "equal length"),
        badVector(
            "more rows than the field takes",
            vector(1, 2, 3, 4, 5, 6).toBuilder().setRows(2).build(),
            "INVALID_ARGUMENT",
            ".rows",
            "2",
            "one vector a point"),
        badVector(
            "rows beyond int",
            floats.toBuilder().setRows(-1).build(),
            "INVALID_ARGUMENT",
            ".rows",
            "4294967295",
            "equal length"));
  }

  private static Row badVector(
      String name, Vector vector, String reason, String fieldEnd, String... texts) {
    // The point before it is good: one bad point refuses the batch.
    return row(
        name,
        s -> s.points.upsert(upsert("cosine", GOOD_POINT, point("bad", vector))),
        reason,
        BAD_VECTOR + fieldEnd,
        texts);
  }

  static Stream<Row> badPoints() {
    return Stream.of(
        row(
            "unknown field",
            s ->
                s.points.upsert(
                    upsert("dot", GOOD_POINT.toBuilder().putVectors("title", GOOD).build())),
            "UNKNOWN_FIELD",
            "points[0].vectors",
            "title",
            "default"),
        row(
            "duplicate ids",
            s -> s.points.upsert(upsert("dot", GOOD_POINT, point("x", GOOD), GOOD_POINT)),
            "DUPLICATE_ID",
            "points[2].id",
            "\"good\"",
            "once"),
        row(
            "id too long",
            s -> s.points.upsert(upsert("dot", GOOD_POINT, point("i".repeat(513), GOOD))),
            "INVALID_ID",
            "points[1].id",
            "513 bytes",
            "1 to 512"),
        row(
            "empty id",
            s -> s.points.upsert(upsert("dot", GOOD_POINT, point("", GOOD))),
            "INVALID_ID",
            "points[1].id",
            "\"\"",
            "1 to 512"),
        row(
            "no id",
            s ->
                s.points.upsert(
                    upsert("dot", GOOD_POINT, GOOD_POINT.toBuilder().clearId().build())),
            "INVALID_ID",
            "points[1].id",
            "not given",
            "text"),
        row(
            "id too long in delete",
            s ->
                s.points.delete(
                    DeleteRequest.newBuilder()
                        .setCollection("dot")
                        .addIds(id("a"))
                        .addIds(id("i".repeat(513)))
                        .build()),
            "INVALID_ID",
            "ids[1]",
            "513 bytes",
            "1 to 512"),
        row(
            "seq in a write",
            s -> s.points.upsert(upsert("dot", GOOD_POINT.toBuilder().setSeq(3).build())),
            "INVALID_ARGUMENT",
            "points[0].seq",
            "3",
            "if_seq"),
        row(
            "value without a kind",
            s ->
                s.points.upsert(
                    upsert(
                        "dot",
                        GOOD_POINT.toBuilder()
                            .putPayload("p", Value.getDefaultInstance())
                            .build())),
            "INVALID_ARGUMENT",
            "points[0].payload.p.kind",
            "not given",
            "null_value"),
        row(
            "no points",
            s -> s.points.upsert(upsert("dot")),
            "INVALID_ARGUMENT",
            "points",
            "0",
            "1 to 10000"),
        coded(
            Status.Code.ABORTED,
            row(
                "if_seq not met",
                s ->
                    s.points.upsert(
                        upsert(
                            "dot",
                            point("n", GOOD),
                            point("a", GOOD).toBuilder().setIfSeq(0).build())),
                "SEQ_MISMATCH",
                "points[1].if_seq",
                "0")),
        coded(
            Status.Code.NOT_FOUND,
            row(
                "payload of a missing point",
                s ->
                    s.points.updatePayload(
                        UpdatePayloadRequest.newBuilder()
                            .setCollection("dot")
                            .addIds(id("a"))
                            .addIds(id("absent"))
                            .setClear(true)
                            .build()),
                "POINT_NOT_FOUND",
                "ids[1]",
                "\"absent\"")));
  }

  static Stream<Row> badSearches() {
    return Stream.of(
        row(
            "k = 0",
            s -> s.query.search(search("dot", 0, GOOD)),
            "INVALID_ARGUMENT",
            "k",
            "0",
            "1 to 10000"),
        row(
            "k too big",
            s -> s.query.search(search("dot", 10_001, GOOD)),
            "LIMIT_EXCEEDED",
            "k",
            "10001",
            "1 to 10000"),
        row(
            "k beyond int",
            s -> s.query.search(search("dot", -1, GOOD)),
            "LIMIT_EXCEEDED",
            "k",
            "4294967295",
            "1 to 10000"),
        badEf("ef below k", 10, 9, "INVALID_ARGUMENT", "at least k, which is 10"),
        badEf("ef too big", 10, 10_001, "LIMIT_EXCEEDED", "0 to 10000"),
        badEf("ef beyond int", 10, -1, "LIMIT_EXCEEDED", "0 to 10000"),
        row(
            "dimension of a query",
            s -> s.query.search(search("dot", 1, vector(1, 2, 3, 4))),
            "DIMENSION_MISMATCH",
            "query.nearest.vector dimension",
            "4",
            "3"),
        row(
            "space of a query",
            s -> s.query.search(search("dot", 1, GOOD.toBuilder().setSpaceId("feedbeef").build())),
            "SPACE_MISMATCH",
            "query.nearest.vector.space_id",
            "feedbeef",
            "test/tiny@1"),
        row(
            "no query",
            s -> s.query.search(search("dot", 1, GOOD).toBuilder().clearQuery().build()),
            "INVALID_ARGUMENT",
            "query",
            "not given",
            "a query"),
        row(
            "score threshold NaN",
            s ->
                s.query.search(
                    search("dot", 1, GOOD).toBuilder().setScoreThreshold(Double.NaN).build()),
            "INVALID_ARGUMENT",
            "score_threshold",
            "NaN",
            "a number"),
        row(
            "one bad search in a batch",
            s ->
                s.query.searchBatch(
                    SearchBatchRequest.newBuilder()
                        .addSearches(search("dot", 1, GOOD))
                        .addSearches(search("dot", 0, GOOD))
                        .build()),
            "INVALID_ARGUMENT",
            "searches[1].k",
            "0",
            "1 to 10000"),
        coded(
            Status.Code.NOT_FOUND,
            row(
                "one search of an unknown collection in a batch",
                s ->
                    s.query.searchBatch(
                        SearchBatchRequest.newBuilder()
                            .addSearches(search("dot", 1, GOOD))
                            .addSearches(search("absent", 1, GOOD))
                            .build()),
                "COLLECTION_NOT_FOUND",
                "searches[1].collection",
                "\"absent\"",
                "existing")));
  }

  static Stream<Row> badCollections() {
    return Stream.of(
        coded(
            Status.Code.NOT_FOUND,
            row(
                "write to an unknown collection",
                s -> s.points.upsert(upsert("absent", GOOD_POINT)),
                "COLLECTION_NOT_FOUND",
                "collection",
                "\"absent\"",
                "existing")),
        coded(
            Status.Code.NOT_FOUND,
            row(
                "search of an unknown collection",
                s -> s.query.search(search("../dot", 1, GOOD)),
                "COLLECTION_NOT_FOUND",
                "collection",
                "\"../dot\"",
                "existing")),
        row(
            "no collection",
            s -> s.points.upsert(upsert("", GOOD_POINT)),
            "INVALID_ARGUMENT",
            "collection",
            "not given",
            "name"),
        row(
            "name with path characters",
            s -> s.collections.create(createRequest("../x", spec(Metric.METRIC_DOT))),
            "INVALID_NAME",
            "spec.name",
            "\"../x\"",
            "[a-z0-9]"),
        coded(
            Status.Code.ALREADY_EXISTS,
            row(
                "name in use",
                s -> s.collections.create(createRequest("dot", spec(Metric.METRIC_L2))),
                "COLLECTION_EXISTS",
                "name",
                "\"dot\"",
                "free")),
        badSpec("no metric", b -> b.clearMetric(), "INVALID_ARGUMENT", "metric", "not given"),
        badSpec("metric 99", b -> b.setMetricValue(99), "INVALID_ARGUMENT", "metric", "99"),
        badSpec("no dimension", b -> b.clearDimension(), "INVALID_ARGUMENT", "dimension", "0"),
        badSpec("dimension", b -> b.setDimension(65_537), "LIMIT_EXCEEDED", "dimension", "65537"),
        badHnsw("m 1", b -> b.setM(1), "INVALID_ARGUMENT", "m", "1", "2 to 128"),
        badHnsw("m 129", b -> b.setM(129), "LIMIT_EXCEEDED", "m", "129", "2 to 128"),
        badHnsw("m -1", b -> b.setM(-1), "LIMIT_EXCEEDED", "m", "4294967295", "2 to 128"),
        badHnsw(
            "ef_construction 3",
            b -> b.setEfConstruction(3),
            "INVALID_ARGUMENT",
            "ef_construction",
            "3",
            "4 to 10000"),
        badHnsw(
            "ef_construction 10001",
            b -> b.setEfConstruction(10_001),
            "LIMIT_EXCEEDED",
            "ef_construction",
            "10001",
            "4 to 10000"),
        badSpec(
            "many vectors a point, flat index",
            b -> b.setCardinality(Cardinality.CARDINALITY_MULTI),
            "INVALID_ARGUMENT",
            "index",
            "Flat",
            "MultiVector, for cardinality MULTI"),
        badSpec(
            "one vector a point, multi-vector index",
            b ->
                b.setIndex(
                    IndexSpec.newBuilder().setMultiVector(MultiVectorIndexSpec.newBuilder())),
            "INVALID_ARGUMENT",
            "index",
            "MultiVector",
            "Flat or Hnsw, for cardinality SINGLE"),
        badSpec("space_id given", b -> b.setSpaceId("s"), "INVALID_ARGUMENT", "space_id", "\"s\""));
  }

  static Stream<Row> badOptions() {
    return Stream.of(
        row(
            "request id too long",
            s ->
                s.points.upsert(
                    upsert("dot", GOOD_POINT).toBuilder()
                        .setOptions(WriteOptions.newBuilder().setRequestId("r".repeat(129)))
                        .build()),
            "LIMIT_EXCEEDED",
            "options.request_id",
            "129",
            "0 to 128"),
        row(
            "foreign cursor",
            s ->
                s.points.scroll(
                    ScrollRequest.newBuilder()
                        .setCollection("dot")
                        .setCursor(ByteString.copyFromUtf8("nonsense"))
                        .build()),
            "INVALID_CURSOR",
            "cursor",
            "8 bytes",
            "next_cursor"),
        row(
            "page too big",
            s ->
                s.points.scroll(
                    ScrollRequest.newBuilder().setCollection("dot").setLimit(10_001).build()),
            "LIMIT_EXCEEDED",
            "limit",
            "10001",
            "0 to 10000"),
        row(
            "min_seq beyond any",
            s ->
                s.points.count(
                    CountRequest.newBuilder().setCollection("dot").setMinSeq(-1).build()),
            "INVALID_ARGUMENT",
            "min_seq",
            "18446744073709551615",
            "sequence number"));
  }

  static Stream<Row> badFilters() {
    Filter exists = exists("p");
    Filter deep = exists;
    for (int i = 0; i < 16; i++) {
      deep = Filter.newBuilder().setNot(deep).build();
    }
    FilterList.Builder wide = FilterList.newBuilder();
    for (int i = 0; i < 1024; i++) {
      wide.addFilters(exists);
    }
    MatchCondition.Builder many = MatchCondition.newBuilder().setPath("p");
    for (int i = 0; i <= 10_000; i++) {
      many.addAnyOf(Value.newBuilder().setIntValue(i));
    }
    Value one = Value.newBuilder().setIntValue(1).build();
    Value two = Value.newBuilder().setIntValue(2).build();
    RangeCondition.Builder range = RangeCondition.newBuilder().setPath("p");
    return Stream.of(
        filter("no node", Filter.newBuilder(), "INVALID_ARGUMENT", "filter.node", "not given"),
        filter("too deep", deep.toBuilder(), "LIMIT_EXCEEDED", "filter depth", "17", "1 to 16"),
        filter(
            "too wide", Filter.newBuilder().setAnd(wide), "LIMIT_EXCEEDED", "filter nodes", "1025"),
        filter(
            "too many values",
            Filter.newBuilder().setMatch(many),
            "LIMIT_EXCEEDED",
            "filter.match.any_of",
            "10001"),
        filter(
            "empty and",
            Filter.newBuilder().setAnd(FilterList.newBuilder()),
            "INVALID_ARGUMENT",
            "filter.and.filters",
            "0"),
        filter(
            "malformed path",
            exists("a..b").toBuilder(),
            "INVALID_ARGUMENT",
            "filter.exists.path",
            "a..b",
            "character 2"),
        filter(
            "no path",
            exists("").toBuilder(),
            "INVALID_ARGUMENT",
            "filter.exists.path length",
            "0"),
        filter(
            "upside down",
            Filter.newBuilder().setRange(range.clone().setGreaterThan(two).setLessThan(one)),
            "INVALID_ARGUMENT",
            "filter.range",
            "lower bound 2"),
        filter(
            "no bound",
            Filter.newBuilder().setRange(range.clone()),
            "INVALID_ARGUMENT",
            "filter.range",
            "no bound"),
        filter(
            "two lower bounds",
            Filter.newBuilder().setRange(range.clone().setGreaterThan(one).setGreaterOrEqual(one)),
            "INVALID_ARGUMENT",
            "filter.range",
            "one bound"),
        filter(
            "bounds of two types",
            Filter.newBuilder()
                .setRange(
                    range
                        .clone()
                        .setGreaterThan(one)
                        .setLessThan(Value.newBuilder().setStringValue("z"))),
            "TYPE_MISMATCH",
            "filter.range",
            "INT64 and KEYWORD"),
        filter(
            "match with null",
            Filter.newBuilder()
                .setMatch(
                    MatchCondition.newBuilder()
                        .setPath("p")
                        .addAnyOf(Value.newBuilder().setNullValue(NullValue.NULL_VALUE_NULL))),
            "TYPE_MISMATCH",
            "filter.match.any_of",
            "null"),
        filter(
            "unknown vector field",
            Filter.newBuilder().setHasVector(HasVectorCondition.newBuilder().setField("gone")),
            "UNKNOWN_FIELD",
            "filter.has_vector.field",
            "gone"),
        filter(
            "at least three of one",
            Filter.newBuilder().setAtLeast(AtLeast.newBuilder().setCount(3).addFilters(exists)),
            "LIMIT_EXCEEDED",
            "filter.at_least.count",
            "3"),
        row(
            "ids and filter",
            s ->
                s.points.delete(
                    DeleteRequest.newBuilder()
                        .setCollection("dot")
                        .addIds(id("a"))
                        .setFilter(exists)
                        .build()),
            "INVALID_ARGUMENT",
            "ids",
            "either ids or a filter"),
        row(
            "request id with a filter",
            s ->
                s.points.delete(
                    DeleteRequest.newBuilder()
                        .setCollection("dot")
                        .setOptions(WriteOptions.newBuilder().setRequestId("r"))
                        .setFilter(exists)
                        .build()),
            "INVALID_ARGUMENT",
            "options.request_id",
            "safe to repeat"),
        row(
            "dry run with ids",
            s ->
                s.points.delete(
                    DeleteRequest.newBuilder()
                        .setCollection("dot")
                        .addIds(id("a"))
                        .setDryRun(true)
                        .build()),
            "INVALID_ARGUMENT",
            "dry_run",
            "only with a filter"),
        row(
            "index without a type",
            s ->
                s.collections.addIndex(
                    AddIndexRequest.newBuilder()
                        .setCollection("dot")
                        .setIndex(PayloadIndexSpec.newBuilder().setPath("p"))
                        .build()),
            "INVALID_ARGUMENT",
            "index.type",
            "not given"));
  }

  private static Filter exists(String path) {
    return Filter.newBuilder().setExists(ExistsCondition.newBuilder().setPath(path)).build();
  }

  private static Row filter(
      String name, Filter.Builder filter, String reason, String field, String... said) {
    Filter built = filter.build();
    return row(
        "filter " + name,
        s ->
            s.points.count(CountRequest.newBuilder().setCollection("dot").setFilter(built).build()),
        reason,
        field,
        said);
  }

  static Stream<Row> notYet() {
    return Stream.of(
            badSpec(
                "provider", b -> b.setOrigin(Origin.ORIGIN_PROVIDER), "UNIMPLEMENTED", "origin"),
            badSpec("derived", b -> b.setOrigin(Origin.ORIGIN_DERIVED), "UNIMPLEMENTED", "origin"))
        .map(BadInputIT::notSupported);
  }

  private static Row notSupported(Row row) {
    return new Row(
        row.name(),
        row.call(),
        Status.Code.UNIMPLEMENTED,
        row.reason(),
        row.field(),
        List.of("not supported by this version"));
  }

  private static Row query(
      String name, QueryNode.Builder node, String reason, String field, String... said) {
    SearchRequest search = search("dot", 4, GOOD).toBuilder().setQuery(node).build();
    return row(name, s -> s.query.search(search), reason, "query." + field, said);
  }

  static Stream<Row> badQueries() {
    QueryNode good = search("dot", 1, GOOD).getQuery();
    Prefetch stage = Prefetch.newBuilder().setQuery(good).setLimit(10).build();
    QueryNode.Builder deep = good.toBuilder();
    for (int i = 0; i < 8; i++) {
      deep =
          QueryNode.newBuilder()
              .setFusion(FusionQuery.newBuilder().setRrf(RrfFusion.newBuilder()))
              .addPrefetch(Prefetch.newBuilder().setQuery(deep).setLimit(10));
    }
    QueryNode.Builder fusion =
        QueryNode.newBuilder().setFusion(FusionQuery.newBuilder().setRrf(RrfFusion.newBuilder()));
    SearchRequest search = search("dot", 4, GOOD);
    return Stream.of(
        query("no variant", QueryNode.newBuilder(), "INVALID_ARGUMENT", "variant", "nearest"),
        coded(
            Status.Code.NOT_FOUND,
            query(
                "no such point",
                QueryNode.newBuilder().setNearest(NearestQuery.newBuilder().setId(id("gone"))),
                "POINT_NOT_FOUND",
                "nearest.id",
                "gone")),
        coded(
            Status.Code.NOT_FOUND,
            query(
                "text without an index",
                QueryNode.newBuilder()
                    .setText(TextQuery.newBuilder().setPath("p").setText("waders")),
                "UNKNOWN_INDEX",
                "text.path",
                "text index")),
        query("too deep", deep, "LIMIT_EXCEEDED", PREFETCH.repeat(8) + "depth", "9", "8"),
        query(
            "prefetch without query",
            fusion.clone().addPrefetch(Prefetch.newBuilder()),
            "INVALID_ARGUMENT",
            "prefetch[0].query",
            "not given"),
        query(
            "prefetch of a limit below what is asked",
            fusion.clone().addPrefetch(stage.toBuilder().setLimit(3)),
            "INVALID_ARGUMENT",
            "prefetch",
            "limits of 3",
            "at least the 4"),
        query(
            "a stage of another dimension",
            fusion
                .clone()
                .addPrefetch(stage)
                .addPrefetch(stage.toBuilder().setQuery(search("dot", 1, vector(1, 2)).getQuery())),
            "DIMENSION_MISMATCH",
            "prefetch[1].query.nearest.vector dimension",
            "2",
            "3"),
        query("fusion of nothing", fusion.clone(), "INVALID_ARGUMENT", "prefetch", "none"),
        query(
            "fusion without method",
            QueryNode.newBuilder().setFusion(FusionQuery.newBuilder()).addPrefetch(stage),
            "INVALID_ARGUMENT",
            "fusion.method",
            "not given"),
        query(
            "two weights for one stage",
            QueryNode.newBuilder()
                .setFusion(
                    FusionQuery.newBuilder()
                        .setRrf(RrfFusion.newBuilder().addWeights(1).addWeights(1)))
                .addPrefetch(stage),
            "INVALID_ARGUMENT",
            "fusion.rrf.weights",
            "2"),
        query(
            "no positive",
            QueryNode.newBuilder().setRecommend(RecommendQuery.newBuilder()),
            "INVALID_ARGUMENT",
            "recommend.positives",
            "0"),
        query(
            "diversity",
            QueryNode.newBuilder()
                .setMmr(MmrQuery.newBuilder().setNearest(good.getNearest()).setDiversity(2)),
            "INVALID_ARGUMENT",
            "mmr.diversity",
            "2.0"),
        query(
            "order by a malformed path",
            QueryNode.newBuilder().setOrderBy(OrderByQuery.newBuilder().setPath("a..b")),
            "INVALID_ARGUMENT",
            "order_by.path",
            "a..b"),
        row(
            "cursor without order_by",
            s -> s.query.search(search.toBuilder().setCursor(ByteString.copyFromUtf8("x")).build()),
            "INVALID_ARGUMENT",
            "cursor",
            "1 bytes"),
        row(
            "foreign cursor",
            s ->
                s.query.search(
                    search.toBuilder()
                        .setQuery(
                            QueryNode.newBuilder()
                                .setOrderBy(OrderByQuery.newBuilder().setPath("a")))
                        .setCursor(ByteString.copyFromUtf8("x"))
                        .build()),
            "INVALID_CURSOR",
            "cursor",
            "1 bytes"),
        row(
            "group size",
            s ->
                s.query.search(
                    search.toBuilder()
                        .setGroupBy(GroupBy.newBuilder().setPath("a").setGroupSize(101))
                        .build()),
            "LIMIT_EXCEEDED",
            "group_by.group_size",
            "101"),
        row(
            "slice",
            s ->
                s.points.scroll(
                    ScrollRequest.newBuilder()
                        .setCollection("dot")
                        .setSlice(Slice.newBuilder().setIndex(2).setCount(2))
                        .build()),
            "LIMIT_EXCEEDED",
            "slice.index",
            "2"),
        row(
            "facet limit",
            s ->
                s.query.facet(
                    FacetRequest.newBuilder()
                        .setCollection("dot")
                        .setPath("a")
                        .setLimit(10_001)
                        .build()),
            "LIMIT_EXCEEDED",
            "limit",
            "10001"),
        row(
            "negatives of nothing",
            s ->
                s.query.mineNegatives(
                    MineNegativesRequest.newBuilder().setCollection("dot").build()),
            "INVALID_ARGUMENT",
            "source",
            "not given"),
        row(
            "window upside down",
            s ->
                s.query.mineNegatives(
                    MineNegativesRequest.newBuilder()
                        .setCollection("dot")
                        .setGoldenSet("g")
                        .setRangeMin(100)
                        .build()),
            "INVALID_ARGUMENT",
            "range_min",
            "100"));
  }

  private static Row badEf(String name, int k, int ef, String reason, String expected) {
    SearchRequest search =
        search("dot", k, GOOD).toBuilder().setParams(SearchParams.newBuilder().setEf(ef)).build();
    return row(
        name,
        s -> s.query.search(search),
        reason,
        "params.ef",
        Integer.toUnsignedString(ef),
        expected);
  }

  private static Row badHnsw(
      String name,
      Consumer<HnswIndexSpec.Builder> change,
      String reason,
      String field,
      String... texts) {
    HnswIndexSpec.Builder hnsw = HnswIndexSpec.newBuilder();
    change.accept(hnsw);
    return badSpec(
        name,
        b -> b.setIndex(IndexSpec.newBuilder().setHnsw(hnsw)),
        reason,
        "index.hnsw." + field,
        texts);
  }

  private static Row badSpec(
      String name,
      Consumer<EmbeddingSpec.Builder> change,
      String reason,
      String field,
      String... texts) {
    EmbeddingSpec.Builder spec = spec(Metric.METRIC_DOT).toBuilder();
    change.accept(spec);
    return row(
        name,
        s -> s.collections.create(createRequest("new", spec.build())),
        reason,
        "spec.fields[0].spec." + field,
        texts);
  }

  private static Row row(
      String name, Consumer<RunningServer> call, String reason, String field, String... texts) {
    return new Row(name, call, Status.Code.INVALID_ARGUMENT, reason, field, List.of(texts));
  }

  private static Row coded(Status.Code code, Row row) {
    return new Row(row.name(), row.call(), code, row.reason(), row.field(), row.texts());
  }
}
