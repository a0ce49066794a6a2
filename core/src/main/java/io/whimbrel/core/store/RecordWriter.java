package io.whimbrel.core.store;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Writes stored records: fixed numbers big-endian, lengths and small numbers as varints, text as
/// UTF-8. Not thread safe.
public final class RecordWriter {
  private byte[] bytes = new byte[128];
  private int size;

  public RecordWriter u8(int value) {
    ensure(1);
    bytes[size++] = (byte) value;
    return this;
  }

  public RecordWriter i64(long value) {
    ensure(8);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes[size++] = (byte) (value >>> shift);
    }
    return this;
  }

  public RecordWriter f64(double value) {
    return i64(Double.doubleToRawLongBits(value));
  }

  public RecordWriter bool(boolean value) {
    return u8(value ? 1 : 0);
  }

  /// Unsigned LEB128.
  public RecordWriter varint(long value) {
    ensure(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
    return this;
  }

  public RecordWriter bytes(byte[] value) {
    varint(value.length);
    return raw(value);
  }

  /// Bytes without a length.
  public RecordWriter raw(byte[] value) {
    ensure(value.length);
    System.arraycopy(value, 0, bytes, size, value.length);
    size += value.length;
    return this;
  }

  /// Text that is not valid Unicode is refused, since it could not be given back as it came.
  public RecordWriter text(String value) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
      byte[] copy = new byte[encoded.remaining()];
      encoded.get(copy);
      return bytes(copy);
    } catch (CharacterCodingException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "payload", "text is not valid Unicode", e);
    }
  }

  public int size() {
    return size;
  }

  public byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }

  private void ensure(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(size + more, 2 * bytes.length));
    }
  }
}
