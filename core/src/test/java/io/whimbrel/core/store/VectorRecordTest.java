package io.whimbrel.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

final class VectorRecordTest {
  /// As the first release wrote it: write 5, the values 1 and -2.
  private static final String FIRST_FORM =
      "01010000000000000000000000000005" + "0000803f" + "000000c0";

  @Test
  void readsRowsOfTheFirstForm() throws StorageException {
    ByteBuffer row = ByteBuffer.wrap(HexFormat.of().parseHex(FIRST_FORM));
    assertThat(VectorRecord.seqOf(row)).isEqualTo(5);
    float[] values = new float[2];
    VectorRecord.values(row, 2).asFloatBuffer().get(values);
    assertThat(values).containsExactly(1, -2);
    byte[] again = VectorRecord.encode(values);
    VectorRecord.setSeq(again, 5);
    assertThat(again).isEqualTo(row.array());
  }

  @Test
  void codesComeBack() throws StorageException {
    byte[] row = VectorRecord.encode(new byte[] {7, -1, 3});
    VectorRecord.setSeq(row, Long.MAX_VALUE);
    assertThat(VectorRecord.seqOf(ByteBuffer.wrap(row))).isEqualTo(Long.MAX_VALUE);
    byte[] codes = new byte[3];
    VectorRecord.codes(ByteBuffer.wrap(row), 3).get(codes);
    assertThat(codes).containsExactly(7, -1, 3);
  }

  @Test
  void aRowOfAnotherFormOrLengthIsRefused() {
    ByteBuffer floats = ByteBuffer.wrap(VectorRecord.encode(new float[] {1}));
    ByteBuffer codes = ByteBuffer.wrap(VectorRecord.encode(new byte[4]));
    assertThatThrownBy(() -> VectorRecord.codes(floats, 4)).hasMessageContaining("form 0");
    assertThatThrownBy(() -> VectorRecord.values(codes, 1)).hasMessageContaining("form 1");
    assertThatThrownBy(() -> VectorRecord.codes(codes, 5)).hasMessageContaining("20 bytes");
    assertThatThrownBy(() -> VectorRecord.values(ByteBuffer.allocate(0), 1))
        .isInstanceOf(StorageException.class);
  }
}
