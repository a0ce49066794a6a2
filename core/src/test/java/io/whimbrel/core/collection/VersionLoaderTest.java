package io.whimbrel.core.collection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.testing.Seeds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class VersionLoaderTest {
  private static final int DIMENSION = 3;
  private static final EmbeddingSpec SPEC =
      EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, Metric.L2, new IndexSpec.Hnsw());

  private record Row(float[] values, long seq) {}

  private static VectorIndex index(boolean graph) {
    return graph
        ? new HnswIndex(DIMENSION, Metric.L2, new IndexSpec.Hnsw(), KernelProvider.best())
        : new FlatIndex(DIMENSION, Metric.L2, KernelProvider.best());
  }

  private static LiveVersion version(VectorIndex index) {
    return new LiveVersion("t", new PointRecord.VectorRef(1, 1), SPEC, index);
  }

  private static ByteBuffer bytes(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * DIMENSION).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  private static long load(LiveVersion version, Map<Long, Row> stored, long fileSeq, long seq)
      throws VersionLoader.Doubt {
    VersionLoader loader = new VersionLoader(version, fileSeq, seq);
    for (Map.Entry<Long, Row> row : stored.entrySet()) {
      loader.take(row.getKey(), row.getValue().seq(), bytes(row.getValue().values()));
    }
    return loader.finish();
  }

  /// Changes before and after an index was "saved": the loaded one holds exactly what is stored.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anOldIndexIsBroughtToWhatIsStored(boolean graph) throws VersionLoader.Doubt {
    Random random = Seeds.random("anOldIndexIsBroughtToWhatIsStored " + graph);
    for (int round = 0; round < 40; round++) {
      Map<Long, Row> stored = new TreeMap<>();
      try (LiveVersion version = version(index(graph))) {
        long fileSeq = 1 + random.nextInt(20);
        long seq = fileSeq + random.nextInt(20);
        for (long s = 1; s <= seq; s++) {
          for (int i = random.nextInt(8); i >= 0; i--) {
            long internalId = 1 + random.nextInt(100);
            Row row = new Row(Seeds.gaussian(random, DIMENSION), s);
            if (random.nextInt(3) > 0) {
              stored.put(internalId, row);
              if (s <= fileSeq) {
                version.put(internalId, row.values(), s);
              }
            } else {
              stored.remove(internalId);
              if (s <= fileSeq) {
                version.remove(internalId, s);
              }
            }
          }
          if (s <= fileSeq) {
            version.publish(s);
          }
        }
        long before = version.changes();
        long changed = load(version, stored, fileSeq, seq);
        assertThat(version.live()).isEqualTo(stored.size());
        assertThat(version.changes() - before).isGreaterThanOrEqualTo(changed);
        try (LiveVersion.Reader reader = version.reader()) {
          for (Map.Entry<Long, Row> row : stored.entrySet()) {
            TopK top =
                reader.search(
                    row.getValue().values(), SearchParams.of(1).withExact(true), () -> false);
            assertThat(top.label(0)).isEqualTo(row.getKey());
            assertThat(top.score(0)).isZero();
            assertThat(top.seq()).isEqualTo(seq);
          }
        }
      }
    }
  }

  @Test
  void anIndexThatLacksAnOldVectorIsInDoubt() {
    try (LiveVersion version = version(index(false))) {
      version.put(1, new float[DIMENSION], 1);
      version.publish(5);
      Map<Long, Row> stored =
          Map.of(1L, new Row(new float[DIMENSION], 1), 2L, new Row(new float[DIMENSION], 4));
      assertThatThrownBy(() -> load(version, stored, 5, 6))
          .isInstanceOf(VersionLoader.Doubt.class)
          .hasMessageContaining("lacks a vector of write 4");
    }
  }

  @Test
  void anIndexWithVectorsNobodyStoredIsInDoubt() {
    try (LiveVersion version = version(index(false))) {
      version.put(1, new float[DIMENSION], 1);
      version.publish(5);
      assertThatThrownBy(() -> load(version, Map.of(), 5, 5))
          .isInstanceOf(VersionLoader.Doubt.class)
          .hasMessageContaining("1 vectors that are not stored");
    }
  }

  @Test
  void anIndexWithTwoVectorsOfOnePointIsInDoubt() {
    VectorIndex twice = index(false);
    twice.add(new float[DIMENSION], 7);
    twice.add(new float[DIMENSION], 7);
    twice.publish(1);
    try (LiveVersion version = version(twice)) {
      assertThatThrownBy(() -> load(version, Map.of(), 1, 2))
          .isInstanceOf(VersionLoader.Doubt.class)
          .hasMessageContaining("2 vectors of 1 points");
    }
  }
}
