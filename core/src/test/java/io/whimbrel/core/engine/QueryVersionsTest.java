package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Query trees while their field moves from one model to another of the same dimension.
final class QueryVersionsTest {
  private static final int POINTS = 40;

  @TempDir private Path directory;

  private Database database;
  private Migration migration;

  @BeforeEach
  void ready() throws IOException {
    database = Database.open(directory);
    MovingDocs.create(database);
    for (int i = 0; i < POINTS; i++) {
      upsert(database, point("p" + i, "text " + i, OLD));
    }
    migration = MovingDocs.ready(database, MovingDocs.start(database));
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static QueryNode.Nearest nearest(QueryInput input, Prefetch... below) {
    return new QueryNode.Nearest("default", 0, input, 0, List.of(below));
  }

  private static QueryInput both(String text) {
    return new QueryInput.Given(List.of(embed(OLD, text), embed(NEW, text)));
  }

  private QueryResult ask(QueryNode query, String key) {
    return database.query(
        COLLECTION,
        QueryRequest.of(query, 5)
            .withRead(new ReadOptions(Selector.NONE, Selector.ALL, 0))
            .withRouting(new QueryRouting(key, 0, List.of(), OptionalDouble.empty())));
  }

  private void shift(int basisPoints) {
    database.migrations().switchTraffic(migration.id(), basisPoints, 0, false, NOTE);
  }

  private static ErrorCode refused(Runnable call) {
    return catchThrowableOfType(WhimbrelException.class, call::run).code();
  }

  @Test
  void oneVersionAnswersAllStagesOfAKey() {
    shift(5000);
    Set<Integer> versions = new HashSet<>();
    for (int i = 0; i < 40; i++) {
      QueryNode tree =
          new QueryNode.Fusion(
              60,
              List.of(),
              List.of(
                  Prefetch.of(nearest(both("text " + i)), 10),
                  Prefetch.of(nearest(both("other " + i)), 10),
                  Prefetch.of(nearest(new QueryInput.Stored(PointId.of("p" + i % POINTS))), 10)));
      // With and without a key: then the first stage decides.
      QueryResult result = ask(tree, i % 2 == 0 ? "key " + i : "");
      assertThat(result.served()).hasSize(1);
      int version = result.served().getFirst().version();
      versions.add(version);
      String space = version == 1 ? OLD.spaceId() : NEW.spaceId();
      for (QueryResult.Hit hit : result.hits()) {
        assertThat(hit.point().vectors().values())
            .extracting(Vector::spaceId)
            .containsExactly(space);
      }
      assertThat(ask(tree, i % 2 == 0 ? "key " + i : "").served()).isEqualTo(result.served());
    }
    assertThat(versions).containsExactlyInAnyOrder(1, 2);
  }

  @Test
  void aStageWithoutAVectorForTheVersionIsRefusedByItsPath() {
    shift(10_000);
    QueryNode tree =
        new QueryNode.Fusion(
            60,
            List.of(),
            List.of(
                Prefetch.of(nearest(both("a")), 10),
                Prefetch.of(nearest(QueryInput.Given.of(embed(OLD, "b"))), 10)));
    WhimbrelException e = catchThrowableOfType(WhimbrelException.class, () -> ask(tree, "key"));
    assertThat(e.code()).isEqualTo(ErrorCode.ROUTING_STALE);
    assertThat(e.field()).isEqualTo("query.prefetch[1].query.nearest.vector.space_id");
    assertThat(e.policy()).isPresent();
    // A vector that does not say its space could be of either model.
    Vector nameless = Vector.of(embed(NEW, "b").values());
    assertThat(
            refused(() -> {
              var _ =
                  ask(
                      nearest(QueryInput.Given.of(nameless), Prefetch.of(nearest(both("a")), 10)),
                      "key");
            }))
        .isEqualTo(ErrorCode.SPACE_REQUIRED);
  }

  @Test
  void aStageMayNameItsVersion() {
    QueryNode old = nearest(QueryInput.Given.of(embed(OLD, "text 3")));
    QueryNode rescored =
        new QueryNode.Nearest(
            "default",
            2,
            QueryInput.Given.of(embed(NEW, "text 3")),
            0,
            List.of(Prefetch.of(old, 10)));
    QueryResult result = ask(rescored, "");
    assertThat(result.served()).extracting(QueryResult.Served::version).containsExactly(2, 1);
    assertThat(result.hits().getFirst().point().id()).isEqualTo(PointId.of("p3"));
    assertThat(result.hits().getFirst().score()).isBetween(1 - 1e-6, 1 + 1e-6);
  }

  @Test
  void aCursorPinsTheVersionOfItsVectors() {
    QueryRequest first =
        QueryRequest.of(new QueryNode.OrderBy(FieldPath.of("text"), false, List.of()), 15)
            .withRead(new ReadOptions(Selector.NONE, Selector.ALL, 0));
    QueryResult page = database.query(COLLECTION, first);
    assertThat(page.hits().getFirst().point().vectors().values())
        .extracting(Vector::spaceId)
        .containsExactly(OLD.spaceId());
    shift(10_000);
    List<PointId> ids = new ArrayList<>(page.hits().stream().map(hit -> hit.point().id()).toList());
    QueryRequest.Cursor cursor = page.next();
    while (!cursor.isEmpty()) {
      QueryResult next = database.query(COLLECTION, first.withCursor(cursor));
      for (QueryResult.Hit hit : next.hits()) {
        ids.add(hit.point().id());
        assertThat(hit.point().vectors().values())
            .extracting(Vector::spaceId)
            .containsExactly(OLD.spaceId());
      }
      cursor = next.next();
    }
    assertThat(ids).hasSize(POINTS).doesNotHaveDuplicates();
    database.migrations().complete(migration.id(), COLLECTION, false, true, NOTE);
    assertThat(refused(() -> database.query(COLLECTION, first.withCursor(page.next()))))
        .isEqualTo(ErrorCode.CURSOR_EXPIRED);
  }
}
