package io.whimbrel.core.maxsim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.memory.BlockFile;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class MaxSimSnapshotTest {
  private static final int DIMENSION = 32;
  private static final IndexSpec.MultiVector SPEC = new IndexSpec.MultiVector(64);

  @TempDir Path directory;

  private final Random random = Seeds.random("max-sim-snapshot");
  private long regions;

  @BeforeEach
  void countRegions() {
    regions = Region.bytesOpen();
  }

  @AfterEach
  void noRegionIsLeft() {
    assertThat(Region.bytesOpen()).isEqualTo(regions);
  }

  private static MaxSimIndex index(Storage storage) {
    return new MaxSimIndex(
        DIMENSION, Metric.COSINE, storage, SPEC, MaxSimIndexTest.EARLY, KernelProvider.best());
  }

  private static MaxSimIndex open(Path file, Storage storage) throws IOException {
    return MaxSimIndex.open(
        file, "name", DIMENSION, Metric.COSINE, storage, SPEC, KernelProvider.best());
  }

  @ParameterizedTest
  @EnumSource(Storage.class)
  void findsTheSameAfterwards(Storage storage) throws IOException {
    TokenSets set = TokenSets.clustered(random, DIMENSION, 900, 8, 0);
    Path file = directory.resolve("index");
    try (MaxSimIndex index = index(storage)) {
      set.addTo(index);
      TokenSets.workAll(index);
      for (int d = 0; d < 300; d++) {
        index.remove(3 * d, 2);
      }
      for (int d = 0; d < 50; d++) {
        index.add(set.documents().get(d), 2000 + d);
      }
      index.publish(7);
      // Not published, so not saved.
      index.add(set.documents().getFirst(), 9999);
      index.remove(1, 8);
      assertThat(index.save(file, "name")).isEqualTo(7);
      try (MaxSimIndex opened = open(file, storage)) {
        assertThat(opened.seq()).isEqualTo(7);
        assertThat(opened.live()).isEqualTo(650);
        assertThat(opened.rows()).isEqualTo(650);
        assertThat(opened.pending()).isEqualTo(50);
        assertThat(opened.centroids()).isEqualTo(index.centroids());
        sameHits(set, index, opened);
        TokenSets.workAll(opened);
        assertThat(opened.pending()).isZero();
        int ordinal = opened.add(set.documents().getFirst(), 9999);
        opened.remove(0, 9);
        opened.publish(9);
        assertThat(ordinal).isEqualTo(650);
        assertThat(opened.live()).isEqualTo(650);
      }
    }
  }

  private static void sameHits(TokenSets set, MaxSimIndex index, MaxSimIndex opened) {
    for (float[] query : set.queries()) {
      for (MultiVectorParams params :
          List.of(
              MultiVectorParams.of(20),
              MultiVectorParams.of(20).withExact(true),
              MultiVectorParams.of(5).withSizes(30, 8))) {
        var expected = index.search(query, params, () -> false).best();
        var found = opened.search(query, params, () -> false).best();
        assertThat(found.count()).isEqualTo(expected.count());
        for (int rank = 0; rank < found.count(); rank++) {
          assertThat(found.label(rank)).isEqualTo(expected.label(rank));
          assertThat(found.score(rank)).isEqualTo(expected.score(rank));
        }
      }
    }
  }

  @Test
  void anEmptyOneComesBack() throws IOException {
    Path file = directory.resolve("index");
    try (MaxSimIndex index = index(Storage.INT8)) {
      index.publish(4);
      index.save(file, "name");
    }
    try (MaxSimIndex opened = open(file, Storage.INT8)) {
      assertThat(opened.seq()).isEqualTo(4);
      assertThat(opened.live()).isZero();
      assertThat(opened.coverage()).isEqualTo(1);
    }
  }

  @Test
  void everyFlippedBitAndEveryCutIsFound() throws IOException {
    Path file = directory.resolve("index");
    TokenSets set = TokenSets.clustered(random, DIMENSION, 120, 1, 0);
    try (MaxSimIndex index = index(Storage.INT8)) {
      set.addTo(index);
      TokenSets.workAll(index);
      assertThat(index.centroids().generation()).isPositive();
      index.save(file, "name");
    }
    byte[] whole = Files.readAllBytes(file);
    Path damaged = directory.resolve("damaged");
    for (int i = 0; i < 150; i++) {
      byte[] bytes = whole.clone();
      // The first bytes, the last ones, and some between.
      int at = i < 30 ? i : i < 60 ? bytes.length - 1 - (i - 30) : random.nextInt(bytes.length);
      bytes[at] ^= (byte) (1 << random.nextInt(8));
      refused(damaged, bytes);
    }
    for (int i = 0; i < 30; i++) {
      refused(damaged, Arrays.copyOf(whole, i < 15 ? i : random.nextInt(whole.length)));
    }
    refused(damaged, Arrays.copyOf(whole, whole.length + 1));
  }

  private static void refused(Path file, byte[] bytes) throws IOException {
    Files.write(file, bytes);
    assertThatThrownBy(() -> open(file, Storage.INT8).close())
        .isInstanceOf(BlockFile.DamagedException.class)
        .hasMessageStartingWith(file + ": ");
  }

  @Test
  void anotherIndexIsRefused() throws IOException {
    Path file = directory.resolve("index");
    try (MaxSimIndex index = index(Storage.INT8)) {
      index.publish(1);
      index.save(file, "other");
      assertThatThrownBy(() -> open(file, Storage.INT8).close())
          .isInstanceOf(BlockFile.DamagedException.class)
          .hasMessageContaining("identity \"other\", dimension 32")
          .hasMessageContaining("(expected: identity \"name\"");
      index.save(file, "name");
      assertThatThrownBy(() -> open(file, Storage.FLOAT32).close())
          .isInstanceOf(BlockFile.DamagedException.class)
          .hasMessageContaining("storage INT8");
    }
  }
}
