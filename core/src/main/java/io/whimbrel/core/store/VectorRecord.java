package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A row of `VECTORS`: format(1), origin(1), zero(6), sequence number of the write that stored it(8),
/// sequence number(8) and hash(8) of the content it was made from, then the values as little-endian float32,
/// exactly as they were written. Rows of format 1 end their header after the first sequence number.
public final class VectorRecord {
  /// Bytes before the values.
  public static final int HEADER_BYTES = 32;

  private static final int HEADER_BYTES_1 = 16;
  private static final byte FORMAT = 2;
  private static final int SEQ_OFFSET = 8;
  private static final int CONTENT_SEQ_OFFSET = 16;
  private static final int CONTENT_HASH_OFFSET = 24;

  /// How a vector came into the store.
  public enum Source {
    /// With a write of its point.
    NATIVE,
    /// By the commit of a backfill.
    BACKFILL,
    /// Computed from another version's vector of the same write.
    DERIVED
  }

  private VectorRecord() {}

  /// A record whose sequence numbers are set later, by [#setSeq].
  public static byte[] encode(float[] values, Source source, long contentHash) {
    ByteBuffer out =
        ByteBuffer.allocate(HEADER_BYTES + Float.BYTES * values.length)
            .put(FORMAT)
            .put((byte) (source.ordinal() + 1))
            .putLong(CONTENT_HASH_OFFSET, contentHash)
            .position(HEADER_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  /// Sets the numbers of the write that stores the vector, and of the point's write that it is made from.
  public static void setSeq(byte[] record, long seq, long contentSeq) {
    ByteBuffer.wrap(record).putLong(SEQ_OFFSET, seq).putLong(CONTENT_SEQ_OFFSET, contentSeq);
  }

  /// The same vector, from unknown content.
  public static byte[] withoutContent(byte[] record) {
    byte[] copy = record.clone();
    if (copy[0] != 1) {
      ByteBuffer.wrap(copy).putLong(CONTENT_HASH_OFFSET, 0);
    }
    return copy;
  }

  public static long seqOf(ByteBuffer record) {
    return record.order(ByteOrder.BIG_ENDIAN).getLong(record.position() + SEQ_OFFSET);
  }

  public static long contentSeqOf(ByteBuffer record) {
    return record.get(record.position()) == 1
        ? seqOf(record)
        : record.order(ByteOrder.BIG_ENDIAN).getLong(record.position() + CONTENT_SEQ_OFFSET);
  }

  /// 0 when it is not known.
  public static long contentHashOf(ByteBuffer record) {
    return record.get(record.position()) == 1
        ? 0
        : record.order(ByteOrder.BIG_ENDIAN).getLong(record.position() + CONTENT_HASH_OFFSET);
  }

  public static Source sourceOf(ByteBuffer record) throws StorageException {
    return Records.constant(Source.values(), record.get(record.position() + 1), "vector source");
  }

  /// The values, as little-endian floats between position and limit of a view of `record`.
  public static ByteBuffer values(ByteBuffer record, int dimension) throws StorageException {
    int format = record.remaining() > 0 ? record.get(record.position()) : 0;
    int header = format == 1 ? HEADER_BYTES_1 : HEADER_BYTES;
    if (format < 1 || format > FORMAT || record.remaining() != header + Float.BYTES * dimension) {
      throw new StorageException(
          "a stored vector has %d bytes and format %d (expected: %d bytes, format up to %d)"
              .formatted(record.remaining(), format, header + Float.BYTES * dimension, FORMAT));
    }
    return record
        .slice(record.position() + header, Float.BYTES * dimension)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  public static float[] decode(byte[] record, int dimension) throws StorageException {
    float[] values = new float[dimension];
    values(ByteBuffer.wrap(record), dimension).asFloatBuffer().get(values);
    return values;
  }
}
