package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A row of `VECTORS`: format(1), origin(1), zero(6), sequence number of the write the vector came
/// with(8), then the values as little-endian float32, exactly as they were written.
public final class VectorRecord {
  /// Bytes before the values.
  public static final int HEADER_BYTES = 16;

  private static final byte FORMAT = 1;
  private static final byte NATIVE = 1;
  private static final int SEQ_OFFSET = 8;

  private VectorRecord() {}

  /// A record whose sequence number is set later, by [#setSeq].
  public static byte[] encode(float[] values) {
    ByteBuffer out =
        ByteBuffer.allocate(HEADER_BYTES + Float.BYTES * values.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(FORMAT)
            .put(NATIVE)
            .position(HEADER_BYTES);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  public static void setSeq(byte[] record, long seq) {
    ByteBuffer.wrap(record).putLong(SEQ_OFFSET, seq);
  }

  public static long seqOf(ByteBuffer record) {
    return record.order(ByteOrder.BIG_ENDIAN).getLong(record.position() + SEQ_OFFSET);
  }

  /// The values, as little-endian floats between position and limit of a view of `record`.
  public static ByteBuffer values(ByteBuffer record, int dimension) throws StorageException {
    if (record.remaining() != HEADER_BYTES + Float.BYTES * dimension
        || record.get(record.position()) != FORMAT) {
      throw new StorageException(
          "a stored vector has %d bytes and format %d (expected: %d bytes, format %d)"
              .formatted(
                  record.remaining(),
                  record.remaining() > 0 ? record.get(record.position()) : 0,
                  HEADER_BYTES + Float.BYTES * dimension,
                  FORMAT));
    }
    return record
        .slice(record.position() + HEADER_BYTES, Float.BYTES * dimension)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  public static float[] decode(byte[] record, int dimension) throws StorageException {
    float[] values = new float[dimension];
    values(ByteBuffer.wrap(record), dimension).asFloatBuffer().get(values);
    return values;
  }
}
