package io.whimbrel.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.StaleRead;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What migrations store comes back as it was, and what was stored before there were any is read.
class MigrationRecordsTest {
  private static final EmbeddingSpec OLD = spec("old");
  private static final EmbeddingSpec NEW = spec("new");

  private static EmbeddingSpec spec(String model) {
    return EmbeddingSpec.flat(new ModelId("p", model, "r"), 7, Metric.DOT);
  }

  @Test
  void aMigrationComesBack() throws StorageException {
    MigrationRecord migration =
        new MigrationRecord(
            1207,
            3,
            1,
            2,
            OLD,
            NEW,
            true,
            new MigrationRecord.Rules(
                LegacyWrite.REJECT, StaleRead.SERVE, true, Duration.ofDays(7)),
            MigrationState.SHIFTING,
            12,
            99,
            new MigrationRecord.Flags(
                "critical load",
                true,
                new BackfillThrottle(1.5, 2.5e6, 0.5, Duration.ofMillis(10), Duration.ofNanos(7))),
            5,
            true,
            "none",
            true,
            77);
    assertThat(MigrationRecord.decode(migration.encode())).isEqualTo(migration);
    assertThat(migration.id()).isEqualTo("m-1207");
    MigrationRecord next = migration.withState(MigrationState.SWITCHED);
    assertThat(MigrationRecord.decode(next.encode())).isEqualTo(next);
    assertThat(next.revision()).isEqualTo(13);
  }

  @Test
  void rowsOfABacklogComeBack() throws StorageException {
    assertThat(BacklogRecord.FRESH.encode()).isEmpty();
    assertThat(BacklogRecord.decode(new byte[0])).isEqualTo(BacklogRecord.FRESH);
    BacklogRecord dead = new BacklogRecord(5, -3, true, "no text");
    assertThat(BacklogRecord.decode(dead.encode())).isEqualTo(dead);
    BacklogCounters counters = new BacklogCounters(1, 2, 3, 4, 5, 6);
    assertThat(BacklogCounters.decode(counters.encode())).isEqualTo(counters);
    MigrationEvent event = new MigrationEvent(3, 4, MigrationState.READY, 5, 6, "who", "why");
    assertThat(EventRecord.decode(EventRecord.encode(event))).isEqualTo(event);
  }

  @Test
  void aFieldInMigrationComesBack() throws StorageException {
    CollectionRecord.FieldRecord field =
        new CollectionRecord.FieldRecord(
            1,
            "default",
            List.of(
                new CollectionRecord.VersionRecord(2, OLD),
                new CollectionRecord.VersionRecord(5, NEW, Optional.of(OLD))),
            List.of(2, 5),
            2,
            6,
            new CollectionRecord.Route(17, 1207, 2_500, 2, 5),
            List.of("space"));
    CollectionRecord moved = CollectionRecord.create(CollectionSpec.of("docs", OLD), 7).with(field);
    assertThat(CollectionRecord.decode(moved.encode())).isEqualTo(moved);
  }

  @Test
  void readsWhatWasStoredBeforeThereWereMigrations() throws StorageException {
    RecordWriter collection = new RecordWriter().u8(1).text("docs").i64(7).varint(1);
    collection.varint(1).text("default").varint(1).varint(1);
    CollectionRecord.writeSpec(collection, OLD);
    collection.varint(1).varint(1).varint(1);
    assertThat(CollectionRecord.decode(collection.toBytes()))
        .isEqualTo(CollectionRecord.create(CollectionSpec.of("docs", OLD), 7));

    byte[] point =
        new RecordWriter()
            .u8(1)
            .i64(9)
            .u8(0)
            .i64(4)
            .varint(1)
            .varint(1)
            .varint(1)
            .raw(new byte[] {0})
            .toBytes();
    PointRecord read = PointRecord.decode(point);
    assertThat(read.id()).isEqualTo(PointId.of(4));
    assertThat(read.vectors()).containsExactly(new PointRecord.VectorRef(1, 1));
    assertThat(read.contentVersion()).isEmpty();
    assertThat(read.decodePayload()).isEmpty();
    PointRecord again = PointRecord.decode(read.encode());
    assertThat(again.seq()).isEqualTo(9);
    assertThat(again.decodePayload()).isEmpty();
    point[0] = 3;
    assertThatThrownBy(() -> PointRecord.decode(point)).isInstanceOf(StorageException.class);
  }
}
