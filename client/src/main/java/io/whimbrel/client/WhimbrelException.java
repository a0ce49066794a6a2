package io.whimbrel.client;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A refused or failed request. A refusal changed nothing; after {@link ErrorCode#OUTCOME_UNKNOWN},
 * {@link ErrorCode#UNAVAILABLE}, {@link ErrorCode#DEADLINE_EXCEEDED} and {@link
 * ErrorCode#CANCELLED} a write may have happened, and repeating it under the same request id is
 * safe.
 */
public final class WhimbrelException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;
  private final String field;
  private final @Nullable Duration retryAfter;

  /**
   * Makes a failure.
   *
   * @param field the request field at fault; empty when there is none
   * @param retryAfter how long the server asks to wait before a repetition; null when it did not
   *     say
   */
  public WhimbrelException(
      ErrorCode code,
      String field,
      String message,
      @Nullable Duration retryAfter,
      @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.field = field;
    this.retryAfter = retryAfter;
  }

  /** A refusal of {@code value} in {@code field}, found before anything was sent. */
  public static WhimbrelException refusal(
      ErrorCode code, String field, Object value, String expected) {
    return new WhimbrelException(
        code, field, field + ": " + value + " (expected: " + expected + ")", null, null);
  }

  public ErrorCode code() {
    return code;
  }

  /**
   * The request field at fault in the words of the API, for example {@code
   * points[3].vectors.default}; or empty.
   */
  public String field() {
    return field;
  }

  /**
   * Whether the same request may succeed later without a change: reads, and writes under the same
   * request id.
   */
  public boolean retryable() {
    return switch (code) {
      case UNAVAILABLE, OVERLOADED, OUTCOME_UNKNOWN -> true;
      case INVALID_ARGUMENT,
          INVALID_NAME,
          INVALID_ID,
          DUPLICATE_ID,
          DIMENSION_MISMATCH,
          NOT_FINITE,
          ZERO_VECTOR,
          SPACE_MISMATCH,
          LIMIT_EXCEEDED,
          UNKNOWN_FIELD,
          FIELD_EXISTS,
          UNKNOWN_VERSION,
          TYPE_MISMATCH,
          INDEX_NEEDED,
          INDEX_NOT_READY,
          UNKNOWN_INDEX,
          INDEX_EXISTS,
          OLD_SPACE,
          SPACE_REQUIRED,
          ROUTING_STALE,
          COVERAGE_TOO_LOW,
          NEW_ONLY_WRITE,
          OLD_ONLY_WRITE,
          CURSOR_EXPIRED,
          MIGRATION_NOT_FOUND,
          GOLDEN_SET_NOT_FOUND,
          MIGRATION_EXISTS,
          MIGRATION_STATE,
          EPOCH_MISMATCH,
          UNSAFE,
          COLLECTION_NOT_FOUND,
          COLLECTION_EXISTS,
          ALIAS_NOT_FOUND,
          ALIAS_EXISTS,
          POINT_NOT_FOUND,
          SEQ_MISMATCH,
          REQUEST_ID_REUSED,
          INVALID_CURSOR,
          UNIMPLEMENTED,
          DEADLINE_EXCEEDED,
          CANCELLED,
          READ_ONLY,
          DATA_LOSS,
          INTERNAL,
          UNKNOWN ->
          false;
    };
  }

  /** How long the server asks to wait before a repetition. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /**
   * The same failure with this one as its cause: it may be met more than once and in other threads
   * than it arose in.
   */
  public WhimbrelException again() {
    return new WhimbrelException(code, field, String.valueOf(getMessage()), retryAfter, this);
  }
}
