package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Judgments;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FacetCounts;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.GroupBy;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.MinedNegatives;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Slice;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.FilterOracle;
import io.whimbrel.core.testing.NaiveQueries;
import io.whimbrel.core.testing.RandomFilters;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Pages of an order, slices, facets and hard negatives beside what a full look gives; refusals.
final class QueryExtrasTest {
  private static final String COLLECTION = "points";
  private static final int POINTS = 600;
  private static final EmbeddingSpec SPEC =
      EmbeddingSpec.flat(new ModelId("test", "m", "1"), 3, Metric.DOT);

  @TempDir private Path directory;

  private final Random random = Seeds.random("QueryExtras");
  private final TreeMap<PointId, NaiveQueries.Stored> model = new TreeMap<>();
  private final Map<FieldPath, ScalarType> declared = new HashMap<>();
  private final NaiveQueries naive =
      new NaiveQueries(model, Map.of("default", Metric.DOT), declared);
  private RandomFilters filters = new RandomFilters(random, List.of(), List.of());
  private Database database;

  @BeforeEach
  void fill() throws IOException {
    List<PointId> ids = new ArrayList<>();
    for (int i = 0; i < POINTS; i++) {
      ids.add(i % 3 == 0 ? PointId.of(i) : PointId.of("p" + i));
    }
    filters = new RandomFilters(random, ids, List.of("default"));
    List<PayloadIndexSpec> specs = RandomFilters.INDEXES.subList(0, 4);
    specs.forEach(spec -> declared.put(spec.path(), spec.type()));
    database = Database.open(directory);
    database.createCollection(
        new CollectionSpec(COLLECTION, List.of(new FieldSpec("default", SPEC)), specs));
    List<PointWrite> points = new ArrayList<>();
    for (PointId id : ids) {
      Vector vector = Vector.of(Seeds.whole(random, 3));
      Map<String, Value> payload = filters.payload();
      points.add(PointWrite.of(id, payload, vector));
      model.put(id, new NaiveQueries.Stored(model.size() + 1, payload, Map.of("default", vector)));
    }
    database
        .write(COLLECTION, new Mutation.Upsert(points), new WriteOptions("", Durability.ASYNC))
        .join();
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static QueryNode nearest(float... values) {
    return new QueryNode.Nearest(
        "default", 0, QueryInput.Given.of(Vector.of(values)), 0, List.of());
  }

  private static ErrorCode refused(Runnable call) {
    return catchThrowableOfType(WhimbrelException.class, call::run).code();
  }

  @Test
  void pagesOfAnOrderAreTheOrder() {
    for (int round = 0; round < 40; round++) {
      FieldPath path = RandomFilters.INDEXES.get(round % RandomFilters.INDEXES.size()).path();
      QueryNode order = new QueryNode.OrderBy(path, random.nextBoolean(), List.of());
      Filter filter = round % 3 == 0 ? filters.filter(2) : Filter.ALL;
      List<PointId> expected =
          naive.hits(QueryRequest.of(order, POINTS).withFilter(filter)).stream()
              .map(NaiveQueries.Hit::id)
              .toList();
      List<PointId> got = new ArrayList<>();
      QueryRequest.Cursor cursor = QueryRequest.Cursor.NONE;
      do {
        QueryResult page =
            database.query(
                COLLECTION,
                QueryRequest.of(order, 1 + random.nextInt(90))
                    .withFilter(filter)
                    .withCursor(cursor));
        page.hits().forEach(hit -> got.add(hit.point().id()));
        cursor = page.next();
      } while (!cursor.isEmpty());
      assertThat(got).as("%s %s", order, filter).isEqualTo(expected);
    }
  }

  @Test
  void aCursorOfAnotherQueryIsRefused() {
    FieldPath path = FieldPath.of("int");
    QueryRequest up = QueryRequest.of(new QueryNode.OrderBy(path, false, List.of()), 5);
    QueryRequest.Cursor cursor = database.query(COLLECTION, up).next();
    assertThat(cursor.isEmpty()).isFalse();
    database.query(COLLECTION, up.withCursor(cursor));
    QueryRequest down = QueryRequest.of(new QueryNode.OrderBy(path, true, List.of()), 5);
    QueryRequest filtered = up.withFilter(new Filter.Exists(path));
    byte[] bent = cursor.bytes().clone();
    bent[bent.length - 1]++;
    for (QueryRequest request :
        List.of(
            down.withCursor(cursor),
            filtered.withCursor(cursor),
            up.withCursor(new QueryRequest.Cursor(bent)),
            up.withCursor(new QueryRequest.Cursor(new byte[] {64})),
            up.withCursor(
                new QueryRequest.Cursor(
                    database
                        .scroll(COLLECTION, new byte[0], 1, ReadOptions.DEFAULT)
                        .nextCursor())))) {
      assertThat(refused(() -> database.query(COLLECTION, request)))
          .isEqualTo(ErrorCode.INVALID_CURSOR);
    }
    assertThat(refused(() -> QueryRequest.of(nearest(1, 0, 0), 5).withCursor(cursor)))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  @Test
  void slicesShareNoPointAndAreAllOfThem() {
    for (int count : new int[] {1, 2, 7, 64}) {
      Set<PointId> seen = new HashSet<>();
      Filter filter = count == 7 ? new Filter.Exists(FieldPath.of("int")) : Filter.ALL;
      for (int index = 0; index < count; index++) {
        List<PointId> part = scroll(filter, new Slice(index, count));
        assertThat(part).isSorted();
        part.forEach(id -> assertThat(seen.add(id)).isTrue());
      }
      assertThat(seen)
          .isEqualTo(
              model.keySet().stream()
                  .filter(
                      id -> FilterOracle.meets(filter, id, stored(id).payload(), Set.of("default")))
                  .collect(java.util.stream.Collectors.toSet()));
    }
    // Parts are about equal: 600 / 2 with a deviation of 12.
    assertThat(scroll(Filter.ALL, new Slice(0, 2)).size()).isBetween(240, 360);
    byte[] cursor =
        database
            .scroll(COLLECTION, new byte[0], 5, Filter.ALL, new Slice(0, 2), ReadOptions.DEFAULT)
            .nextCursor();
    for (Slice other : List.of(new Slice(1, 2), new Slice(0, 3), Slice.ALL)) {
      assertThat(
              refused(() ->
                  database.scroll(COLLECTION, cursor, 5, Filter.ALL, other, ReadOptions.DEFAULT)))
          .isEqualTo(ErrorCode.INVALID_CURSOR);
    }
  }

  private List<PointId> scroll(Filter filter, Slice slice) {
    List<PointId> ids = new ArrayList<>();
    byte[] cursor = {};
    do {
      Page page =
          database.scroll(
              COLLECTION, cursor, 1 + random.nextInt(90), filter, slice, ReadOptions.DEFAULT);
      page.points().stream().map(Point::id).forEach(ids::add);
      cursor = page.nextCursor();
    } while (cursor.length > 0);
    return ids;
  }

  private NaiveQueries.Stored stored(PointId id) {
    return java.util.Objects.requireNonNull(model.get(id));
  }

  @Test
  void facetsAreExact() {
    for (int round = 0; round < 60; round++) {
      FieldPath path = RandomFilters.INDEXES.get(round % RandomFilters.INDEXES.size()).path();
      Filter filter = round % 2 == 0 ? filters.filter(3) : Filter.ALL;
      Map<Value, Long> expected = new HashMap<>();
      long points = 0;
      for (Map.Entry<PointId, NaiveQueries.Stored> point : model.entrySet()) {
        if (FilterOracle.meets(
            filter, point.getKey(), point.getValue().payload(), Set.of("default"))) {
          points++;
          naive
              .values(path, point.getValue())
              .forEach(value -> expected.merge(value, 1L, Long::sum));
        }
      }
      int limit = 1 + random.nextInt(12);
      FacetCounts facets = database.facet(COLLECTION, path, filter, limit, 0, () -> false);
      assertThat(facets.points()).isEqualTo(points);
      assertThat(facets.distinct()).isEqualTo(expected.size());
      assertThat(facets.values()).hasSize(Math.min(limit, expected.size()));
      assertThat(facets.values())
          .isSortedAccordingTo(Comparator.comparingLong(FacetCounts.Count::points).reversed());
      facets
          .values()
          .forEach(count -> assertThat(count.points()).isEqualTo(expected.get(count.value())));
      long least = facets.values().isEmpty() ? 0 : facets.values().getLast().points();
      assertThat(expected.values().stream().filter(count -> count > least).count())
          .isLessThanOrEqualTo(facets.values().size());
    }
  }

  @Test
  void negativesAreNearAndNoAnswers() {
    Vector query = Vector.of(3, -2, 5);
    List<NaiveQueries.Hit> ranked = naive.hits(QueryRequest.of(nearest(3, -2, 5), POINTS));
    Set<PointId> positives = Set.of(ranked.get(0).id(), ranked.get(3).id(), ranked.get(200).id());
    List<NaiveQueries.Hit> others =
        ranked.stream().filter(hit -> !positives.contains(hit.id())).toList();
    NegativeMining mining =
        new NegativeMining(
            "default",
            0,
            8,
            4,
            90,
            OptionalDouble.of(20),
            OptionalDouble.of(0.05),
            OptionalDouble.empty(),
            OptionalDouble.of(1),
            false,
            0,
            Filter.ALL,
            0,
            true);
    NegativeMining.Query asked =
        new NegativeMining.Query("q", QueryInput.Given.of(query), positives);
    MinedNegatives.Mined mined =
        database
            .mineNegatives(COLLECTION, mining, List.of(asked), () -> false)
            .queries()
            .getFirst();
    double bar = Math.min(ranked.getFirst().score() - 20, ranked.getFirst().score() * 0.95);
    List<NaiveQueries.Hit> window = others.subList(4, 90);
    assertThat(mined.positives().stream().map(MinedNegatives.Scored::id))
        .containsExactly(ranked.get(0).id(), ranked.get(3).id(), ranked.get(200).id());
    assertThat(mined.negatives().stream().map(MinedNegatives.Scored::id).toList())
        .isEqualTo(
            window.stream()
                .filter(hit -> hit.score() < bar && hit.score() >= 1)
                .map(NaiveQueries.Hit::id)
                .limit(8)
                .toList());
    assertThat(mined.negatives()).hasSize(8);
    assertThat((long) mined.tooNear())
        .isEqualTo(window.stream().filter(hit -> hit.score() >= bar).count())
        .isPositive();
    for (MinedNegatives.Scored negative : mined.negatives()) {
      assertThat(others.get(negative.rank() - 1).id()).isEqualTo(negative.id());
    }
  }

  @Test
  void randomNegativesComeFromTheWindowAndFollowTheSeed() {
    NegativeMining.Query asked =
        new NegativeMining.Query(new QueryInput.Stored(PointId.of(0)), List.of());
    List<List<MinedNegatives.Scored>> draws = new ArrayList<>();
    for (long seed : new long[] {1, 1, 2}) {
      NegativeMining mining =
          new NegativeMining(
              "default",
              0,
              5,
              0,
              50,
              OptionalDouble.empty(),
              OptionalDouble.empty(),
              OptionalDouble.empty(),
              OptionalDouble.empty(),
              true,
              seed,
              Filter.ALL,
              0,
              false);
      draws.add(
          database
              .mineNegatives(COLLECTION, mining, List.of(asked), () -> false)
              .queries()
              .getFirst()
              .negatives());
    }
    assertThat(draws.get(0)).hasSize(5).isEqualTo(draws.get(1)).isNotEqualTo(draws.get(2));
    assertThat(draws.get(2))
        .isSortedAccordingTo(Comparator.comparingInt(MinedNegatives.Scored::rank))
        .allMatch(negative -> negative.rank() <= 50 && !negative.id().equals(PointId.of(0)));
  }

  @Test
  void goldenQueriesAreMinedPageByPage() {
    String space = SPEC.spaceId();
    List<GoldenQuery> queries = new ArrayList<>();
    List<PointId> ids = List.copyOf(model.keySet());
    for (int i = 0; i < 250; i++) {
      Vector vector = new Vector(Seeds.whole(random, 3), 1, space);
      Judgments judgments = new Judgments(Map.of(ids.get(i), 1, ids.get(i + 1), 0));
      queries.add(new GoldenQuery("q" + i, "", List.of(vector), Map.of(), judgments));
    }
    database.evaluations().put(COLLECTION, "default", "golden", new GoldenSet(queries));
    NegativeMining mining =
        new NegativeMining(
            "default",
            0,
            1000,
            0,
            1000,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            false,
            0,
            Filter.ALL,
            0,
            false);
    int from = 0;
    int seen = 0;
    do {
      MinedNegatives part = database.mineNegatives(COLLECTION, mining, "golden", from, () -> false);
      for (MinedNegatives.Mined mined : part.queries()) {
        assertThat(mined.name()).isEqualTo("q" + seen);
        // What is judged 0 is no answer.
        PointId positive = ids.get(seen++);
        assertThat(mined.positives())
            .extracting(MinedNegatives.Scored::id)
            .containsExactly(positive);
        assertThat(mined.negatives())
            .hasSize(POINTS - 1)
            .extracting(MinedNegatives.Scored::id)
            .doesNotContain(positive);
      }
      from = part.next();
    } while (from != 0);
    assertThat(seen).isEqualTo(250);
    assertThat(
            refused(() ->
                database.mineNegatives(
                    COLLECTION, NegativeMining.of("default"), "none", 0, () -> false)))
        .isEqualTo(ErrorCode.GOLDEN_SET_NOT_FOUND);
  }

  /// Variance falls along the vector, as it does where a model was trained for prefixes.
  @Test
  void aPrefixFindsWhatAllValuesRank() {
    int dimension = 128;
    int points = 3000;
    database.createCollection(
        new CollectionSpec(
            "nested",
            List.of(
                new FieldSpec(
                    "default", EmbeddingSpec.flat(ModelId.UNNAMED, dimension, Metric.COSINE)),
                new FieldSpec(
                    "graph",
                    EmbeddingSpec.of(
                        ModelId.UNNAMED, dimension, Metric.COSINE, new IndexSpec.Hnsw()))),
            List.of()));
    List<PointWrite> writes = new ArrayList<>();
    for (int i = 0; i < points; i++) {
      writes.add(PointWrite.of(PointId.of(i), Map.of(), Vector.of(falling(dimension))));
    }
    database
        .write("nested", new Mutation.Upsert(writes), new WriteOptions("", Durability.ASYNC))
        .join();
    int found = 0;
    int queries = 50;
    for (int q = 0; q < queries; q++) {
      QueryInput input = QueryInput.Given.of(Vector.of(falling(dimension)));
      QueryRequest prefix =
          QueryRequest.of(new QueryNode.Nearest("default", 0, input, 32, List.of()), 10);
      List<QueryResult.Hit> truth = database.query("nested", prefix.withExact(true)).hits();
      List<QueryResult.Hit> hits = database.query("nested", prefix).hits();
      for (QueryResult.Hit hit : hits) {
        for (QueryResult.Hit other : truth) {
          if (other.point().id().equals(hit.point().id())) {
            found++;
            // Kernels add up rows that lie alone in another order.
            assertThat(hit.score()).isCloseTo(other.score(), Offset.offset(1e-6));
          }
        }
      }
      QueryRequest all =
          new QueryRequest(
              prefix.query(),
              10,
              OptionalDouble.empty(),
              points,
              false,
              ReadOptions.DEFAULT,
              QueryRouting.NONE,
              Filter.ALL,
              Optional.empty(),
              QueryRequest.Cursor.NONE);
      assertThat(database.query("nested", all).hits().stream().map(hit -> hit.point().id()))
          .containsExactlyElementsOf(truth.stream().map(hit -> hit.point().id()).toList());
    }
    assertThat(found / (10.0 * queries)).isGreaterThanOrEqualTo(0.98);
    QueryInput input = QueryInput.Given.of(Vector.of(falling(dimension)));
    for (Map.Entry<ErrorCode, QueryNode> wrong :
        Map.<ErrorCode, QueryNode>of(
                ErrorCode.LIMIT_EXCEEDED,
                new QueryNode.Nearest("default", 0, input, dimension + 1, List.of()),
                ErrorCode.UNIMPLEMENTED,
                new QueryNode.Nearest("graph", 0, input, 32, List.of()))
            .entrySet()) {
      WhimbrelException e =
          catchThrowableOfType(
              WhimbrelException.class,
              () -> database.query("nested", QueryRequest.of(wrong.getValue(), 10)));
      assertThat(e.code()).isEqualTo(wrong.getKey());
      assertThat(e.field()).isEqualTo("query.nearest.search_dims");
    }
  }

  private float[] falling(int dimension) {
    float[] vector = Seeds.gaussian(random, dimension);
    for (int i = 0; i < dimension; i++) {
      vector[i] *= (float) Math.exp(-i / 16.0);
    }
    return vector;
  }

  @Test
  void contradictionsAreRefused() {
    QueryNode leaf = nearest(1, 0, 0);
    Prefetch small = Prefetch.of(leaf, 3);
    QueryNode deep = leaf;
    for (int i = 0; i < 8; i++) {
      deep = new QueryNode.Fusion(60, List.of(), List.of(Prefetch.of(deep, 10)));
    }
    QueryNode tooDeep = deep;
    List<Prefetch> many = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      many.add(Prefetch.of(leaf, 10));
    }
    List<Prefetch> wide = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      wide.add(Prefetch.of(leaf, 10_000));
    }
    Map<ErrorCode, List<Runnable>> calls =
        Map.of(
            ErrorCode.INVALID_ARGUMENT,
            List.of(
                // Fewer points than are asked for.
                () -> QueryRequest.of(new QueryNode.Fusion(60, List.of(), List.of(small)), 4),
                () -> new QueryNode.Fusion(60, List.of(), List.of()),
                () -> new QueryNode.Fusion(60, List.of(1.0, 2.0), List.of(small)),
                () -> new QueryNode.Fusion(60, List.of(-1.0), List.of(small)),
                () -> new QueryNode.Fusion(60, List.of(Double.NaN), List.of(small)),
                () ->
                    new QueryNode.Nearest(
                        "default", 0, new QueryInput.Stored(PointId.of(0)), 2, List.of(small)),
                () -> QueryRequest.of(new QueryNode.Sample(1, List.of()), 3).withScoreThreshold(0),
                () -> new QueryNode.Mmr((QueryNode.Nearest) leaf, 1.5, 0),
                () -> QueryRequest.of(new QueryNode.Mmr((QueryNode.Nearest) leaf, 0.5, 5), 6)),
            ErrorCode.LIMIT_EXCEEDED,
            List.of(
                () -> QueryRequest.of(tooDeep, 10),
                () -> QueryRequest.of(new QueryNode.Fusion(60, List.of(), many), 10),
                () -> QueryRequest.of(new QueryNode.Fusion(60, List.of(), wide), 10),
                () -> QueryRequest.of(leaf, 5000).withGroups(new GroupBy(FieldPath.of("int"), 3))),
            ErrorCode.UNKNOWN_FIELD,
            List.of(() ->
                database.query(
                    COLLECTION,
                    QueryRequest.of(
                        new QueryNode.Fusion(
                            60,
                            List.of(),
                            List.of(
                                Prefetch.of(
                                    new QueryNode.Nearest(
                                        "none",
                                        0,
                                        new QueryInput.Stored(PointId.of(0)),
                                        0,
                                        List.of()),
                                    10))),
                        10))),
            ErrorCode.UNKNOWN_INDEX,
            List.of(() ->
                database.query(
                    COLLECTION,
                    QueryRequest.of(
                        new QueryNode.Text(FieldPath.of("text"), "a", List.of()), 10))));
    calls.forEach((code, runs) -> runs.forEach(run -> assertThat(refused(run)).isEqualTo(code)));
    WhimbrelException e =
        catchThrowableOfType(
            WhimbrelException.class,
            () ->
                database.query(
                    COLLECTION,
                    QueryRequest.of(
                        new QueryNode.Fusion(
                            60, List.of(), List.of(small, Prefetch.of(nearest(1, 2), 10))),
                        10)));
    assertThat(e.code()).isEqualTo(ErrorCode.DIMENSION_MISMATCH);
    assertThat(e.field()).startsWith("query.prefetch[1].query.nearest.vector");
  }

  @Test
  void aQueryEndsWhenItsCallerHasLeft() {
    QueryNode tree =
        new QueryNode.Fusion(60, List.of(), List.of(Prefetch.of(nearest(1, 0, 0), 50)));
    assertThat(refused(() -> database.query(COLLECTION, QueryRequest.of(tree, 10), () -> true)))
        .isEqualTo(ErrorCode.CANCELLED);
  }
}
