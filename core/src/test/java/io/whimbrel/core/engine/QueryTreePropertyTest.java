package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.GroupBy;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.FilterOracle;
import io.whimbrel.core.testing.NaiveQueries;
import io.whimbrel.core.testing.RandomFilters;
import io.whimbrel.core.testing.RandomQueries;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random query trees over random points beside a naive evaluator, with restarts.
final class QueryTreePropertyTest {
  private static final String COLLECTION = "points";
  private static final int POINTS = 160;
  private static final int ROUNDS = Integer.getInteger("whimbrel.queries.rounds", 10);
  private static final int QUERIES = 40;
  private static final Offset<Double> NEAR = Offset.offset(1e-4);

  @TempDir private Path directory;

  private final Random random = Seeds.random("QueryTree");
  private final List<PointId> ids = new ArrayList<>();
  private final TreeMap<PointId, NaiveQueries.Stored> model = new TreeMap<>();
  private final Map<FieldPath, ScalarType> declared = new HashMap<>();
  private final NaiveQueries naive =
      new NaiveQueries(
          model, Map.of("near", Metric.L2, "dot", Metric.DOT, "tokens", Metric.DOT), declared);

  /// As the database counts them.
  private long nextInternalId = 1;

  static List<IndexSpec> indexes() {
    return List.of(new IndexSpec.Flat(), new IndexSpec.Hnsw());
  }

  @ParameterizedTest
  @MethodSource("indexes")
  void everyTreeIsAnsweredAsANaiveEvaluatorDoes(IndexSpec index) throws IOException {
    for (int i = 0; i < POINTS; i++) {
      ids.add(i % 2 == 0 ? PointId.of(i) : PointId.of("p" + i));
    }
    RandomFilters filters = new RandomFilters(random, ids, List.of("near", "dot"));
    RandomQueries queries = new RandomQueries(random, ids, filters);
    List<PayloadIndexSpec> specs = RandomFilters.INDEXES.subList(0, 4);
    specs.forEach(spec -> declared.put(spec.path(), spec.type()));
    Database database = Database.open(directory);
    try {
      database.createCollection(
          new CollectionSpec(
              COLLECTION,
              List.of(
                  new FieldSpec("near", single(RandomQueries.NEAR, Metric.L2, index)),
                  new FieldSpec("dot", single(RandomQueries.DOT, Metric.DOT, index)),
                  new FieldSpec("tokens", tokens())),
              specs));
      // Many points at first, so that stages are cut and graphs are walked.
      for (int from = 0; from < ids.size(); from += 40) {
        write(database, ids.subList(from, from + 40), filters, queries);
      }
      for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < 6; i++) {
          change(database, filters, queries);
        }
        for (int i = 0; i < QUERIES; i++) {
          compare(database, index, filters, queries);
        }
        if (round % 4 == 0) {
          database.close();
          database = Database.open(directory);
        }
      }
    } finally {
      database.close();
    }
  }

  private static EmbeddingSpec single(int dimension, Metric metric, IndexSpec index) {
    return EmbeddingSpec.of(ModelId.UNNAMED, dimension, metric, index);
  }

  private static EmbeddingSpec tokens() {
    return new EmbeddingSpec(
        ModelId.UNNAMED,
        RandomQueries.TOKENS,
        Metric.DOT,
        Cardinality.MULTI,
        Storage.FLOAT32,
        new IndexSpec.MultiVector(16),
        List.of(),
        Origin.CLIENT,
        false,
        "",
        "");
  }

  private void change(Database database, RandomFilters filters, RandomQueries queries) {
    int from = random.nextInt(ids.size());
    if (random.nextInt(4) == 0) {
      database
          .write(
              COLLECTION,
              new Mutation.Delete(List.of(ids.get(from)), OptionalLong.empty()),
              new WriteOptions("", Durability.ASYNC))
          .join();
      model.remove(ids.get(from));
      return;
    }
    write(database, ids.subList(from, Math.min(ids.size(), from + 8)), filters, queries);
  }

  private void write(
      Database database, List<PointId> some, RandomFilters filters, RandomQueries queries) {
    List<PointWrite> points = new ArrayList<>();
    for (PointId id : some) {
      Map<String, Vector> vectors = new HashMap<>();
      for (String field : List.of("near", "dot", "tokens")) {
        if (random.nextInt(6) > 0) {
          vectors.put(field, queries.vector(field));
        }
      }
      Map<String, Value> payload = filters.payload();
      points.add(new PointWrite(id, payload, vectors, OptionalLong.empty()));
      NaiveQueries.Stored before = model.get(id);
      long internalId = before == null ? nextInternalId++ : before.internalId();
      model.put(id, new NaiveQueries.Stored(internalId, payload, vectors));
    }
    database
        .write(COLLECTION, new Mutation.Upsert(points), new WriteOptions("", Durability.ASYNC))
        .join();
  }

  private void compare(
      Database database, IndexSpec index, RandomFilters filters, RandomQueries queries) {
    int k = 1 + random.nextInt(20);
    QueryNode query = queries.node(3, k);
    boolean scores = !(query instanceof QueryNode.OrderBy || query instanceof QueryNode.Sample);
    QueryRequest request =
        QueryRequest.of(query, k)
            .withFilter(random.nextInt(3) == 0 ? filters.filter(3) : Filter.ALL)
            .withExact(index instanceof IndexSpec.Flat || random.nextBoolean());
    if (scores && random.nextInt(4) == 0) {
      request = request.withScoreThreshold(random.nextInt(4) / 10.0);
    }
    List<NaiveQueries.Hit> expected;
    try {
      expected = naive.hits(request);
    } catch (NaiveQueries.NoSuchVector e) {
      QueryRequest refused = request;
      assertThat(
              catchThrowableOfType(
                      WhimbrelException.class, () -> database.query(COLLECTION, refused))
                  .code())
          .isEqualTo(ErrorCode.POINT_NOT_FOUND);
      return;
    }
    QueryResult result = database.query(COLLECTION, request);
    if (index instanceof IndexSpec.Flat) {
      equal(request, result.hits(), expected);
      groups(database, request);
    } else {
      sound(request, result.hits(), expected);
    }
  }

  private static void equal(
      QueryRequest request, List<QueryResult.Hit> hits, List<NaiveQueries.Hit> expected) {
    assertThat(hits.stream().map(hit -> hit.point().id()).toList())
        .as("%s", request)
        .isEqualTo(expected.stream().map(NaiveQueries.Hit::id).toList());
    for (int i = 0; i < expected.size(); i++) {
      assertThat(hits.get(i).score()).as("%s", request).isCloseTo(expected.get(i).score(), NEAR);
      assertThat(hits.get(i).orderValue()).isEqualTo(expected.get(i).value());
    }
  }

  /// With an index any stage may find other points; but none outside the filter, none twice, and as
  /// many as there are when one stage alone ranks them by nearness.
  private void sound(
      QueryRequest request, List<QueryResult.Hit> hits, List<NaiveQueries.Hit> expected) {
    assertThat(hits.stream().map(hit -> hit.point().id())).doesNotHaveDuplicates();
    for (QueryResult.Hit hit : hits) {
      NaiveQueries.Stored stored = Objects.requireNonNull(model.get(hit.point().id()));
      assertThat(
              FilterOracle.meets(
                  request.filter(), hit.point().id(), stored.payload(), stored.vectors().keySet()))
          .as("%s: %s", request, hit)
          .isTrue();
    }
    if (request.query().prefetch().isEmpty() && request.scoreThreshold().isEmpty()) {
      assertThat(hits).as("%s", request).hasSameSizeAs(expected);
    }
  }

  private void groups(Database database, QueryRequest hits) {
    int size = 1 + random.nextInt(3);
    if (hits.query().prefetch().stream().mapToInt(stage -> stage.limit()).sum() < hits.k() * size
            && !hits.query().prefetch().isEmpty()
        || hits.query() instanceof QueryNode.Mmr) {
      return;
    }
    FieldPath path = RandomFilters.INDEXES.get(random.nextInt(RandomFilters.INDEXES.size())).path();
    QueryRequest request = hits.withGroups(new GroupBy(path, size));
    Map<Value, List<PointId>> expected =
        naive.groups(request, POINTS).entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey,
                    group -> group.getValue().stream().map(NaiveQueries.Hit::id).toList()));
    QueryResult result = database.query(COLLECTION, request);
    assertThat(result.hits()).isEmpty();
    assertThat(
            result.groups().stream()
                .collect(
                    Collectors.toMap(
                        QueryResult.Group::key,
                        group -> group.hits().stream().map(hit -> hit.point().id()).toList())))
        .as("%s", request)
        .isEqualTo(expected);
    assertThat(result.warnings()).isEmpty();
  }
}
