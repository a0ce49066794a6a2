package io.whimbrel.core.model;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A point's name, given back exactly as it came. Order: numbers (unsigned) first, then texts by
/// their UTF-8 bytes.
public sealed interface PointId extends Comparable<PointId> {
  static PointId of(String text) {
    return new Text(text);
  }

  /// `number` is read as unsigned.
  static PointId of(long number) {
    return new Number(number);
  }

  /// 1 to 512 bytes of UTF-8.
  record Text(String text) implements PointId {
    public Text {
      if (text.isEmpty()) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ID, "id", "\"\"", "1 to " + Limits.ID_BYTES_MAX + " bytes");
      }
      int bytes = utf8(text).length;
      if (bytes > Limits.ID_BYTES_MAX) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ID, "id", bytes + " bytes", "1 to " + Limits.ID_BYTES_MAX + " bytes");
      }
    }

    /// The UTF-8 bytes; text that is not valid Unicode is refused, since it could not be given
    /// back.
    public byte[] bytes() {
      return utf8(text);
    }

    private static byte[] utf8(String text) {
      try {
        ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        byte[] bytes = new byte[encoded.remaining()];
        encoded.get(bytes);
        return bytes;
      } catch (CharacterCodingException e) {
        throw WhimbrelException.of(ErrorCode.INVALID_ID, "id", "text is not valid Unicode", e);
      }
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /// An unsigned 64-bit number.
  record Number(long number) implements PointId {
    @Override
    public String toString() {
      return Long.toUnsignedString(number);
    }
  }

  @Override
  default int compareTo(PointId other) {
    return switch (this) {
      case Number a ->
          switch (other) {
            case Number b -> Long.compareUnsigned(a.number(), b.number());
            case Text _ -> -1;
          };
      case Text a ->
          switch (other) {
            case Number _ -> 1;
            case Text b -> Arrays.compareUnsigned(a.bytes(), b.bytes());
          };
    };
  }
}
