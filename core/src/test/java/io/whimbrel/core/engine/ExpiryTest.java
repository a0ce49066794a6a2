package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Points that expire, under a clock that the test turns.
class ExpiryTest {
  private static final String DOCS = "docs";
  private static final FieldPath UNTIL = FieldPath.of("expires_at");
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir private Path directory;

  private volatile Instant now = START;
  private final TreeMap<PointId, Optional<Instant>> model = new TreeMap<>();

  private Database open() throws IOException {
    return Database.open(directory, DatabaseOptions.DEFAULT.withClock(() -> now));
  }

  private static CollectionSpec spec() {
    return new CollectionSpec(
        DOCS,
        List.of(new FieldSpec("default", EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2))),
        List.of(),
        List.of(TextIndexSpec.of("body", TextAnalyzer.STANDARD)),
        Optional.of(UNTIL));
  }

  private void put(Database database, PointId id, Optional<Instant> until) {
    Value value =
        until
            .map(moment -> (Value) new Value.TimestampValue(moment))
            .orElseGet(() -> new Value.StringValue("never"));
    PointWrite point =
        PointWrite.of(
            id,
            Map.of("expires_at", value, "body", new Value.StringValue("word")),
            Vector.of(1, 0));
    database.write(DOCS, new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
    model.put(id, until);
  }

  private Set<PointId> alive() {
    Set<PointId> alive = new TreeSet<>();
    model.forEach((id, until) -> {
      if (until.isEmpty() || until.get().isAfter(now)) {
        alive.add(id);
      }
    });
    return alive;
  }

  private void compare(Database database) {
    Set<PointId> alive = alive();
    List<PointId> all = List.copyOf(model.keySet());
    assertThat(ids(database.get(DOCS, all, ReadOptions.DEFAULT))).isEqualTo(alive);
    assertThat(ids(database.scroll(DOCS, new byte[0], 1000, ReadOptions.DEFAULT).points()))
        .isEqualTo(alive);
    assertThat(database.count(DOCS, 0)).isEqualTo(alive.size());
    assertThat(database.count(DOCS, new Filter.Exists(UNTIL), 0, () -> false))
        .isEqualTo(alive.size());
    assertThat(
            ids(
                database.search(DOCS, SearchRequest.of(Vector.of(1, 0), 1000)).hits().stream()
                    .map(hit -> hit.point())
                    .toList()))
        .isEqualTo(alive);
    QueryRequest text =
        QueryRequest.of(new QueryNode.Text(FieldPath.of("body"), "word", List.of()), 1000);
    assertThat(ids(database.query(DOCS, text).hits().stream().map(hit -> hit.point()).toList()))
        .isEqualTo(alive);
  }

  private static Set<PointId> ids(List<Point> points) {
    Set<PointId> ids = new TreeSet<>();
    points.forEach(point -> ids.add(point.id()));
    return ids;
  }

  @Test
  void noReadShowsWhatHasExpiredDeletedOrNot() throws IOException {
    Random random = Seeds.random("ExpiryTest");
    Database database = open();
    try {
      database.createCollection(spec());
      for (int i = 1; i <= 300; i++) {
        Optional<Instant> until =
            random.nextInt(4) == 0
                ? Optional.empty()
                : Optional.of(now.plusSeconds(random.nextInt(50) - 5));
        put(database, PointId.of(random.nextInt(60)), until);
        if (random.nextInt(3) == 0) {
          now = now.plusSeconds(random.nextInt(10));
        }
        if (i % 15 == 0) {
          compare(database);
        }
        if (i % 40 == 0) {
          database.deleteExpired();
          model.keySet().retainAll(alive());
          assertThat(database.describe(DOCS).points()).isEqualTo(model.size());
          compare(database);
        }
        if (i % 100 == 0) {
          database.close();
          database = open();
          compare(database);
        }
      }
    } finally {
      database.close();
    }
  }

  @Test
  void aPointExpiresAtItsMomentAndTheStatusTells() throws IOException {
    try (Database database = open()) {
      database.createCollection(spec());
      put(database, PointId.of("a"), Optional.of(START.plusSeconds(10)));
      put(database, PointId.of("b"), Optional.empty());
      now = START.plusSeconds(10).minusNanos(1);
      assertThat(database.count(DOCS, 0)).isEqualTo(2);
      now = START.plusSeconds(10);
      assertThat(database.count(DOCS, 0)).isEqualTo(1);
      long waiting = database.describe(DOCS).ttl().orElseThrow().waiting();
      database.deleteExpired();
      CollectionInfo info = database.describe(DOCS);
      assertThat(waiting).isBetween(0L, 1L);
      assertThat(info.points()).isEqualTo(1);
      assertThat(info.ttl().orElseThrow()).isEqualTo(new CollectionInfo.TtlInfo(UNTIL, 0, 1));
    }
  }

  @Test
  void isDeclaredLaterAndEnded() throws IOException {
    try (Database database = open()) {
      database.createCollection(
          CollectionSpec.of(DOCS, EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2)));
      put(database, PointId.of("a"), Optional.of(START));
      assertThat(database.count(DOCS, 0)).isEqualTo(1);
      refused(() -> database.expireBy(DOCS, Optional.of(UNTIL)), ErrorCode.INDEX_NEEDED);
      database.addIndex(DOCS, new PayloadIndexSpec(UNTIL, ScalarType.TIMESTAMP));
      while (!database.describe(DOCS).indexes().getFirst().ready()) {
        Thread.onSpinWait();
      }
      database.expireBy(DOCS, Optional.of(UNTIL));
      assertThat(database.count(DOCS, 0)).isZero();
      refused(() -> database.dropIndex(DOCS, UNTIL), ErrorCode.UNSAFE);
      database.expireBy(DOCS, Optional.empty());
      database.dropIndex(DOCS, UNTIL);
      assertThat(database.describe(DOCS).ttl()).isEmpty();
    }
    try (Database database = open()) {
      assertThat(database.describe(DOCS).ttl()).isEmpty();
    }
  }

  @Test
  void expiryThatCannotBeIsRefused() throws IOException {
    assertThatThrownBy(() ->
            new CollectionSpec(
                DOCS,
                List.of(
                    new FieldSpec("default", EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2))),
                List.of(new PayloadIndexSpec(UNTIL, ScalarType.INT64)),
                List.of(),
                Optional.of(UNTIL)))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining("ttl_path");
  }

  /// A deletion that was decided on for a point whose moment has moved since leaves it.
  @Test
  void aPointThatIsWrittenAgainStays() throws IOException {
    try (Database database = open()) {
      database.createCollection(spec());
      put(database, PointId.of("a"), Optional.of(START.plusSeconds(5)));
      now = START.plusSeconds(6);
      put(database, PointId.of("a"), Optional.of(START.plusSeconds(60)));
      database
          .write(
              DOCS,
              new Mutation.Delete(
                  List.of(PointId.of("a")),
                  OptionalLong.empty(),
                  new Filter.Range(
                      UNTIL,
                      Optional.empty(),
                      Optional.of(new Filter.Bound(new Value.TimestampValue(now), true)))),
              WriteOptions.DEFAULT)
          .join();
      database.deleteExpired();
      compare(database);
    }
  }

  private static void refused(Runnable call, ErrorCode code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(WhimbrelException.class, e -> assertThat(e.code()).isEqualTo(code));
  }
}
