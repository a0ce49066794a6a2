package io.whimbrel.bench.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowsTest {
  @TempDir Path folder;

  @Test
  void readsEachKindOfFile() throws IOException {
    Files.write(folder.resolve("base.bvecs"), new byte[] {2, 0, 0, 0, 7, (byte) 200});
    assertThat(Rows.open(folder, 0, 1).row(0)).containsExactly(7, 200);

    Files.write(folder.resolve("base.f16vecs"), new byte[] {1, 0, 0, 0, 0, 0x3C});
    assertThat(Rows.open(folder, 0, 1).row(0)).containsExactly(1);

    ByteBuffer floats = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    floats.putInt(2).putFloat(0.1f).putFloat(-3).putInt(2).putFloat(4).putFloat(5);
    Files.write(folder.resolve("base.fvecs"), floats.array());
    Rows rows = Rows.open(folder, 0, 1);
    assertThat(rows.count()).isEqualTo(2);
    assertThat(rows.dimension()).isEqualTo(2);
    assertThat(rows.row(0)).containsExactly(0.1f, -3);
    assertThat(rows.row(1)).containsExactly(4, 5);
  }

  @Test
  void repeatsRowsWithTheSameNoiseEachTime() throws IOException {
    Files.write(folder.resolve("base.bvecs"), new byte[] {2, 0, 0, 0, 100, 120});
    Rows rows = Rows.open(folder, 3, 1);

    assertThat(rows.count()).isEqualTo(3);
    for (long row = 1; row < 3; row++) {
      assertThat(rows.row(row)).isEqualTo(Rows.open(folder, 3, 1).row(row));
      assertThat(rows.row(row)[0]).isBetween(97f, 103f).isNotEqualTo(100f);
      assertThat(Rows.open(folder, 3, 2).row(row)).isNotEqualTo(rows.row(row));
    }
    assertThat(rows.row(1)).isNotEqualTo(rows.row(2));
  }

  @Test
  void refusesWhatIsNotRows() throws IOException {
    assertThatThrownBy(() -> Rows.open(folder, 0, 1)).hasMessageContaining("no base.fvecs");
    Path file = folder.resolve("base.bvecs");
    Files.write(file, new byte[] {2, 0, 0, 0, 7});
    assertThatThrownBy(() -> Rows.open(folder, 0, 1)).hasMessageContaining("5 bytes");
    Files.write(file, new byte[] {1, 0, 0, 0, 7, 2, 0, 0, 0, 7});
    assertThatThrownBy(() -> Rows.open(folder, 0, 1))
        .hasMessageContaining("row 1: dimension 2 (expected: 1)");
  }
}
