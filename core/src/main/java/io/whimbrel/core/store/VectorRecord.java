package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A row of `VECTORS`: format(1), origin(1), form(1), zero(5), sequence number of the write the
/// vector came with(8), then the body. Its form is 0 for the values as little-endian float32,
/// exactly as they were written, or 1 for codes of one byte a value, whose bytes are those of
/// `quant.AffineCodec`.
public final class VectorRecord {
  /// Bytes before the values.
  public static final int HEADER_BYTES = 16;

  private static final byte FORMAT = 1;
  private static final byte NATIVE = 1;
  private static final int FORM_OFFSET = 2;
  private static final int SEQ_OFFSET = 8;

  private static final byte FLOATS = 0;
  private static final byte CODES = 1;

  private VectorRecord() {}

  /// A record whose sequence number is set later, by [#setSeq].
  public static byte[] encode(float[] values) {
    ByteBuffer out = header(FLOATS, Float.BYTES * values.length);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  /// The same with the codes of the values.
  public static byte[] encode(byte[] codes) {
    return header(CODES, codes.length).put(codes).array();
  }

  private static ByteBuffer header(byte form, int bodyBytes) {
    return ByteBuffer.allocate(HEADER_BYTES + bodyBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(FORMAT)
        .put(NATIVE)
        .put(form)
        .position(HEADER_BYTES);
  }

  public static void setSeq(byte[] record, long seq) {
    ByteBuffer.wrap(record).putLong(SEQ_OFFSET, seq);
  }

  public static long seqOf(ByteBuffer record) {
    return record.order(ByteOrder.BIG_ENDIAN).getLong(record.position() + SEQ_OFFSET);
  }

  /// The values, as little-endian floats between position and limit of a view of `record`.
  public static ByteBuffer values(ByteBuffer record, int dimension) throws StorageException {
    return body(record, FLOATS, Float.BYTES * dimension);
  }

  /// The values of one row or more of `dimension`, likewise.
  public static ByteBuffer matrix(ByteBuffer record, int dimension) throws StorageException {
    int rowBytes = Float.BYTES * dimension;
    int rows = Math.max(1, (record.remaining() - HEADER_BYTES) / rowBytes);
    return body(record, FLOATS, rows * rowBytes);
  }

  /// The codes, little-endian between position and limit of a view of `record`.
  public static ByteBuffer codes(ByteBuffer record, int bytes) throws StorageException {
    return body(record, CODES, bytes);
  }

  private static ByteBuffer body(ByteBuffer record, byte form, int bytes) throws StorageException {
    int start = record.position();
    if (record.remaining() != HEADER_BYTES + bytes
        || record.get(start) != FORMAT
        || record.get(start + FORM_OFFSET) != form) {
      boolean hasHeader = record.remaining() >= HEADER_BYTES;
      throw new StorageException(
          "a stored vector has %d bytes, format %d and form %d (expected: %d bytes, format %d, form %d)"
              .formatted(
                  record.remaining(),
                  hasHeader ? record.get(start) : 0,
                  hasHeader ? record.get(start + FORM_OFFSET) : 0,
                  HEADER_BYTES + bytes,
                  FORMAT,
                  form));
    }
    return record.slice(start + HEADER_BYTES, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
