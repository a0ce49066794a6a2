package io.whimbrel.client;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Refusals that must happen before sending, because the wire would change the value in silence. */
final class Checks {
  private Checks() {}

  /**
   * Returns the number of UTF-8 bytes; a lone surrogate is refused, since protobuf would send a
   * question mark for it.
   */
  static int utf8Bytes(ErrorCode code, String field, String text) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      return encoded.remaining();
    } catch (CharacterCodingException e) {
      throw new WhimbrelException(
          code, field, field + ": a lone surrogate (expected: valid Unicode)", null, e);
    }
  }

  static int atLeast(String field, int value, int min) {
    if (value < min) {
      throw WhimbrelException.refusal(ErrorCode.INVALID_ARGUMENT, field, value, "at least " + min);
    }
    return value;
  }
}
