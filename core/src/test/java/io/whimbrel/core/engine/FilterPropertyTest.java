package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.FilterOracle;
import io.whimbrel.core.testing.RandomFilters;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random payloads and filters beside a full scan, while indexes come and go, with restarts.
final class FilterPropertyTest {
  private static final String COLLECTION = "points";
  private static final int DIMENSION = 5;
  private static final int POINTS = 150;
  private static final int ROUNDS = 40;
  private static final int FILTERS = 12;

  @TempDir private Path directory;

  private final Random random = Seeds.random("FilterProperty");
  private final List<PointId> ids = new ArrayList<>();
  private final TreeMap<PointId, Stored> model = new TreeMap<>();

  private record Stored(Map<String, Value> payload, Map<String, float[]> vectors) {}

  static List<IndexSpec> indexes() {
    return List.of(new IndexSpec.Flat(), new IndexSpec.Hnsw());
  }

  @ParameterizedTest
  @MethodSource("indexes")
  void everyReadUnderAFilterEqualsAFullScan(IndexSpec index) throws IOException {
    for (int i = 0; i < POINTS; i++) {
      ids.add(i % 2 == 0 ? PointId.of(i) : PointId.of("p" + i));
    }
    RandomFilters filters = new RandomFilters(random, ids, List.of("default", "title"));
    List<PayloadIndexSpec> declared = new ArrayList<>(RandomFilters.INDEXES.subList(0, 3));
    EmbeddingSpec spec = EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, Metric.L2, index);
    Database database = Database.open(directory);
    try {
      database.createCollection(
          new CollectionSpec(
              COLLECTION,
              List.of(new FieldSpec("default", spec), new FieldSpec("title", spec)),
              declared));
      for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < 10; i++) {
          change(database, filters);
        }
        changeIndexes(database, declared);
        for (int i = 0; i < FILTERS; i++) {
          compare(database, filters.filter(4));
        }
        if (round % 10 == 0) {
          database.close();
          database = Database.open(directory);
        }
      }
    } finally {
      database.close();
    }
  }

  private void change(Database database, RandomFilters filters) {
    PointId id = ids.get(random.nextInt(ids.size()));
    switch (random.nextInt(8)) {
      case 0 -> {
        write(database, new Mutation.Delete(List.of(id), OptionalLong.empty()));
        model.remove(id);
      }
      case 1 -> {
        Stored stored = model.get(id);
        if (stored != null) {
          Map<String, Value> payload = filters.payload();
          write(
              database,
              new Mutation.UpdatePayload(
                  List.of(id), new Mutation.PayloadChange.Set(payload), OptionalLong.empty()));
          model.put(id, new Stored(payload, stored.vectors()));
        }
      }
      case 2 -> {
        if (random.nextInt(4) == 0) {
          deleteMatching(database, filters.filter(3));
        }
      }
      default -> {
        List<PointWrite> points = new ArrayList<>();
        for (int i = random.nextInt(8); i >= 0; i--) {
          PointId other = ids.get((ids.indexOf(id) + i) % ids.size());
          Map<String, Vector> vectors = new HashMap<>();
          Map<String, float[]> raw = new HashMap<>();
          for (String field : List.of("default", "title")) {
            if (random.nextInt(4) > 0) {
              raw.put(field, Seeds.whole(random, DIMENSION));
              vectors.put(field, Vector.of(raw.get(field)));
            }
          }
          Map<String, Value> payload = filters.payload();
          points.add(new PointWrite(other, payload, vectors, OptionalLong.empty()));
          model.put(other, new Stored(payload, raw));
        }
        write(database, new Mutation.Upsert(points));
      }
    }
  }

  private void deleteMatching(Database database, Filter filter) {
    List<PointId> matches = matches(filter);
    assertThat(
            database.deleteMatching(COLLECTION, filter, Durability.ASYNC, () -> false).affected())
        .isEqualTo(matches.size());
    matches.forEach(model::remove);
  }

  private static void write(Database database, Mutation mutation) {
    database.write(COLLECTION, mutation, new WriteOptions("", Durability.ASYNC)).join();
  }

  private void changeIndexes(Database database, List<PayloadIndexSpec> declared) {
    PayloadIndexSpec spec = RandomFilters.INDEXES.get(random.nextInt(RandomFilters.INDEXES.size()));
    if (declared.remove(spec)) {
      database.dropIndex(COLLECTION, spec.path());
    } else {
      declared.add(spec);
      // Built in the background: the next reads may or may not have it.
      database.addIndex(COLLECTION, spec);
    }
    assertThat(database.describe(COLLECTION).indexes())
        .extracting(info -> info.spec())
        .containsExactlyInAnyOrderElementsOf(declared);
  }

  private List<PointId> matches(Filter filter) {
    return model.entrySet().stream()
        .filter(point ->
            FilterOracle.meets(
                filter,
                point.getKey(),
                point.getValue().payload(),
                point.getValue().vectors().keySet()))
        .map(Map.Entry::getKey)
        .toList();
  }

  private void compare(Database database, Filter filter) {
    List<PointId> expected = matches(filter);
    assertThat(database.count(COLLECTION, filter, 0, () -> false))
        .as("%s", filter)
        .isEqualTo(expected.size());
    List<PointId> scrolled = new ArrayList<>();
    byte[] cursor = {};
    do {
      Page page =
          database.scroll(COLLECTION, cursor, 1 + random.nextInt(60), filter, ReadOptions.DEFAULT);
      page.points().stream().map(Point::id).forEach(scrolled::add);
      cursor = page.nextCursor();
    } while (cursor.length > 0);
    assertThat(scrolled).as("%s", filter).isEqualTo(expected);
    search(database, filter, expected);
  }

  private void search(Database database, Filter filter, List<PointId> matches) {
    float[] query = Seeds.whole(random, DIMENSION);
    int k = 1 + random.nextInt(30);
    List<Double> expected =
        matches.stream()
            .filter(id -> stored(id).vectors().containsKey("default"))
            .map(id -> score(query, stored(id)))
            .sorted(Comparator.reverseOrder())
            .limit(k)
            .toList();
    SearchResult result =
        database.search(COLLECTION, SearchRequest.of(Vector.of(query), k).withFilter(filter));
    assertThat(result.hits()).as("%s", filter).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      SearchResult.Hit hit = result.hits().get(i);
      assertThat(matches).contains(hit.point().id());
      assertThat(hit.score()).isCloseTo(expected.get(i), Offset.offset(1e-3));
      assertThat(hit.point().payload()).isEqualTo(stored(hit.point().id()).payload());
    }
  }

  private Stored stored(PointId id) {
    Stored stored = model.get(id);
    if (stored == null) {
      throw new AssertionError(id);
    }
    return stored;
  }

  private static double score(float[] query, Stored stored) {
    float[] vector = stored.vectors().get("default");
    double sum = 0;
    for (int i = 0; i < query.length; i++) {
      sum -= Math.pow(query[i] - (vector == null ? Double.NaN : vector[i]), 2);
    }
    return sum;
  }
}
