package io.whimbrel.core.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class VectorMatrixTest {
  @ParameterizedTest
  @CsvSource({"1,16", "15,16", "16,16", "17,32", "100,112", "128,128", "207,208", "65536,65536"})
  void padsRowsToLines(int dimension, int padded) {
    assertThat(VectorMatrix.paddedDimension(dimension)).isEqualTo(padded);
    try (VectorMatrix matrix = new VectorMatrix(dimension)) {
      assertThat(matrix.paddedDimension()).isEqualTo(padded);
      assertThat(matrix.strideBytes()).isEqualTo(4 * padded);
      assertThat(matrix.bytes()).isZero();
    }
  }

  // Row counts that reach chunks of the largest size, where the arithmetic of chunks changes.
  @ParameterizedTest
  @CsvSource({"1,1200000", "100,300000", "128,200000", "1536,12000", "65536,600"})
  void keepsEveryRowInPlaceWithZeroPadding(int dimension, int rows) {
    try (VectorMatrix matrix = new VectorMatrix(dimension)) {
      float[] row = new float[dimension];
      float[] read = new float[dimension];
      matrix.append(row(0, row));
      long firstAddress = matrix.segment(0).address();
      for (int i = 1; i < rows; i++) {
        assertThat(matrix.append(row(i, row))).isEqualTo(i);
      }
      assertThat(matrix.rows()).isEqualTo(rows);
      assertThat(matrix.segment(0).address()).isEqualTo(firstAddress);
      long used = (long) rows * matrix.strideBytes();
      assertThat(matrix.bytes()).isBetween(used, used + HugePages.PAGE_BYTES);
      for (int i = 0; i < rows; i++) {
        matrix.copyRow(i, read);
        if (!Arrays.equals(read, row(i, row))) {
          throw new AssertionError("row " + i + " changed");
        }
        long padding = matrix.offset(i) + 4L * dimension;
        for (long at = padding; at < matrix.offset(i) + matrix.strideBytes(); at += 4) {
          if (matrix.segment(i).get(VectorMatrix.VALUE, at) != 0) {
            throw new AssertionError("padding of row " + i + " is not zero");
          }
        }
      }
      int last = rows - 1;
      assertThat((matrix.segment(last).address() + matrix.offset(last)) % 64).isZero();
    }
  }

  private static float[] row(int index, float[] out) {
    for (int i = 0; i < Math.min(out.length, 8); i++) {
      out[i] = index + i;
    }
    out[out.length - 1] = -index - 1;
    return out;
  }

  @Test
  void rowsOfOneChunkFollowEachOther() {
    try (VectorMatrix matrix = new VectorMatrix(40)) {
      for (int i = 0; i < 5_000; i++) {
        matrix.append(new float[40]);
      }
      for (int i = 0; i + 1 < 5_000; i++) {
        if (matrix.contiguous(i) > 1) {
          assertThat(matrix.segment(i + 1)).isSameAs(matrix.segment(i));
          assertThat(matrix.offset(i + 1)).isEqualTo(matrix.offset(i) + matrix.strideBytes());
          assertThat(matrix.contiguous(i + 1)).isEqualTo(matrix.contiguous(i) - 1);
        } else {
          assertThat(matrix.offset(i + 1)).isZero();
        }
      }
    }
  }

  @Test
  void startsSmallAndWastesLittle() {
    try (VectorMatrix small = new VectorMatrix(128);
        VectorMatrix large = new VectorMatrix(128)) {
      small.append(new float[128]);
      assertThat(small.bytes()).isEqualTo(16 << 10);
      for (int i = 0; i < 1_000_000; i++) {
        large.append(new float[128]);
      }
      assertThat(large.bytes()).isBetween(512_000_000L, 512_000_000L + HugePages.PAGE_BYTES);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 128, 207})
  void takesArraysBuffersAndSegments(int dimension) {
    Random random = Seeds.random("takesArraysBuffersAndSegments");
    float[] vector = Seeds.gaussian(random, dimension);
    ByteBuffer buffer = ByteBuffer.allocate(4 * dimension + 8).order(ByteOrder.LITTLE_ENDIAN);
    buffer.position(3);
    for (float value : vector) {
      buffer.putFloat(value);
    }
    buffer.flip().position(3).order(ByteOrder.BIG_ENDIAN);
    float[] read = new float[dimension];
    try (VectorMatrix matrix = new VectorMatrix(dimension)) {
      matrix.append(vector);
      matrix.append(buffer);
      matrix.append(MemorySegment.ofBuffer(buffer.slice()), 0);
      assertThat(buffer.position()).isEqualTo(3);
      for (int i = 0; i < 3; i++) {
        matrix.copyRow(i, read);
        assertThat(read).isEqualTo(vector);
      }
    }
  }

  @Test
  void refusesOtherLengthsAndChangesNothing() {
    assertThatThrownBy(() -> new VectorMatrix(0)).isInstanceOf(IllegalArgumentException.class);
    try (VectorMatrix matrix = new VectorMatrix(4)) {
      assertThatThrownBy(() -> matrix.append(new float[3]))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> matrix.append(ByteBuffer.allocate(17)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> matrix.append(MemorySegment.ofArray(new byte[15]), 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThat(matrix.rows()).isZero();
    }
  }

  @Test
  void givesItsMemoryBackOnce() {
    long before = Region.bytesOpen();
    VectorMatrix matrix = new VectorMatrix(300);
    for (int i = 0; i < 1_000; i++) {
      matrix.append(new float[300]);
    }
    assertThat(Region.bytesOpen()).isEqualTo(before + matrix.bytes());
    matrix.close();
    assertThat(Region.bytesOpen()).isEqualTo(before);
    assertThatThrownBy(matrix::close).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> matrix.append(new float[300]))
        .isInstanceOf(IllegalStateException.class);
  }
}
