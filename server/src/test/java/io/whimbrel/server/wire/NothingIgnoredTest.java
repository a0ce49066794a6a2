package io.whimbrel.server.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.*;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Puts an unknown field into every message inside every request, and an unknown number into every
/// enum: each is refused.
class NothingIgnoredTest {
  private static final int UNKNOWN = 999;

  record Request(Message message, Function<Message, Object> converter) {
    @Override
    public String toString() {
      return message.getDescriptorForType().getName();
    }
  }

  static Stream<Request> requests() {
    PayloadSelector payload =
        PayloadSelector.newBuilder().setInclude(PathList.newBuilder().addNames("a")).build();
    VectorSelector vectors =
        VectorSelector.newBuilder().setFields(PathList.newBuilder().addNames("a")).build();
    WriteOptions options =
        WriteOptions.newBuilder().setDurability(Durability.DURABILITY_ASYNC).build();
    PointId id = PointId.newBuilder().setText("a").build();
    UpdatePayloadRequest update =
        UpdatePayloadRequest.newBuilder()
            .setCollection("c")
            .addIds(id)
            .setOptions(options)
            .setSet(ObjectValue.newBuilder().putFields("a", everyValue()))
            .build();
    SearchRequest search = search(payload, vectors);
    return Stream.concat(
        Stream.concat(
            Stream.concat(migrationRequests(), queryRequests()), collectionRequests()),
        Stream.of(
            request(create(), SpecWire::create),
            request(GetCollectionRequest.newBuilder().setName("c").build(), SpecWire::name),
            request(DeleteCollectionRequest.newBuilder().setName("c").build(), SpecWire::name),
            request(
                ListCollectionsRequest.getDefaultInstance(),
                (ListCollectionsRequest m) -> {
                  SpecWire.check(m);
                  return m;
                }),
            request(
                UpsertRequest.newBuilder()
                    .setCollection("c")
                    .addPoints(point())
                    .setOptions(options)
                    .build(),
                (UpsertRequest m) -> WriteWire.write(m)),
            request(
                IngestRequest.newBuilder().addPoints(point()).setOptions(options).build(),
                (IngestRequest m) -> WriteWire.write("c", m)),
            request(
                DeleteRequest.newBuilder()
                    .setCollection("c")
                    .addIds(id)
                    .setOptions(options)
                    .build(),
                (DeleteRequest m) -> WriteWire.write(m)),
            request(update, (UpdatePayloadRequest m) -> WriteWire.write(m)),
            request(
                update.toBuilder().setMerge(update.getSet()).build(),
                (UpdatePayloadRequest m) -> WriteWire.write(m)),
            request(
                update.toBuilder().setDeleteKeys(PathList.newBuilder().addNames("a")).build(),
                (UpdatePayloadRequest m) -> WriteWire.write(m)),
            request(
                GetRequest.newBuilder()
                    .setCollection("c")
                    .addIds(id)
                    .setWithPayload(payload)
                    .setWithVectors(vectors)
                    .build(),
                QueryWire::get),
            request(
                ScrollRequest.newBuilder()
                    .setCollection("c")
                    .setWithPayload(
                        payload.toBuilder().setExclude(PathList.newBuilder().addNames("a")))
                    .setWithVectors(vectors)
                    .build(),
                QueryWire::scroll),
            request(
                CountRequest.newBuilder().setCollection("c").setFilter(everyFilter()).build(),
                QueryWire::count),
            request(
                DeleteRequest.newBuilder()
                    .setCollection("c")
                    .setFilter(everyFilter())
                    .setOptions(options)
                    .build(),
                (DeleteRequest m) -> WriteWire.deleteMatching(m)),
            request(
                AddIndexRequest.newBuilder().setCollection("c").setIndex(index()).build(),
                SpecWire::addIndex),
            request(
                DropIndexRequest.newBuilder().setCollection("c").setPath("p").build(),
                SpecWire::dropIndex),
            request(search, QueryWire::search),
            request(
                search.toBuilder()
                    .setQuery(
                        QueryNode.newBuilder()
                            .setNearest(
                                NearestQuery.newBuilder()
                                    .setVectors(VectorList.newBuilder().addVectors(inSpace()))))
                    .build(),
                QueryWire::search),
            request(
                SearchBatchRequest.newBuilder().addSearches(search).build(), QueryWire::searches)));
  }

  private static Stream<Request> queryRequests() {
    QueryInput byId = QueryInput.newBuilder().setId(PointId.newBuilder().setText("a")).build();
    QueryInput bySpaces =
        QueryInput.newBuilder().setVectors(VectorList.newBuilder().addVectors(inSpace())).build();
    NearestQuery near = NearestQuery.newBuilder().setVector(vector()).build();
    List<QueryNode.Builder> stages =
        List.of(
            QueryNode.newBuilder()
                .setRecommend(
                    RecommendQuery.newBuilder()
                        .addPositives(byId)
                        .addNegatives(bySpaces)
                        .setStrategy(RecommendStrategy.RECOMMEND_STRATEGY_BEST_SCORE)),
            QueryNode.newBuilder().setText(TextQuery.newBuilder().setPath("p").setText("a")),
            QueryNode.newBuilder().setMmr(MmrQuery.newBuilder().setNearest(near)),
            QueryNode.newBuilder().setOrderBy(OrderByQuery.newBuilder().setPath("p")),
            QueryNode.newBuilder().setSample(SampleQuery.newBuilder().setSeed(1)));
    QueryNode.Builder fusion =
        QueryNode.newBuilder().setFusion(FusionQuery.newBuilder().setRrf(RrfFusion.newBuilder()));
    stages.forEach(stage ->
        fusion.addPrefetch(
            Prefetch.newBuilder()
                .setQuery(stage)
                .setLimit(10)
                .setFilter(Filter.newBuilder().setExists(ExistsCondition.newBuilder().setPath("p")))
                .setParams(SearchParams.newBuilder().setExact(true))));
    return Stream.of(
        request(
            SearchRequest.newBuilder()
                .setCollection("c")
                .setQuery(fusion)
                .setK(3)
                .setGroupBy(GroupBy.newBuilder().setPath("p"))
                .build(),
            QueryWire::search),
        request(
            ScrollRequest.newBuilder()
                .setCollection("c")
                .setSlice(Slice.newBuilder().setIndex(1).setCount(2))
                .build(),
            QueryWire::scroll),
        request(
            FacetRequest.newBuilder()
                .setCollection("c")
                .setPath("p")
                .setFilter(everyFilter())
                .build(),
            FacetWire::facet),
        request(
            MineNegativesRequest.newBuilder()
                .setCollection("c")
                .setQueries(
                    MiningQueries.newBuilder()
                        .addQueries(
                            MiningQuery.newBuilder()
                                .setQuery(bySpaces)
                                .addPositives(PointId.newBuilder().setText("a"))))
                .setSampling(NegativeSampling.NEGATIVE_SAMPLING_RANDOM)
                .setFilter(everyFilter())
                .setParams(SearchParams.newBuilder().setExact(true))
                .build(),
            MiningWire::mining));
  }

  private static Stream<Request> migrationRequests() {
    EmbeddingSpec to = create().getSpec().getFields(0).getSpec();
    Duration second = Duration.newBuilder().setSeconds(1).build();
    Throttle throttle =
        Throttle.newBuilder().setSearchP99Max(second).setCriticalSearchP99(second).build();
    MigrationRef ref = MigrationRef.newBuilder().setId("m-1").build();
    PointId id = PointId.newBuilder().setText("a").build();
    return Stream.of(
        request(
            PlanMigrationRequest.newBuilder().setCollection("c").setTo(to).build(),
            MigrationWire::plan),
        request(
            CreateMigrationRequest.newBuilder()
                .setCollection("c")
                .setTo(to)
                .setLegacyWrite(LegacyWrite.LEGACY_WRITE_ENQUEUE)
                .setStaleRead(StaleRead.STALE_READ_SERVE)
                .setSoak(second)
                .setThrottle(throttle)
                .build(),
            (CreateMigrationRequest m) -> MigrationWire.create(m, "test")),
        request(ref, (MigrationRef m) -> MigrationWire.verb(m, "test")),
        request(ListMigrationsRequest.newBuilder().setCollection("c").build(), MigrationWire::list),
        request(
            WatchMigrationRequest.newBuilder().setId("m-1").setInterval(second).build(),
            MigrationWire::watch),
        request(
            SetThrottleRequest.newBuilder().setId("m-1").setThrottle(throttle).build(),
            (SetThrottleRequest m) -> MigrationWire.throttle(m, "test")),
        request(
            LeaseBackfillRequest.newBuilder()
                .setId("m-1")
                .setPoints(1)
                .setSide(BackfillSide.BACKFILL_SIDE_REVERSE)
                .build(),
            MigrationWire::lease),
        request(
            CommitBackfillRequest.newBuilder()
                .setId("m-1")
                .setSide(BackfillSide.BACKFILL_SIDE_FORWARD)
                .addVectors(BackfillVector.newBuilder().setId(id).setVector(vector()))
                .build(),
            MigrationWire::commit),
        request(
            ReleaseBackfillRequest.newBuilder()
                .setId("m-1")
                .setSide(BackfillSide.BACKFILL_SIDE_FORWARD)
                .addFailures(BackfillFailure.newBuilder().setId(id).setRetryAfter(second))
                .build(),
            MigrationWire::release),
        request(
            ListDeadLettersRequest.newBuilder().setId("m-1").build(), MigrationWire::deadLetters),
        request(
            StartVDiffRequest.newBuilder().setId("m-1").build(),
            (StartVDiffRequest m) -> TrafficWire.vdiff(m, "test")),
        request(
            MirrorTrafficRequest.newBuilder().setId("m-1").setDeadline(second).build(),
            TrafficWire::mirror),
        request(
            RecordFeedbackRequest.newBuilder().setId("m-1").setVersion(1).build(),
            TrafficWire::feedback),
        request(
            SwitchTrafficRequest.newBuilder().setId("m-1").setBasisPoints(5).build(),
            (SwitchTrafficRequest m) -> MigrationWire.verb(m, "test")),
        request(
            SwitchTrafficRequest.newBuilder()
                .setId("m-1")
                .setSchedule(
                    Schedule.newBuilder()
                        .addSteps(ScheduleStep.newBuilder().setBasisPoints(5).setHold(second))
                        .setGates(Gates.newBuilder().setWindow(second).setBacklogAgeMax(second)))
                .build(),
            (SwitchTrafficRequest m) ->
                List.of(MigrationWire.verb(m, "test"), TrafficWire.schedule(m))),
        request(
            ReverseTrafficRequest.newBuilder().setId("m-1").build(),
            (ReverseTrafficRequest m) -> MigrationWire.verb(m, "test")),
        request(
            CompleteMigrationRequest.newBuilder().setId("m-1").build(),
            (CompleteMigrationRequest m) -> MigrationWire.complete(m, "test")),
        request(
            CancelMigrationRequest.newBuilder().setId("m-1").build(),
            (CancelMigrationRequest m) -> MigrationWire.cancel(m, "test")),
        request(RoutingPolicyRef.newBuilder().setCollection("c").build(), MigrationWire::policy),
        request(
            PutGoldenSetRequest.newBuilder()
                .setCollection("c")
                .setName("g")
                .addQueries(
                    GoldenQuery.newBuilder()
                        .setId("q")
                        .addVectors(inSpace())
                        .addJudgments(Judgment.newBuilder().setPoint(id).setGrade(1)))
                .build(),
            EvaluationWire::put),
        request(
            ListGoldenSetsRequest.newBuilder().setCollection("c").build(), EvaluationWire::list),
        request(
            DeleteGoldenSetRequest.newBuilder().setCollection("c").setName("g").build(),
            EvaluationWire::delete),
        request(
            EvaluateRequest.newBuilder()
                .setCollection("c")
                .setGoldenSet("g")
                .setBaselineVersion(1)
                .setCandidateVersion(2)
                .build(),
            EvaluationWire::evaluate));
  }

  private static Vector inSpace() {
    return vector().toBuilder().setSpaceId("0123456789abcdef0123456789abcdef").build();
  }

  @ParameterizedTest
  @MethodSource("requests")
  void anUnknownFieldOrEnumNumberAnywhereIsRefused(Request request) {
    assertThat(request.converter().apply(request.message())).isNotNull();
    List<Message> mutants = mutants(request.message());
    assertThat(mutants).isNotEmpty();
    for (Message mutant : mutants) {
      WhimbrelException e =
          catchThrowableOfType(WhimbrelException.class, () -> request.converter().apply(mutant));
      assertThat(e).as("accepted: %s", mutant).isNotNull();
      assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
      assertThat(e).hasMessageContaining(Integer.toString(UNKNOWN));
    }
  }

  /// The message with one thing unknown, in every place there is.
  private static List<Message> mutants(Message message) {
    List<Message> mutants = new ArrayList<>();
    UnknownFieldSet unknown =
        UnknownFieldSet.newBuilder()
            .addField(UNKNOWN, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    mutants.add(message.toBuilder().setUnknownFields(unknown).build());
    for (Map.Entry<FieldDescriptor, Object> entry : message.getAllFields().entrySet()) {
      FieldDescriptor field = entry.getKey();
      if (field.isMapField()) {
        mapMutants(message, field, mutants);
      } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE && field.isRepeated()) {
        for (int i = 0; i < message.getRepeatedFieldCount(field); i++) {
          for (Message inner : mutants((Message) message.getRepeatedField(field, i))) {
            mutants.add(message.toBuilder().setRepeatedField(field, i, inner).build());
          }
        }
      } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
        for (Message inner : mutants((Message) entry.getValue())) {
          mutants.add(message.toBuilder().setField(field, inner).build());
        }
      } else if (field.getJavaType() == FieldDescriptor.JavaType.ENUM) {
        Object number = field.getEnumType().findValueByNumberCreatingIfUnknown(UNKNOWN);
        mutants.add(message.toBuilder().setField(field, number).build());
      }
    }
    return mutants;
  }

  private static void mapMutants(Message message, FieldDescriptor field, List<Message> mutants) {
    for (int i = 0; i < message.getRepeatedFieldCount(field); i++) {
      Message mapEntry = (Message) message.getRepeatedField(field, i);
      FieldDescriptor value = mapEntry.getDescriptorForType().findFieldByNumber(2);
      for (Message inner : mutants((Message) mapEntry.getField(value))) {
        Message changed = mapEntry.toBuilder().setField(value, inner).build();
        mutants.add(message.toBuilder().setRepeatedField(field, i, changed).build());
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <M extends Message> Request request(M message, Function<M, Object> converter) {
    return new Request(message, m -> converter.apply((M) m));
  }

  private static CreateCollectionRequest create() {
    EmbeddingSpec spec =
        EmbeddingSpec.newBuilder()
            .setModel(Model.newBuilder().setName("m"))
            .setDimension(4)
            .setMetric(Metric.METRIC_DOT)
            .setCardinality(Cardinality.CARDINALITY_SINGLE)
            .setStorage(Storage.STORAGE_FLOAT32)
            .setOrigin(Origin.ORIGIN_CLIENT)
            .setIndex(IndexSpec.newBuilder().setFlat(FlatIndexSpec.getDefaultInstance()))
            .build();
    return CreateCollectionRequest.newBuilder()
        .setSpec(
            CollectionSpec.newBuilder()
                .setName("c")
                .addFields(FieldSpec.newBuilder().setName("f").setSpec(spec))
                .addIndexes(index())
                .addTexts(textIndex())
                .setTtlPath("t"))
        .build();
  }

  private static TextIndexSpec textIndex() {
    return TextIndexSpec.newBuilder()
        .setPath("p")
        .setAnalyzer(TextAnalyzer.TEXT_ANALYZER_ENGLISH)
        .build();
  }

  private static Stream<Request> collectionRequests() {
    Alias alias = Alias.newBuilder().setName("a").setCollection("c").build();
    return Stream.of(
        request(
            AddTextIndexRequest.newBuilder().setCollection("c").setIndex(textIndex()).build(),
            TextWire::add),
        request(
            DropTextIndexRequest.newBuilder().setCollection("c").setPath("p").build(),
            TextWire::drop),
        request(
            AddFieldRequest.newBuilder()
                .setCollection("c")
                .setField(create().getSpec().getFields(0))
                .build(),
            SpecWire::addField),
        request(
            DropFieldRequest.newBuilder().setCollection("c").setField("f").build(),
            SpecWire::dropField),
        request(
            SetTtlRequest.newBuilder().setCollection("c").setPath("t").build(), SpecWire::setTtl),
        request(
            ChangeAliasesRequest.newBuilder()
                .addChanges(AliasChange.newBuilder().setCreate(alias))
                .addChanges(AliasChange.newBuilder().setSwitch(alias))
                .addChanges(AliasChange.newBuilder().setDrop("a"))
                .build(),
            AliasWire::changes),
        request(
            ListAliasesRequest.getDefaultInstance(),
            (ListAliasesRequest m) -> {
              AliasWire.check(m);
              return m;
            }));
  }

  private static PayloadIndexSpec index() {
    return PayloadIndexSpec.newBuilder()
        .setPath("p")
        .setType(PayloadType.PAYLOAD_TYPE_INT64)
        .build();
  }

  private static Filter everyFilter() {
    Value time = Value.newBuilder().setTimestampValue(Timestamp.newBuilder().setSeconds(1)).build();
    RangeCondition.Builder inclusive =
        RangeCondition.newBuilder().setPath("p").setGreaterOrEqual(time).setLessOrEqual(time);
    Value later =
        Value.newBuilder().setTimestampValue(Timestamp.newBuilder().setSeconds(2)).build();
    RangeCondition.Builder exclusive =
        RangeCondition.newBuilder().setPath("p").setGreaterThan(time).setLessThan(later);
    FilterList.Builder all =
        FilterList.newBuilder()
            .addFilters(
                Filter.newBuilder()
                    .setMatch(MatchCondition.newBuilder().setPath("p").addAnyOf(time)))
            .addFilters(Filter.newBuilder().setRange(inclusive))
            .addFilters(Filter.newBuilder().setRange(exclusive))
            .addFilters(Filter.newBuilder().setExists(ExistsCondition.newBuilder().setPath("p")))
            .addFilters(
                Filter.newBuilder()
                    .setHasId(
                        HasIdCondition.newBuilder().addIds(PointId.newBuilder().setText("a"))))
            .addFilters(
                Filter.newBuilder()
                    .setPrefix(PrefixCondition.newBuilder().setPath("p").setPrefix("a")))
            .addFilters(Filter.newBuilder().setIsNull(IsNullCondition.newBuilder().setPath("p")))
            .addFilters(Filter.newBuilder().setIsEmpty(IsEmptyCondition.newBuilder().setPath("p")))
            .addFilters(
                Filter.newBuilder()
                    .setValuesCount(ValuesCountCondition.newBuilder().setPath("p").setAtMost(2)))
            .addFilters(Filter.newBuilder().setHasVector(HasVectorCondition.newBuilder()))
            .addFilters(
                Filter.newBuilder()
                    .setContains(ContainsCondition.newBuilder().setPath("p").setText("a")));
    Filter.Builder or = Filter.newBuilder().setOr(all.clone());
    AtLeast.Builder atLeast = AtLeast.newBuilder().setCount(1).addFilters(or);
    return Filter.newBuilder()
        .setAnd(all.addFilters(Filter.newBuilder().setNot(Filter.newBuilder().setAtLeast(atLeast))))
        .build();
  }

  private static Point point() {
    return Point.newBuilder()
        .setId(PointId.newBuilder().setNumber(7))
        .putPayload("p", everyValue())
        .putVectors("v", vector())
        .putSpaceVectors("w", VectorList.newBuilder().addVectors(inSpace()).build())
        .build();
  }

  private static Vector vector() {
    return Vector.newBuilder()
        .setPacked(ByteString.copyFrom(new byte[16]))
        .setElementType(ElementType.ELEMENT_TYPE_FLOAT32)
        .build();
  }

  private static Value everyValue() {
    ListValue list =
        ListValue.newBuilder()
            .addValues(Value.newBuilder().setNullValue(NullValue.NULL_VALUE_NULL))
            .addValues(Value.newBuilder().setTimestampValue(Timestamp.newBuilder().setSeconds(1)))
            .addValues(Value.newBuilder().setIntValue(1))
            .build();
    ObjectValue object =
        ObjectValue.newBuilder()
            .putFields("list", Value.newBuilder().setListValue(list).build())
            .build();
    return Value.newBuilder().setObjectValue(object).build();
  }

  private static SearchRequest search(PayloadSelector payload, VectorSelector vectors) {
    return SearchRequest.newBuilder()
        .setCollection("c")
        .setQuery(QueryNode.newBuilder().setNearest(NearestQuery.newBuilder().setVector(vector())))
        .setK(3)
        .setParams(SearchParams.newBuilder().setExact(true))
        .setWithPayload(payload)
        .setWithVectors(vectors)
        .build();
  }
}
