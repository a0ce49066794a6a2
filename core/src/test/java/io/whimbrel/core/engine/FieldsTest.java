package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Mutation.PayloadChange;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Vector fields that come and go while points are written.
class FieldsTest {
  private static final String DOCS = "docs";
  private static final int DIMENSION = 8;
  private static final ReadOptions EVERYTHING = new ReadOptions(Selector.ALL, Selector.ALL, 0);

  @TempDir private Path directory;

  private final Random random = Seeds.random("FieldsTest");

  private static EmbeddingSpec spec(IndexSpec index) {
    return EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, Metric.L2, index);
  }

  private static void refused(Runnable call, ErrorCode code, String field) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.field()).isEqualTo(field);
            });
  }

  @Test
  void equalAModelThroughRestarts() throws IOException {
    TreeMap<PointId, Map<String, float[]>> model = new TreeMap<>();
    TreeSet<String> fields = new TreeSet<>(List.of("f0"));
    Database database = Database.open(directory);
    try {
      database.createCollection(
          new CollectionSpec(DOCS, List.of(new FieldSpec("f0", spec(new IndexSpec.Flat())))));
      for (int i = 1; i <= 400; i++) {
        String field = "f" + random.nextInt(4);
        Database now = database;
        switch (random.nextInt(12)) {
          case 0 -> {
            FieldSpec added =
                new FieldSpec(
                    field,
                    spec(random.nextBoolean() ? new IndexSpec.Flat() : new IndexSpec.Hnsw()));
            if (fields.add(field)) {
              database.addField(DOCS, added);
            } else {
              refused(() -> now.addField(DOCS, added), ErrorCode.FIELD_EXISTS, "field.name");
            }
          }
          case 1 -> {
            if (!fields.contains(field)) {
              refused(() -> now.dropField(DOCS, field), ErrorCode.UNKNOWN_FIELD, "field");
            } else if (fields.size() == 1) {
              refused(() -> now.dropField(DOCS, field), ErrorCode.INVALID_ARGUMENT, "field");
            } else {
              database.dropField(DOCS, field);
              fields.remove(field);
              model.values().forEach(vectors -> vectors.remove(field));
            }
          }
          case 2 -> {
            PointId id = PointId.of(random.nextInt(60));
            write(database, new Mutation.Delete(List.of(id), OptionalLong.empty()));
            model.remove(id);
          }
          case 3 -> {
            PointId id = PointId.of(random.nextInt(60));
            if (model.containsKey(id)) {
              write(
                  database,
                  new Mutation.UpdatePayload(
                      List.of(id),
                      new PayloadChange.Set(Map.of("n", new Value.IntValue(i))),
                      OptionalLong.empty()));
            }
          }
          default -> upsert(database, model, fields);
        }
        if (i % 20 == 0) {
          compare(database, model, fields);
        }
        if (i % 80 == 0) {
          database.close();
          database = Database.open(directory);
          compare(database, model, fields);
        }
      }
    } finally {
      database.close();
    }
  }

  private static void write(Database database, Mutation mutation) {
    database.write(DOCS, mutation, WriteOptions.DEFAULT).join();
  }

  private void upsert(
      Database database, TreeMap<PointId, Map<String, float[]>> model, TreeSet<String> fields) {
    List<PointWrite> points = new ArrayList<>();
    for (int p = random.nextInt(3); p >= 0; p--) {
      PointId id = PointId.of(20 * p + random.nextInt(20));
      Map<String, Vector> vectors = new HashMap<>();
      Map<String, float[]> raw = new HashMap<>();
      for (String field : fields) {
        if (random.nextInt(3) > 0) {
          float[] values = Seeds.gaussian(random, DIMENSION);
          raw.put(field, values);
          vectors.put(field, Vector.of(values.clone()));
        }
      }
      points.add(new PointWrite(id, Map.of(), vectors, OptionalLong.empty()));
      model.put(id, raw);
    }
    write(database, new Mutation.Upsert(points));
  }

  private void compare(
      Database database, TreeMap<PointId, Map<String, float[]>> model, TreeSet<String> fields) {
    CollectionInfo info = database.describe(DOCS);
    assertThat(info.fields().stream().map(CollectionInfo.FieldInfo::name))
        .containsExactlyInAnyOrderElementsOf(fields);
    Page page = database.scroll(DOCS, new byte[0], 1000, EVERYTHING);
    assertThat(page.points().stream().map(Point::id)).containsExactlyElementsOf(model.keySet());
    for (Point point : page.points()) {
      Map<String, float[]> expected = model.getOrDefault(point.id(), Map.of());
      assertThat(point.vectors().keySet()).isEqualTo(expected.keySet());
      point
          .vectors()
          .forEach((field, vector) -> assertThat(vector.values()).isEqualTo(expected.get(field)));
    }
    for (CollectionInfo.FieldInfo field : info.fields()) {
      long live = model.values().stream().filter(v -> v.containsKey(field.name())).count();
      assertThat(field.versions().getFirst().live()).isEqualTo(live);
      SearchRequest request =
          new SearchRequest(
              field.name(),
              0,
              Vector.of(Seeds.gaussian(random, DIMENSION)),
              100,
              OptionalDouble.empty(),
              0,
              true,
              ReadOptions.DEFAULT);
      assertThat(database.search(DOCS, request).hits()).hasSize((int) live);
    }
  }

  @Test
  void aFieldInMotionIsNotDroppedAndItsPastGoesWithIt() throws IOException {
    try (Database database = Database.open(directory)) {
      database.createCollection(
          new CollectionSpec(
              DOCS,
              List.of(
                  new FieldSpec("a", spec(new IndexSpec.Flat())),
                  new FieldSpec("b", spec(new IndexSpec.Flat())))));
      String id =
          database
              .migrations()
              .create(
                  MigrationSpec.of(
                      DOCS, "b", EmbeddingSpec.flat(new ModelId("p", "n", "2"), 4, Metric.L2)),
                  true,
                  MovingDocs.NOTE)
              .id();
      refused(() -> database.dropField(DOCS, "b"), ErrorCode.MIGRATION_STATE, "field");
      database.migrations().cancel(id, false, MovingDocs.NOTE);
      while (!database.migrations().get(id).state().ended()) {
        Thread.onSpinWait();
      }
      database.dropField(DOCS, "b");
      assertThat(database.migrations().list(DOCS)).isEmpty();
      // The name is free again, for vectors of another kind.
      database.addField(
          DOCS, new FieldSpec("b", EmbeddingSpec.flat(ModelId.UNNAMED, 3, Metric.COSINE)));
      assertThatThrownBy(() ->
              write(
                  database,
                  new Mutation.Upsert(
                      List.of(
                          new PointWrite(
                              PointId.of(1),
                              Map.of(),
                              Map.of("b", Vector.of(new float[DIMENSION])),
                              OptionalLong.empty())))))
          .isInstanceOfAny(WhimbrelException.class, CompletionException.class);
    }
  }
}
