package io.whimbrel.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.store.VectorRecord.Source;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

final class VectorRecordTest {
  /// As the first release wrote it: write 5, the values 1 and -2.
  private static final String FORMAT_1 =
      "01010000000000000000000000000005" + "0000803f" + "000000c0";

  /// As it is written now: by the worker's commit 9, from the content of write 5, whose hash is
  /// 0x77.
  private static final String FORMAT_2 =
      "02020000000000000000000000000009"
          + "00000000000000050000000000000077"
          + "0000803f"
          + "000000c0";

  @Test
  void readsRowsOfTheFirstFormat() throws StorageException {
    ByteBuffer row = ByteBuffer.wrap(HexFormat.of().parseHex(FORMAT_1));
    assertThat(VectorRecord.seqOf(row)).isEqualTo(5);
    assertThat(VectorRecord.contentSeqOf(row)).isEqualTo(5);
    assertThat(VectorRecord.contentHashOf(row)).isZero();
    assertThat(VectorRecord.sourceOf(row)).isEqualTo(Source.NATIVE);
    assertThat(floats(row)).containsExactly(1, -2);
    assertThat(VectorRecord.withoutContent(row.array())).isEqualTo(row.array());
  }

  @Test
  void writesAndReadsWhatAVectorIsMadeFrom() throws StorageException {
    byte[] row = VectorRecord.encode(new float[] {1, -2}, Source.BACKFILL, 0x77);
    VectorRecord.setSeq(row, 9, 5);
    assertThat(HexFormat.of().formatHex(row)).isEqualTo(FORMAT_2);
    ByteBuffer read = ByteBuffer.wrap(row);
    assertThat(VectorRecord.seqOf(read)).isEqualTo(9);
    assertThat(VectorRecord.contentSeqOf(read)).isEqualTo(5);
    assertThat(VectorRecord.contentHashOf(read)).isEqualTo(0x77);
    assertThat(VectorRecord.sourceOf(read)).isEqualTo(Source.BACKFILL);
    assertThat(floats(read)).containsExactly(1, -2);
    ByteBuffer doubtful = ByteBuffer.wrap(VectorRecord.withoutContent(row));
    assertThat(VectorRecord.contentHashOf(doubtful)).isZero();
    assertThat(floats(doubtful)).containsExactly(1, -2);
  }

  private static float[] floats(ByteBuffer row) throws StorageException {
    float[] values = new float[2];
    VectorRecord.values(row, 2).asFloatBuffer().get(values);
    return values;
  }

  @Test
  void codesComeBack() throws StorageException {
    byte[] row = VectorRecord.encode(new byte[] {7, -1, 3}, Source.DERIVED, -1);
    VectorRecord.setSeq(row, Long.MAX_VALUE, 1);
    assertThat(VectorRecord.seqOf(ByteBuffer.wrap(row))).isEqualTo(Long.MAX_VALUE);
    byte[] codes = new byte[3];
    VectorRecord.codes(ByteBuffer.wrap(row), 3).get(codes);
    assertThat(codes).containsExactly(7, -1, 3);
  }

  @Test
  void aRowOfAnotherFormOrLengthIsRefused() {
    ByteBuffer floats = ByteBuffer.wrap(VectorRecord.encode(new float[] {1}, Source.NATIVE, 0));
    ByteBuffer codes = ByteBuffer.wrap(VectorRecord.encode(new byte[4], Source.NATIVE, 0));
    assertThatThrownBy(() -> VectorRecord.codes(floats, 4)).hasMessageContaining("form 0");
    assertThatThrownBy(() -> VectorRecord.values(codes, 1)).hasMessageContaining("form 1");
    assertThatThrownBy(() -> VectorRecord.codes(codes, 5)).hasMessageContaining("36 bytes");
    assertThatThrownBy(() -> VectorRecord.values(ByteBuffer.allocate(0), 1))
        .isInstanceOf(StorageException.class);
    byte[] newer = codes.array().clone();
    newer[0] = 3;
    assertThatThrownBy(() -> VectorRecord.codes(ByteBuffer.wrap(newer), 4))
        .hasMessageContaining("format 3");
  }
}
