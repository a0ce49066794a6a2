package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files of a closed database are damaged by hand; none of it may open as if nothing had happened.
class DamagedStoreIT {
  private static final int WRITES = 50;
  private static final DatabaseOptions ACCEPT_DATA_LOSS =
      new DatabaseOptions(true, 1 << 20, Duration.ofSeconds(1), Duration.ofMillis(100), 1 << 20, 1);

  @TempDir private Path directory;

  /// A database whose writes are only in the log, as after a kill: its directory is copied while it
  /// is open.
  @BeforeEach
  void makeUncleanlyClosedDatabase(@TempDir Path original) throws IOException {
    try (Database database = Database.open(original)) {
      database.createCollection(
          CollectionSpec.of("docs", EmbeddingSpec.flat(ModelId.UNNAMED, 8, Metric.L2)));
      for (int i = 0; i < WRITES; i++) {
        PointWrite point =
            PointWrite.of(PointId.of(i), Map.of(), Vector.of(i, 1, 2, 3, 4, 5, 6, 7));
        database.write("docs", new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
      }
      copy(original.resolve("rocksdb"), directory.resolve("rocksdb"));
    }
    // Only the close wrote the stamp for the last write; a running server does within a second.
    Files.copy(original.resolve("STAMP"), directory.resolve("STAMP"));
  }

  @Test
  void undamagedItOpensWithEveryWrite() throws IOException {
    try (Database database = Database.open(directory)) {
      assertThat(database.count("docs", 0)).isEqualTo(WRITES);
    }
  }

  @Test
  void deletedLogIsRefused() throws IOException {
    Files.delete(log());
    assertRefused();
  }

  @Test
  void flippedBitInTheMiddleOfTheLogIsRefusedAndAcceptedOnDemand() throws IOException {
    byte[] bytes = Files.readAllBytes(log());
    bytes[bytes.length / 2] ^= 4;
    Files.write(log(), bytes);
    assertThatThrownBy(() -> Database.open(directory))
        .hasMessageContaining("accept-data-loss")
        .hasMessageContaining("rocksdb");
    try (Database database = Database.open(directory, ACCEPT_DATA_LOSS)) {
      assertThat(database.count("docs", 0)).isBetween(1L, WRITES - 1L);
    }
    // Accepted once, it is the truth.
    try (Database database = Database.open(directory)) {
      assertThat(database.count("docs", 0)).isBetween(1L, WRITES - 1L);
    }
  }

  @Test
  void cutOffAcknowledgedWritesAreNoticedByTheStamp() throws IOException {
    byte[] bytes = Files.readAllBytes(log());
    Files.write(log(), java.util.Arrays.copyOf(bytes, bytes.length - 300));
    assertRefused();
  }

  @Test
  void missingStampIsRefused() throws IOException {
    Files.delete(directory.resolve("STAMP"));
    assertRefused();
  }

  @Test
  void damagedStampIsRefused() throws IOException {
    byte[] bytes = Files.readAllBytes(directory.resolve("STAMP"));
    bytes[20] ^= 1;
    Files.write(directory.resolve("STAMP"), bytes);
    assertThatThrownBy(() -> Database.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("STAMP is damaged");
  }

  private void assertRefused() {
    assertThatThrownBy(() -> Database.open(directory))
        .satisfiesAnyOf(
            e ->
                assertThat(e)
                    .isInstanceOfSatisfying(
                        WhimbrelException.class,
                        refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.DATA_LOSS)),
            e -> assertThat(e).isInstanceOf(IOException.class))
        .hasMessageContaining("accept-data-loss");
  }

  private Path log() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("rocksdb"))) {
      return files.filter(file -> file.toString().endsWith(".log")).findFirst().orElseThrow();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (!file.getFileName().toString().equals("LOCK")) {
          Files.copy(file, to.resolve(file.getFileName()));
        }
      }
    }
  }
}
