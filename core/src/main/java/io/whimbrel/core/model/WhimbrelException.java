package io.whimbrel.core.model;

import org.jspecify.annotations.Nullable;

/// A refused or failed request. The message reads `field: value (expected: expectation)`; nothing
/// was changed, except under [ErrorCode#OUTCOME_UNKNOWN].
public final class WhimbrelException extends RuntimeException {
  private final ErrorCode code;
  private final String field;

  private WhimbrelException(
      ErrorCode code, String field, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.field = field;
  }

  /// A refusal of `value` in `field`. `value` must not be a whole vector or payload.
  public static WhimbrelException of(ErrorCode code, String field, Object value, String expected) {
    return new WhimbrelException(
        code, field, field + ": " + value + " (expected: " + expected + ")", null);
  }

  /// A failure with its cause, for example of the store.
  public static WhimbrelException of(
      ErrorCode code, String field, String message, Throwable cause) {
    return new WhimbrelException(code, field, field + ": " + message, cause);
  }

  /// A well-formed request that is beyond what the server does so far.
  public static WhimbrelException unimplemented(String field, Object value, String expected) {
    return of(
        ErrorCode.UNIMPLEMENTED,
        field,
        value,
        expected + "; not supported by this version of Whimbrel");
  }

  public ErrorCode code() {
    return code;
  }

  /// The request field at fault, in the words of the API, for example `points[3].vectors.default`.
  public String field() {
    return field;
  }
}
