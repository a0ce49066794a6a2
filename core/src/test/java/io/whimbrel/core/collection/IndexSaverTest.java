package io.whimbrel.core.collection;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.Totals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IndexSaverTest {
  private static final EmbeddingSpec SPEC =
      EmbeddingSpec.of(ModelId.UNNAMED, 2, Metric.L2, new IndexSpec.Hnsw());

  @TempDir private Path directory;

  private final Indexes indexes = new Indexes(KernelProvider.best());
  private final LiveCollection collection =
      new LiveCollection(
          7,
          CollectionRecord.create(CollectionSpec.of("docs", SPEC), 1),
          List.of(),
          Totals.EMPTY,
          indexes::create);
  private final LiveVersion version = collection.versions().findFirst().orElseThrow();
  private final Catalog catalog = new Catalog(List.of(collection));
  private IndexFiles files = new IndexFiles(Path.of("."), UUID.randomUUID(), indexes);
  private IndexSaver saver = new IndexSaver(files, catalog);

  @BeforeEach
  void useDirectory() {
    files = new IndexFiles(directory, UUID.randomUUID(), indexes);
    saver = new IndexSaver(files, catalog, 100);
  }

  @AfterEach
  void close() {
    saver.stop();
    collection.close();
  }

  private Path file() {
    return directory.resolve("index").resolve("7-1-1.hnsw");
  }

  private void put(int from, int to, long seq) {
    for (int i = from; i < to; i++) {
      version.put(i, new float[] {i, 1}, seq);
    }
    version.publish(seq);
  }

  private long savedSeq() throws IOException {
    try (var index = files.open(7, version).orElseThrow()) {
      return index.seq();
    }
  }

  @Test
  void savesAfterManyChanges() throws IOException {
    put(0, 99, 1);
    saver.look();
    assertThat(file()).doesNotExist();
    put(99, 1_000, 2);
    saver.look();
    assertThat(savedSeq()).isEqualTo(2);
    // A quarter of the rows by now.
    put(0, 249, 3);
    saver.look();
    assertThat(savedSeq()).isEqualTo(2);
    put(0, 10, 4);
    saver.look();
    assertThat(savedSeq()).isEqualTo(4);
  }

  @Test
  void aFailedSaveIsSaidAndTheOlderFileStays() throws IOException {
    put(0, 100, 1);
    saver.look();
    byte[] before = Files.readAllBytes(file());
    // In the way of the temporary file.
    Path temporary = Files.createDirectory(directory.resolve("index").resolve("7-1-1.hnsw.tmp"));
    put(0, 200, 2);
    saver.look();
    assertThat(version.note()).contains("could not be saved");
    assertThat(version.hasFailed()).isFalse();
    assertThat(Files.readAllBytes(file())).isEqualTo(before);

    Files.deleteIfExists(temporary);
    put(0, 200, 3);
    saver.look();
    assertThat(version.note()).isEmpty();
    assertThat(savedSeq()).isEqualTo(3);
  }

  @Test
  void aFailedIndexIsNotSaved() {
    put(0, 1_000, 1);
    version.failed("planted");
    saver.look();
    assertThat(file()).doesNotExist();
  }
}
