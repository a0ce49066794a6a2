package io.whimbrel.bench.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.Metric;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SearchSetTest {
  @TempDir Path folder;

  @BeforeEach
  void writeFiles() throws IOException {
    // Base as float16: (1, 0), (0, 2), (2, 2); the query as bytes: (3, 0).
    ByteBuffer base = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] row : new float[][] {{1, 0}, {0, 2}, {2, 2}}) {
      base.putInt(2).putShort(Float.floatToFloat16(row[0])).putShort(Float.floatToFloat16(row[1]));
    }
    Files.write(folder.resolve("small-base.f16vecs"), base.array());
    Files.write(folder.resolve("small-query.bvecs"), new byte[] {2, 0, 0, 0, 3, 0});
    ByteBuffer truth = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(
        folder.resolve("small-groundtruth.ivecs"), truth.putInt(2).putInt(0).putInt(2).array());
  }

  @Test
  void readsFilesWithAPrefixInAnyFormat() throws IOException {
    SearchSet data = SearchSet.open(folder, "small-", Metric.L2, Long.MAX_VALUE, 1);

    assertThat(data.base()).isDeepEqualTo(new float[][] {{1, 0}, {0, 2}, {2, 2}});
    assertThat(data.queries()).isDeepEqualTo(new float[][] {{3, 0}});
    assertThat(data.name()).endsWith("/small-");
    assertThat(data.exactHere()).isFalse();
    assertThat(data.truth().recall(new int[] {0})).isEqualTo(1);
  }

  @Test
  void computesTheAnswersForAPartOfTheBase() throws IOException {
    SearchSet data = SearchSet.open(folder, "small-", Metric.L2, 2, 2);

    assertThat(data.base()).hasNumberOfRows(2);
    assertThat(data.exactHere()).isTrue();
    assertThat(data.truth().recall(new int[] {0, 1})).isEqualTo(1);
  }

  @Test
  void writesUnitVectorsForCosine() throws IOException {
    SearchSet data = SearchSet.open(folder, "small-", Metric.COSINE, Long.MAX_VALUE, 2);
    Path file = folder.resolve("out");

    data.write(data.base(), file);

    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    float half = (float) Math.sqrt(0.5);
    for (float expected : new float[] {1, 0, 0, 1, half, half}) {
      assertThat(bytes.getFloat()).isEqualTo(expected);
    }
    assertThat(bytes.hasRemaining()).isFalse();
  }

  @Test
  void refusesWhatIsNotThereOrDoesNotFit() throws IOException {
    assertThatThrownBy(() -> SearchSet.open(folder, "", Metric.L2, 3, 1))
        .hasMessageContaining("no base.fvecs, base.f16vecs, base.bvecs");
    assertThatThrownBy(() -> SearchSet.open(folder, "small-", Metric.L2, 3, 4))
        .hasMessageContaining("at least k = 4");
    Files.write(folder.resolve("small-query.bvecs"), new byte[] {1, 0, 0, 0, 3});
    assertThatThrownBy(() -> SearchSet.open(folder, "small-", Metric.L2, 3, 1))
        .hasMessageContaining("query: 1 (expected: 2");
    Files.write(folder.resolve("small-query.bvecs"), new byte[] {2, 0, 0, 0, 0, 0});
    assertThatThrownBy(() -> SearchSet.open(folder, "small-", Metric.COSINE, 3, 1))
        .hasMessageContaining("query[0]: all zero");
  }
}
