package io.whimbrel.server.wire;

import com.google.protobuf.Message;
import com.google.protobuf.UnknownFieldSet;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Objects;

/// What the converters have in common.
final class Form {
  private Form() {}

  /// Refuses a message with fields that this server does not know: they would be passed over in
  /// silence.
  static void known(Message message) {
    UnknownFieldSet unknown = message.getUnknownFields();
    if (!unknown.asMap().isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "#" + unknown.asMap().keySet().iterator().next(),
          "unknown field of " + message.getDescriptorForType().getFullName(),
          "only fields that this version of the server knows");
    }
  }

  /// The same refusal with `path` put before its field.
  static WhimbrelException within(String path, WhimbrelException e) {
    return renamed(path + (e.field().startsWith("[") ? "" : ".") + e.field(), e);
  }

  /// The same refusal with another name for its field.
  static WhimbrelException renamed(String field, WhimbrelException e) {
    return WhimbrelException.of(
        e.code(), field, text(e).substring(e.field().length() + ": ".length()), e);
  }

  /// The message of a refusal, which always has one.
  static String text(WhimbrelException e) {
    return Objects.requireNonNull(e.getMessage());
  }

  static WhimbrelException missing(String field, String expected) {
    return WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, field, "not given", expected);
  }

  static WhimbrelException unknownEnum(String field, int number, String expected) {
    return WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, field, "number " + number, expected);
  }

  static String collection(String name) {
    if (name.isEmpty()) {
      throw missing("collection", "the name of a collection");
    }
    return name;
  }

  /// A sequence number; the store's are below 2^63.
  static long seq(String field, long value) {
    if (value < 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          field,
          Long.toUnsignedString(value),
          "a sequence number, 0 to " + Long.MAX_VALUE);
    }
    return value;
  }

  /// A uint32 within `[min, max]`.
  static int range(String field, int unsigned, int min, int max) {
    return Limits.checkRange(field, Integer.toUnsignedLong(unsigned), min, max);
  }
}
