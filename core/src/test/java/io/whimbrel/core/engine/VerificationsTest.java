package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.NEW;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.OLD;
import static io.whimbrel.core.engine.MovingDocs.awaitState;
import static io.whimbrel.core.engine.MovingDocs.drain;
import static io.whimbrel.core.engine.MovingDocs.embed;
import static io.whimbrel.core.engine.MovingDocs.point;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.EmbeddedAgain;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerificationsTest {
  @TempDir private Path directory;
  private Database database;

  @BeforeEach
  void open() throws IOException {
    database = Database.open(directory);
    MovingDocs.create(database);
    for (int i = 0; i < 50; i++) {
      upsert(database, point("p" + i, "text " + i, OLD));
    }
  }

  @AfterEach
  void close() {
    database.close();
  }

  private VDiff awaitEnd(String id) {
    VDiff diff = database.verifications().get(id).orElseThrow();
    while (diff.state() == VDiff.State.RUNNING) {
      Thread.onSpinWait();
      diff = database.verifications().get(id).orElseThrow();
    }
    return diff;
  }

  private Migration verifying() {
    Migration migration = MovingDocs.start(database);
    drain(database, migration);
    Migration now = database.migrations().get(migration.id());
    for (MigrationState state : List.of(MigrationState.BACKFILLING, MigrationState.INDEXING)) {
      now = awaitState(database, now, state);
    }
    assertThat(now.state()).isEqualTo(MigrationState.VERIFYING);
    return now;
  }

  @Test
  void aCleanComparisonMakesTheMigrationReadyAndIsRemembered() throws IOException {
    Migration migration = verifying();
    assertThat(database.verifications().get(migration.id())).isEmpty();
    VDiff begun = database.verifications().start(migration.id(), NOTE);
    assertThat(begun.total()).isEqualTo(50);
    Migration ready = awaitState(database, migration, MigrationState.VERIFYING);
    assertThat(ready.state()).isEqualTo(MigrationState.READY);
    VDiff ended = awaitEnd(migration.id());
    assertThat(ended.clean()).isTrue();
    assertThat(ended.checked()).isEqualTo(50);
    database.close();
    database = Database.open(directory);
    assertThat(database.verifications().get(migration.id())).contains(ended);
    database.verifications().delete(migration.id());
    assertThat(database.verifications().get(migration.id())).isEmpty();
  }

  @Test
  void aStoppedComparisonGoesOn() {
    Migration migration = verifying();
    database.verifications().start(migration.id(), NOTE);
    assertThat(database.verifications().stop(migration.id()).state())
        .isIn(VDiff.State.STOPPED, VDiff.State.COMPLETED);
    database.verifications().resume(migration.id());
    VDiff ended = awaitEnd(migration.id());
    assertThat(ended.state()).isEqualTo(VDiff.State.COMPLETED);
    assertThat(ended.checked()).isEqualTo(50);
  }

  /// What a killed server leaves is a row that says RUNNING.
  @Test
  void aComparisonThatWasCutOffIsStoppedAndKeepsItsPlace() throws IOException {
    VDiffRow row =
        VDiffRow.begin(50, 7, NOTE)
            .with(20, 21, List.of(new VDiff.Fault(VDiff.Kind.STALE, "p3", "why")));
    VDiffRow read = VDiffRow.decode(row.encode());
    assertThat(read.diff().state()).isEqualTo(VDiff.State.STOPPED);
    assertThat(read.nextId()).isEqualTo(21);
    assertThat(read.running()).isEqualTo(row);
  }

  @Test
  void tellsAnotherModelByASample() {
    Migration migration = verifying();
    database.verifications().start(migration.id(), NOTE);
    awaitEnd(migration.id());
    List<EmbeddedAgain> right =
        List.of(
            new EmbeddedAgain(PointId.of("p1"), embed(NEW, "text 1")),
            new EmbeddedAgain(PointId.of("gone"), embed(NEW, "text 2")));
    assertThat(database.verifications().sample(migration.id(), right)).isEmpty();
    List<VDiff.Fault> faults =
        database
            .verifications()
            .sample(
                migration.id(),
                List.of(
                    new EmbeddedAgain(PointId.of("p1"), embed(NEW, "text 1")),
                    new EmbeddedAgain(PointId.of("p2"), embed(OLD, "text 2"))));
    assertThat(faults).extracting(VDiff.Fault::id).containsExactly("p2");
    VDiff diff = database.verifications().get(migration.id()).orElseThrow();
    assertThat(diff.faults()).isEqualTo(Map.of(VDiff.Kind.OTHER_MODEL, 1L));
    assertThat(diff.clean()).isFalse();
  }

  @Test
  void refusesWhatCannotBeCompared() {
    Migration planned =
        database
            .migrations()
            .create(MigrationSpec.of(MovingDocs.COLLECTION, "default", NEW), false, NOTE);
    assertThatThrownBy(() -> database.verifications().start(planned.id(), NOTE))
        .isInstanceOf(WhimbrelException.class)
        .hasMessage("migration: PLANNED (expected: a state with two versions)");
    assertThatThrownBy(() -> database.verifications().resume(planned.id()))
        .hasMessageContaining("none of migration " + planned.id());
    assertThatThrownBy(() -> database.verifications().get("m-999999"))
        .isInstanceOf(WhimbrelException.class);
  }
}
