package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A row of `VECTORS`: format(1), source(1), form(1), zero(5), sequence number of the write that
/// stored it(8), sequence number(8) and hash(8) of the content it was made from, then the body. Its
/// form is 0 for the values as little-endian float32, exactly as they were written, or 1 for codes
/// of one byte a value, whose bytes are those of `quant.AffineCodec`. The header of format 1 ends
/// after the first sequence number.
public final class VectorRecord {
  /// Bytes before the body.
  public static final int HEADER_BYTES = 32;

  private static final int HEADER_BYTES_1 = 16;
  private static final byte FORMAT = 2;
  private static final int SOURCE_OFFSET = 1;
  private static final int FORM_OFFSET = 2;
  private static final int SEQ_OFFSET = 8;
  private static final int CONTENT_SEQ_OFFSET = 16;
  private static final int CONTENT_HASH_OFFSET = 24;

  private static final byte FLOATS = 0;
  private static final byte CODES = 1;

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
    ByteBuffer out = header(FLOATS, Float.BYTES * values.length, source, contentHash);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  /// The same with the codes of the values.
  public static byte[] encode(byte[] codes, Source source, long contentHash) {
    return header(CODES, codes.length, source, contentHash).put(codes).array();
  }

  private static ByteBuffer header(byte form, int bodyBytes, Source source, long contentHash) {
    return ByteBuffer.allocate(HEADER_BYTES + bodyBytes)
        .put(FORMAT)
        .put((byte) (source.ordinal() + 1))
        .put(form)
        .putLong(CONTENT_HASH_OFFSET, contentHash)
        .position(HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  /// Sets the numbers of the write that stores the vector, and of the point's write that it is made
  /// from.
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
    return Records.constant(
        Source.values(), record.get(record.position() + SOURCE_OFFSET), "vector source");
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
    int format = record.remaining() >= HEADER_BYTES_1 ? record.get(start) : 0;
    int header = format == 1 ? HEADER_BYTES_1 : HEADER_BYTES;
    if (format < 1
        || format > FORMAT
        || record.remaining() != header + bytes
        || record.get(start + FORM_OFFSET) != form) {
      throw new StorageException(
          "a stored vector has %d bytes, format %d and form %d (expected: %d bytes, format up to %d, form %d)"
              .formatted(
                  record.remaining(),
                  format,
                  format == 0 ? 0 : record.get(start + FORM_OFFSET),
                  header + bytes,
                  FORMAT,
                  form));
    }
    return record.slice(start + header, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
