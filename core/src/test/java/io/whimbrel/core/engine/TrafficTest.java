package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Judgments;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.ScheduleStatus;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.TrafficGates;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrafficTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  @TempDir private Path directory;
  private Database database;
  private Migration migration;

  @BeforeEach
  void open() throws IOException {
    database = Database.open(directory);
    MovingDocs.create(database);
    for (int i = 0; i < 30; i++) {
      upsert(database, point("p" + i, "text " + i, OLD));
    }
    migration = MovingDocs.ready(database, MovingDocs.start(database));
  }

  @AfterEach
  void close() {
    database.close();
  }

  /// Gates that do not mind how fast this machine is.
  private static TrafficSchedule schedule(int samplesMin, int... shares) {
    return new TrafficSchedule(
        Arrays.stream(shares)
            .mapToObj(share -> new TrafficSchedule.Step(share, Duration.ZERO))
            .toList(),
        new TrafficGates(
            Duration.ofSeconds(1), samplesMin, 0.01, 1000, 0.02, Duration.ofHours(1), 0.1, ""));
  }

  private ScheduleStatus schedule(TrafficSchedule schedule) {
    return database.traffic().schedule(migration.id(), schedule, 0, NOTE);
  }

  private ScheduleStatus status() {
    return database.traffic().scheduleStatus(migration.id()).orElseThrow();
  }

  /// A caller that knows both models.
  private SearchRequest request(String key, OptionalDouble threshold) {
    return new SearchRequest(
        "default",
        0,
        embed(OLD, "text 3"),
        5,
        threshold,
        0,
        false,
        ReadOptions.DEFAULT,
        new QueryRouting(key, 0, List.of(embed(NEW, "text 3")), OptionalDouble.empty()));
  }

  private SearchResult search(int key) {
    return database.search(COLLECTION, request("user " + key, OptionalDouble.empty()));
  }

  @Test
  void goesThroughItsStepsWhileSearchesAreWell() {
    schedule(schedule(20, 2000, 6000, 10_000));
    assertThatThrownBy(() -> schedule(schedule(20, 500)))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining("is running");
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      search(key++);
    }
    assertThat(status().state()).as(status().ended()).isEqualTo(ScheduleStatus.State.DONE);
    assertThat(status().step()).isEqualTo(3);
    // Never completed by itself.
    assertThat(database.migrations().get(migration.id()).state())
        .isEqualTo(MigrationState.SWITCHED);
    assertThat(database.migrations().history(migration.id()))
        .filteredOn(event -> event.actor().equals("server"))
        .extracting(MigrationEvent::basisPoints)
        .containsSubsequence(6000, 10_000);
  }

  @Test
  void errorsOfTheNewVersionTakeAllReadsBack() {
    schedule(schedule(20, 3000, 10_000));
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      SearchRequest request = request("user " + key, OptionalDouble.empty());
      SearchResult result = search(key++);
      if (result.servedVersion() == 2 && key % 20 == 0) {
        database
            .traffic()
            .failed(
                COLLECTION,
                request,
                WhimbrelException.of(ErrorCode.UNAVAILABLE, "index", "gone", "an index"));
      }
    }
    assertTripped("errors: ");
  }

  /// Scores of two models differ: a threshold made for one lets nothing of the other through.
  @Test
  void emptyAnswersOfTheNewVersionTakeAllReadsBack() {
    for (int i = 0; i < 30; i++) {
      // The new model knows nothing of what is asked.
      upsert(
          database,
          PointWrite.of(
              PointId.of("p" + i),
              MovingDocs.payload("text " + i),
              List.of(embed(OLD, "text " + i), embed(NEW, "other " + i))));
    }
    schedule(schedule(20, 5000));
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      database.search(COLLECTION, request("user " + key++, OptionalDouble.of(0.999)));
    }
    assertTripped("empty answers: ");
  }

  /// The gates of this golden set, in which every query asks for the text of one point.
  private TrafficSchedule judgedBy(boolean asksNewRight) {
    List<GoldenQuery> queries =
        IntStream.range(0, 30)
            .mapToObj(q ->
                new GoldenQuery(
                    "q" + q,
                    "",
                    List.of(
                        embed(OLD, "text " + q),
                        embed(NEW, (asksNewRight ? "text " : "other ") + q)),
                    Map.of(),
                    new Judgments(Map.of(PointId.of("p" + q), 1))))
            .toList();
    database.evaluations().put(COLLECTION, "default", "faq", new GoldenSet(queries));
    return new TrafficSchedule(
        List.of(
            new TrafficSchedule.Step(5000, Duration.ZERO),
            new TrafficSchedule.Step(10_000, Duration.ZERO)),
        new TrafficGates(
            Duration.ofSeconds(1), 20, 0.01, 1000, 1, Duration.ofHours(1), 0.1, "faq"));
  }

  @Test
  void aGoldenSetThatFindsTheNewVersionWorseTakesAllReadsBack() {
    schedule(judgedBy(false));
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      search(key++);
    }
    assertTripped("golden set faq: WORSE");
  }

  @Test
  void aGoldenSetThatFindsNothingWorseLetsTheScheduleGoOn() {
    schedule(judgedBy(true));
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      search(key++);
    }
    assertThat(status().state()).as(status().ended()).isEqualTo(ScheduleStatus.State.DONE);
  }

  private void assertTripped(String reason) {
    assertThat(status().state()).as(status().ended()).isEqualTo(ScheduleStatus.State.TRIPPED);
    assertThat(status().ended()).startsWith(reason);
    Migration now = database.migrations().get(migration.id());
    assertThat(now.state()).isEqualTo(MigrationState.ROLLED_BACK);
    assertThat(now.basisPoints()).isZero();
    assertThat(database.migrations().history(migration.id()).getLast())
        .satisfies(event -> {
          assertThat(event.actor()).isEqualTo("server");
          assertThat(event.reason()).startsWith("gate: " + reason);
        });
    assertThat(search(1).servedVersion()).isEqualTo(1);
  }

  @Test
  void anOperatorEndsASchedule() {
    schedule(schedule(1_000_000, 2000, 10_000));
    database.migrations().reverseTraffic(migration.id(), NOTE);
    while (status().state() == ScheduleStatus.State.RUNNING) {
      Thread.onSpinWait();
    }
    assertThat(status().state()).isEqualTo(ScheduleStatus.State.STOPPED);
    assertThat(status().ended()).isEqualTo("the migration is ROLLED_BACK at 0 basis points");
  }

  @Test
  void aScheduleGoesOnAfterARestart() throws IOException {
    schedule(schedule(20, 2000, 10_000));
    database.close();
    database = Database.open(directory);
    assertThat(status().state()).isEqualTo(ScheduleStatus.State.RUNNING);
    int key = 0;
    while (status().state() == ScheduleStatus.State.RUNNING) {
      search(key++);
    }
    assertThat(status().state()).isEqualTo(ScheduleStatus.State.DONE);
    assertThat(database.migrations().get(migration.id()).basisPoints()).isEqualTo(10_000);
  }

  @Test
  void refusesAScheduleThatCannotBegin() {
    assertThatThrownBy(
            () -> database.traffic().schedule(migration.id(), schedule(20, 100), 999, NOTE))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.EPOCH_MISMATCH));
    TrafficSchedule golden =
        new TrafficSchedule(
            List.of(new TrafficSchedule.Step(100, Duration.ZERO)),
            new TrafficGates(
                Duration.ofSeconds(1), 1, 0.01, 2, 0.02, Duration.ofHours(1), 0.1, "none"));
    assertThatThrownBy(() -> schedule(golden))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.GOLDEN_SET_NOT_FOUND));
    assertThat(database.traffic().scheduleStatus(migration.id())).isEmpty();
    assertThat(database.migrations().get(migration.id()).state()).isEqualTo(MigrationState.READY);
    assertThatThrownBy(() -> database.traffic().recordFeedback(migration.id(), 7, true))
        .hasMessage("version: 7 (expected: 1 or 2)");
  }

  @Test
  void aMirrorChangesNoAnswer() {
    List<SearchResult> before = IntStream.range(0, 20).mapToObj(this::search).toList();
    database.traffic().mirror(migration.id(), 100, DEADLINE);
    List<SearchResult> mirrored = IntStream.range(0, 20).mapToObj(this::search).toList();
    assertThat(mirrored).isEqualTo(before);
    MirrorReport report = database.traffic().mirrorReport(migration.id()).orElseThrow();
    while (report.compared() + report.dropped() < 20) {
      Thread.onSpinWait();
      report = database.traffic().mirrorReport(migration.id()).orElseThrow();
    }
    assertThat(report.sampled()).isEqualTo(20);
    assertThat(report.failed()).isZero();
    assertThat(report.meanOverlap()).isBetween(0.2, 1.0);
    database.traffic().mirror(migration.id(), 0, DEADLINE);
    search(1);
    // A caller that knows the old model only cannot be mirrored.
    database.traffic().mirror(migration.id(), 100, DEADLINE);
    database.search(COLLECTION, SearchRequest.of(embed(OLD, "text 1"), 5));
    assertThat(database.traffic().mirrorReport(migration.id()).orElseThrow().skipped())
        .isEqualTo(1);
    assertThatThrownBy(() -> database.traffic().mirror(migration.id(), 101, DEADLINE))
        .hasMessage("percent: 101 (expected: 0 to 100)");
  }
}
