package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.drain;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.evaluation.EvaluationOptions;
import io.whimbrel.core.evaluation.EvaluationReport;
import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Judgments;
import io.whimbrel.core.evaluation.Verdict;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.GoldenSetInfo;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationsTest {
  private static final int POINTS = 300;
  private static final int QUERIES = 60;

  @TempDir private Path directory;
  private Database database;

  @BeforeEach
  void open() throws IOException {
    database = Database.open(directory);
    MovingDocs.create(database);
  }

  @AfterEach
  void close() {
    database.close();
  }

  /// Each query asks for the text of one point. `asked` is what the new model is given, the old one
  /// gets the text.
  private static GoldenSet set(boolean asksNewRight) {
    List<GoldenQuery> queries = new ArrayList<>();
    for (int q = 0; q < QUERIES; q++) {
      String text = "text " + q;
      queries.add(
          new GoldenQuery(
              "q" + q,
              text,
              List.of(embed(OLD, text), embed(NEW, asksNewRight ? text : "other " + q)),
              Map.of("half", q % 2 == 0 ? "even" : "odd"),
              new Judgments(Map.of(PointId.of("p" + q), 2, PointId.of(q), 0))));
    }
    return new GoldenSet(queries);
  }

  private Migration moved() {
    for (int i = 0; i < POINTS; i++) {
      upsert(database, point("p" + i, "text " + i, OLD));
    }
    Migration migration = MovingDocs.start(database);
    drain(database, migration);
    return migration;
  }

  private EvaluationReport evaluate(String name) {
    return database
        .evaluations()
        .evaluate(COLLECTION, name, 1, 2, EvaluationOptions.atK(10), () -> false);
  }

  @Test
  void comparesBothVersionsOnTheLiveCollection() throws IOException {
    moved();
    GoldenSetInfo info = database.evaluations().put(COLLECTION, "default", "right", set(true));
    assertThat(info)
        .isEqualTo(new GoldenSetInfo(COLLECTION, "default", "right", QUERIES, 2 * QUERIES));
    database.evaluations().put(COLLECTION, "default", "wrong", set(false));

    EvaluationReport alike = evaluate("right");
    assertThat(alike.verdict()).isEqualTo(Verdict.NON_INFERIOR);
    assertThat(alike.served().getFirst().baseline()).isEqualTo(1);
    assertThat(alike.baseline().indexRecall()).isEqualTo(1);
    assertThat(alike.baseline().served().rankings()).hasSize(QUERIES);

    EvaluationReport worse = evaluate("wrong");
    assertThat(worse.verdict()).isEqualTo(Verdict.WORSE);
    assertThat(worse.served().getFirst().candidate()).isLessThan(0.2);

    database.close();
    database = Database.open(directory);
    assertThat(database.evaluations().get(COLLECTION, "right")).isEqualTo(set(true));
    assertThat(evaluate("wrong").served()).isEqualTo(worse.served());
  }

  @Test
  void goldenSetsGoWithTheirCollection() {
    database.evaluations().put(COLLECTION, "default", "a", set(true));
    database.evaluations().put(COLLECTION, "default", "a-b", set(true));
    database.evaluations().delete(COLLECTION, "a");
    assertThat(database.evaluations().list(COLLECTION))
        .extracting(GoldenSetInfo::name)
        .containsExactly("a-b");
    database.deleteCollection(COLLECTION);
    MovingDocs.create(database);
    assertThat(database.evaluations().list(COLLECTION)).isEmpty();
    refused(ErrorCode.GOLDEN_SET_NOT_FOUND, () -> database.evaluations().get(COLLECTION, "a-b"));
  }

  @Test
  void refusesWhatItCannotAsk() {
    Vector nameless = Vector.of(1, 2, 3);
    refused(ErrorCode.SPACE_REQUIRED, () -> put("a", nameless));
    refused(
        ErrorCode.DIMENSION_MISMATCH, () -> put("a", new Vector(new float[3], 1, OLD.spaceId())));
    refused(ErrorCode.INVALID_NAME, () -> put("A b", embed(OLD, "x")));
    refused(
        ErrorCode.UNKNOWN_FIELD,
        () -> database.evaluations().put(COLLECTION, "title", "a", set(true)));
    refused(ErrorCode.GOLDEN_SET_NOT_FOUND, () -> evaluate("a"));
    put("a", embed(OLD, "x"));
    refused(ErrorCode.UNKNOWN_VERSION, () -> evaluate("a"));
    MovingDocs.start(database);
    assertThatThrownBy(() -> evaluate("a"))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.SPACE_MISMATCH))
        .hasMessageStartingWith("queries[q].vectors: [" + OLD.spaceId() + "]");
  }

  private void put(String name, Vector vector) {
    GoldenQuery query =
        new GoldenQuery(
            "q", "", List.of(vector), Map.of(), new Judgments(Map.of(PointId.of("p"), 1)));
    database.evaluations().put(COLLECTION, "default", name, new GoldenSet(List.of(query)));
  }

  private static void refused(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            refusal -> assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code));
  }
}
