package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Mutation.PayloadChange;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.quant.AffineCodec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random operations on a database beside a `TreeMap`, with restarts; everything readable is
/// compared at intervals.
class DatabaseModelTest {
  private static final String COLLECTION = "model";
  private static final int DIMENSION = 9;
  private static final int OPERATIONS = 3000;
  private static final int IDS = 120;
  private static final long SEED = Long.getLong("whimbrel.model.seed", System.nanoTime());
  private static final ReadOptions EVERYTHING = new ReadOptions(Selector.ALL, Selector.ALL, 0);

  private record Stored(Map<String, Value> payload, Map<String, float[]> vectors, long seq) {}

  @TempDir private Path directory;

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final TreeMap<PointId, Stored> model = new TreeMap<>();
  private long seq;
  private Kind kind = new Kind(new IndexSpec.Flat(), Storage.FLOAT32, true);
  private int found;
  private int wanted;

  private record Kind(IndexSpec index, Storage storage, boolean keepOriginals) {
    EmbeddingSpec spec(Metric metric) {
      return EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, metric, index)
          .stored(storage, keepOriginals);
    }
  }

  static List<Kind> kinds() {
    return List.of(
        new Kind(new IndexSpec.Flat(), Storage.FLOAT32, true),
        new Kind(new IndexSpec.Flat(), Storage.INT8, true),
        new Kind(new IndexSpec.Flat(), Storage.INT8, false),
        new Kind(new IndexSpec.Hnsw(), Storage.FLOAT32, true),
        new Kind(new IndexSpec.Hnsw(), Storage.INT8, true),
        new Kind(new IndexSpec.Hnsw(), Storage.INT8, false));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void readsAlwaysEqualTheModel(Kind tested) throws IOException {
    kind = tested;
    System.out.println("repeat with -Dtest=DatabaseModelTest -Dwhimbrel.model.seed=" + SEED);
    Database database = Database.open(directory);
    try {
      database.createCollection(
          new CollectionSpec(
              COLLECTION,
              List.of(
                  new FieldSpec("default", kind.spec(Metric.L2)),
                  new FieldSpec("title", kind.spec(Metric.COSINE)))));
      seq = database.seq();
      for (int i = 1; i <= OPERATIONS; i++) {
        operate(database);
        assertThat(database.count(COLLECTION, seq)).isEqualTo(model.size());
        if (i % 250 == 0) {
          compare(database);
        }
        if (i % 600 == 0) {
          float[] query = vector();
          List<SearchResult> before = exactly(database, query);
          database.close();
          database = Database.open(directory);
          assertThat(database.seq()).isEqualTo(seq);
          if (kind.index() instanceof IndexSpec.Flat) {
            // What was written and what is loaded are the same rows, to the last bit.
            assertThat(exactly(database, query)).isEqualTo(before);
          }
          compare(database);
        }
      }
      if (kind.index() instanceof IndexSpec.Hnsw) {
        // A walk with the smallest beam there is.
        assertThat((double) found / wanted).isGreaterThan(0.8);
      }
    } finally {
      database.close();
    }
  }

  private void operate(Database database) {
    switch (random.nextInt(8)) {
      case 0, 1, 2, 3 -> upsert(database);
      case 4 -> delete(database);
      case 5, 6 -> updatePayload(database);
      case 7 -> conflict(database);
      default -> throw new AssertionError();
    }
  }

  private void upsert(Database database) {
    List<PointWrite> points = new ArrayList<>();
    Map<PointId, Stored> written = new HashMap<>();
    for (PointId id : someIds()) {
      Map<String, Vector> vectors = new HashMap<>();
      Map<String, float[]> raw = new HashMap<>();
      for (String field : List.of("default", "title")) {
        if (random.nextInt(4) > 0) {
          float[] values = vector();
          raw.put(field, kept(values));
          vectors.put(field, Vector.of(values.clone()));
        }
      }
      Map<String, Value> payload = payload();
      long before = model.containsKey(id) ? Objects.requireNonNull(model.get(id)).seq() : 0;
      OptionalLong ifSeq = random.nextInt(3) == 0 ? OptionalLong.of(before) : OptionalLong.empty();
      points.add(new PointWrite(id, payload, vectors, ifSeq));
      written.put(id, new Stored(payload, raw, seq + 1));
    }
    assertThat(write(database, new Mutation.Upsert(points))).isEqualTo(points.size());
    model.putAll(written);
  }

  /// What the store keeps of a vector.
  private float[] kept(float[] values) {
    if (kind.keepOriginals()) {
      return values;
    }
    AffineCodec codec = AffineCodec.int8(DIMENSION);
    float[] kept = new float[DIMENSION];
    try {
      codec.unpack(ByteBuffer.wrap(codec.pack(values)), kept);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return kept;
  }

  private static List<SearchResult> exactly(Database database, float[] query) {
    return Stream.of("default", "title")
        .map(field ->
            database.search(
                COLLECTION,
                new SearchRequest(
                    field,
                    0,
                    Vector.of(query),
                    20,
                    OptionalDouble.empty(),
                    0,
                    true,
                    ReadOptions.DEFAULT)))
        .toList();
  }

  private void delete(Database database) {
    List<PointId> ids = someIds();
    long present = ids.stream().filter(model::containsKey).count();
    assertThat(write(database, new Mutation.Delete(ids, OptionalLong.empty()))).isEqualTo(present);
    ids.forEach(model::remove);
  }

  private void updatePayload(Database database) {
    List<PointId> ids = new ArrayList<>(someIds());
    ids.retainAll(model.keySet());
    if (ids.isEmpty()) {
      return;
    }
    Map<String, Value> argument = payload();
    PayloadChange change =
        switch (random.nextInt(4)) {
          case 0 -> new PayloadChange.Set(argument);
          case 1 -> new PayloadChange.Merge(argument);
          case 2 -> new PayloadChange.DeleteKeys(List.of("int", "list"));
          default -> new PayloadChange.Clear();
        };
    write(database, new Mutation.UpdatePayload(ids, change, OptionalLong.empty()));
    for (PointId id : ids) {
      Stored before = Objects.requireNonNull(model.get(id));
      Map<String, Value> after = new HashMap<>(before.payload());
      switch (change) {
        case PayloadChange.Set _ -> {
          after.clear();
          after.putAll(argument);
        }
        case PayloadChange.Merge _ -> after.putAll(argument);
        case PayloadChange.DeleteKeys delete -> delete.keys().forEach(after::remove);
        case PayloadChange.Clear _ -> after.clear();
      }
      model.put(id, new Stored(after, before.vectors(), seq));
    }
  }

  /// A batch whose last point fails its condition changes nothing.
  private void conflict(Database database) {
    List<PointWrite> points = new ArrayList<>();
    List<PointId> ids = someIds();
    for (int i = 0; i < ids.size(); i++) {
      OptionalLong ifSeq =
          i == ids.size() - 1 ? OptionalLong.of(Long.MAX_VALUE) : OptionalLong.empty();
      points.add(
          new PointWrite(ids.get(i), payload(), Map.of("default", Vector.of(vector())), ifSeq));
    }
    assertThatThrownBy(() ->
            database.write(COLLECTION, new Mutation.Upsert(points), WriteOptions.DEFAULT).join())
        .isInstanceOf(CompletionException.class)
        .cause()
        .isInstanceOfSatisfying(
            WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SEQ_MISMATCH));
    assertThat(database.seq()).isEqualTo(seq);
  }

  private long write(Database database, Mutation mutation) {
    var result = database.write(COLLECTION, mutation, WriteOptions.DEFAULT).join();
    assertThat(result.seq()).isEqualTo(++seq);
    return result.affected();
  }

  private void compare(Database database) {
    List<Point> scrolled = new ArrayList<>();
    byte[] cursor = {};
    do {
      Page page = database.scroll(COLLECTION, cursor, 1 + random.nextInt(50), EVERYTHING);
      scrolled.addAll(page.points());
      cursor = page.nextCursor();
    } while (cursor.length > 0);
    assertThat(scrolled).extracting(Point::id).containsExactlyElementsOf(model.keySet());
    List<PointId> ids = new ArrayList<>(model.keySet());
    assertThat(database.get(COLLECTION, ids, EVERYTHING)).isEqualTo(scrolled);
    for (Point point : scrolled) {
      Stored stored = Objects.requireNonNull(model.get(point.id()));
      assertThat(point.payload()).isEqualTo(stored.payload());
      assertThat(point.seq()).isEqualTo(stored.seq());
      assertThat(point.vectors().keySet()).isEqualTo(stored.vectors().keySet());
      stored
          .vectors()
          .forEach((field, values) ->
              assertThat(Objects.requireNonNull(point.vectors().get(field)).values())
                  .isEqualTo(values));
    }
    for (int i = 0; i < 5; i++) {
      compareSearch(database, "default");
      compareSearch(database, "title");
    }
  }

  private void compareSearch(Database database, String field) {
    float[] query = vector();
    int k = 1 + random.nextInt(20);
    List<Map.Entry<PointId, Double>> expected =
        model.entrySet().stream()
            .filter(entry -> entry.getValue().vectors().containsKey(field))
            .map(entry ->
                Map.entry(
                    entry.getKey(),
                    score(
                        field,
                        query,
                        Objects.requireNonNull(entry.getValue().vectors().get(field)))))
            .sorted(
                Comparator.<Map.Entry<PointId, Double>>comparingDouble(Map.Entry::getValue)
                    .reversed()
                    .thenComparing(Map.Entry::getKey))
            .limit(k)
            .toList();
    SearchResult result =
        database.search(
            COLLECTION,
            new SearchRequest(
                field,
                0,
                Vector.of(query),
                k,
                OptionalDouble.empty(),
                0,
                random.nextBoolean(),
                ReadOptions.DEFAULT));
    assertThat(result.seq()).isEqualTo(seq);
    assertThat(result.hits()).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(result.hits().get(i).score())
          .isCloseTo(
              expected.get(i).getValue(), org.assertj.core.data.Offset.offset(tolerance(field)));
    }
    if (kind.index() instanceof IndexSpec.Hnsw) {
      // Rotated vectors have rounded distances: no order among equals.
      compareWalk(database, field, query, k, expected);
    } else if (field.equals("default") && kind.storage() == Storage.FLOAT32) {
      // Small whole numbers: distances are exact, so the order is too, ties included.
      assertThat(result.hits())
          .extracting(hit -> hit.point().id())
          .containsExactlyElementsOf(expected.stream().map(Map.Entry::getKey).toList());
    }
  }

  /// Whole numbers up to 4 have steps of at most 3/255 in int8: half of one in each value of row
  /// and query.
  private double tolerance(String field) {
    if (kind.storage() == Storage.FLOAT32) {
      return 1e-4;
    }
    if (kind.index() instanceof IndexSpec.Hnsw) {
      // Rotated and padded to 16 values at most, whose range is up to the norm on both sides: an
      // error of 4 half-steps in length, on both ends of a difference of up to 9.
      double length = field.equals("title") ? 1 : Math.sqrt(DIMENSION * 16);
      double off = 4 * length / 255 + 3 * 3.0 / 510;
      return field.equals("title") ? 2 * off : 2 * 9 * off + off * off;
    }
    double error = 3.0 / 255;
    return field.equals("title") ? 2 * error : DIMENSION * (2 * 3 * error + error * error);
  }

  /// With so small a beam the graph is walked, though there are few points.
  private void compareWalk(
      Database database,
      String field,
      float[] query,
      int k,
      List<Map.Entry<PointId, Double>> expected) {
    SearchResult result =
        database.search(
            COLLECTION,
            new SearchRequest(
                field,
                0,
                Vector.of(query),
                k,
                OptionalDouble.empty(),
                k,
                false,
                ReadOptions.DEFAULT));
    assertThat(result.hits()).hasSameSizeAs(expected);
    assertThat(result.hits()).extracting(hit -> hit.point().id()).doesNotHaveDuplicates();
    assertThat(result.hits())
        .extracting(SearchResult.Hit::score)
        .isSortedAccordingTo(Comparator.reverseOrder());
    for (SearchResult.Hit hit : result.hits()) {
      Stored stored = Objects.requireNonNull(model.get(hit.point().id()));
      float[] values = Objects.requireNonNull(stored.vectors().get(field));
      assertThat(hit.score())
          .isCloseTo(
              score(field, query, values), org.assertj.core.data.Offset.offset(tolerance(field)));
      found += hit.score() >= expected.getLast().getValue() - tolerance(field) ? 1 : 0;
    }
    wanted += expected.size();
  }

  private static double score(String field, float[] a, float[] b) {
    double dot = 0;
    double squaresA = 0;
    double squaresB = 0;
    double distance = 0;
    for (int i = 0; i < a.length; i++) {
      dot += (double) a[i] * b[i];
      squaresA += (double) a[i] * a[i];
      squaresB += (double) b[i] * b[i];
      distance += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return field.equals("title") ? dot / Math.sqrt(squaresA * squaresB) : -distance;
  }

  private List<PointId> someIds() {
    TreeMap<PointId, Boolean> ids = new TreeMap<>();
    int count = 1 + random.nextInt(6);
    for (int i = 0; i < count; i++) {
      int n = random.nextInt(IDS);
      ids.put(n % 2 == 0 ? PointId.of("punkt-ß-" + n) : PointId.of(-1L - n), true);
    }
    return new ArrayList<>(ids.keySet());
  }

  /// Whole numbers from 1 to 4, so that equal distances are common.
  private float[] vector() {
    float[] values = new float[DIMENSION];
    for (int i = 0; i < DIMENSION; i++) {
      values[i] = 1 + random.nextInt(4);
    }
    return values;
  }

  private Map<String, Value> payload() {
    Map<String, Value> payload = new HashMap<>();
    if (random.nextBoolean()) {
      payload.put("int", new Value.IntValue(random.nextLong()));
    }
    if (random.nextBoolean()) {
      payload.put("double", new Value.DoubleValue(random.nextInt(4) - 0.0));
    }
    if (random.nextBoolean()) {
      payload.put(
          "list",
          new Value.ListValue(
              List.of(
                  Value.NullValue.INSTANCE,
                  new Value.BoolValue(random.nextBoolean()),
                  new Value.StringValue("größe " + random.nextInt()))));
    }
    if (random.nextBoolean()) {
      payload.put(
          "object",
          new Value.ObjectValue(
              Map.of(
                  "at",
                  new Value.TimestampValue(
                      Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000))))));
    }
    return payload;
  }
}
