package io.whimbrel.server.flight;

import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.server.wire.StatusMapper;
import java.util.Objects;
import java.util.concurrent.CompletionException;

/// What a Flight call fails with: the status and details of every other call, and the `ErrorCode`
/// and field as plain text.
///
/// Flight's own clients fold several status codes into one and do not show typed details; they do
/// show plain metadata.
final class FlightErrors {
  static final Metadata.Key<String> CODE =
      Metadata.Key.of("whimbrel-error-code", Metadata.ASCII_STRING_MARSHALLER);
  static final Metadata.Key<String> FIELD =
      Metadata.Key.of("whimbrel-field", Metadata.ASCII_STRING_MARSHALLER);
  private static final int FIELD_CHARS_MAX = 300;

  private FlightErrors() {}

  static StatusRuntimeException exception(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    StatusRuntimeException mapped = StatusMapper.exception(cause);
    if (!(cause instanceof WhimbrelException refusal)) {
      return mapped;
    }
    Metadata trailers = new Metadata();
    if (mapped.getTrailers() != null) {
      trailers.merge(mapped.getTrailers());
    }
    trailers.put(CODE, refusal.code().name());
    trailers.put(FIELD, ascii(refusal.field()));
    return mapped.getStatus().asRuntimeException(trailers);
  }

  static WhimbrelException stopping() {
    return WhimbrelException.of(
        ErrorCode.UNAVAILABLE, "server", "stopping", "a running server; try again later");
  }

  /// The same refusal with `prefix` before its field.
  static WhimbrelException within(String prefix, WhimbrelException e) {
    String message = Objects.requireNonNullElse(e.getMessage(), "");
    String head = e.field() + ": ";
    String rest = message.startsWith(head) ? message.substring(head.length()) : message;
    return WhimbrelException.of(e.code(), prefix + e.field(), rest, e);
  }

  /// Metadata is ASCII; the message has the field as it is.
  private static String ascii(String field) {
    String plain = field.replaceAll("[^ -~]", "?");
    return plain.length() > FIELD_CHARS_MAX ? plain.substring(0, FIELD_CHARS_MAX) : plain;
  }
}
