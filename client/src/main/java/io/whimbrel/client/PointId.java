package io.whimbrel.client;

/**
 * A point's name: a text of 1 to 512 UTF-8 bytes or an unsigned 64-bit number, given back exactly
 * as it came.
 */
public sealed interface PointId {
  /** The longest text id in UTF-8 bytes. */
  int TEXT_BYTES_MAX = 512;

  static PointId of(String text) {
    return new Text(text);
  }

  /** {@code number} is read as unsigned: -1 is 2^64 - 1. */
  static PointId of(long number) {
    return new Number(number);
  }

  /** An id of text. {@code "7"} and the number 7 are two ids. */
  record Text(String text) implements PointId {
    public Text {
      int bytes = Checks.utf8Bytes(ErrorCode.INVALID_ID, "id", text);
      if (bytes < 1 || bytes > TEXT_BYTES_MAX) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ID, "id", bytes + " bytes", "1 to " + TEXT_BYTES_MAX + " bytes");
      }
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** An id that is an unsigned 64-bit number. */
  @SuppressWarnings("AvoidCommonTypeNames") // The API calls it a number.
  record Number(long number) implements PointId {
    @Override
    public String toString() {
      return Long.toUnsignedString(number);
    }
  }
}
