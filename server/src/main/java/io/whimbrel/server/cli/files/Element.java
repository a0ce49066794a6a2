package io.whimbrel.server.cli.files;

import java.nio.ByteBuffer;

/// Number type of a matrix in a file, little-endian.
enum Element {
  FLOAT32(4, true),
  FLOAT16(2, true),
  FLOAT64(8, true),
  UINT8(1, true),
  INT32(4, false);

  private final int size;
  private final boolean vector;

  Element(int size, boolean vector) {
    this.size = size;
    this.vector = vector;
  }

  /// Bytes of one number.
  int size() {
    return size;
  }

  /// Whether rows of this type are vectors; int32 rows are lists of row numbers.
  boolean isVector() {
    return vector;
  }

  /// Reads one number at the buffer's position. A float64 beyond the range of float32 comes back
  /// infinite.
  float readFloat(ByteBuffer buffer) {
    return switch (this) {
      case FLOAT32 -> buffer.getFloat();
      case FLOAT16 -> Float.float16ToFloat(buffer.getShort());
      case FLOAT64 -> (float) buffer.getDouble();
      case UINT8 -> buffer.get() & 0xFF;
      case INT32 -> throw new IllegalStateException("row numbers are not vectors");
    };
  }
}
