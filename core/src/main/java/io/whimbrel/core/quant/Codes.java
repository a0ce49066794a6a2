package io.whimbrel.core.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// How numbers are stored, whatever the machine.
final class Codes {
  static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Codes() {}

  static int roundUp(int count, int block) {
    return Math.ceilDiv(count, block) * block;
  }

  static void checkLength(String field, float[] values, int dimension) {
    if (values.length != dimension) {
      throw new IllegalArgumentException(
          field + ": " + values.length + " values (expected: " + dimension + ")");
    }
  }

  static void zero(MemorySegment segment, long offset, long bytes) {
    segment.asSlice(offset, bytes).fill((byte) 0);
  }
}
