package io.whimbrel.core.model;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A refused or failed request. The message reads `field: value (expected: expectation)`; nothing
/// was changed, except under [ErrorCode#OUTCOME_UNKNOWN].
public final class WhimbrelException extends RuntimeException {
  private final ErrorCode code;
  private final String field;
  private final transient @Nullable RoutingPolicy policy;

  private WhimbrelException(
      ErrorCode code, String field, String message, @Nullable Throwable cause) {
    this(code, field, message, cause, null);
  }

  private WhimbrelException(
      ErrorCode code,
      String field,
      String message,
      @Nullable Throwable cause,
      @Nullable RoutingPolicy policy) {
    super(message, cause);
    this.code = code;
    this.field = field;
    this.policy = policy;
  }

  /// A refusal of `value` in `field`. `value` must not be a whole vector or payload.
  public static WhimbrelException of(ErrorCode code, String field, Object value, String expected) {
    return new WhimbrelException(
        code, field, field + ": " + value + " (expected: " + expected + ")", null);
  }

  /// A failure with its cause, for example of the store. A refusal as the cause lends its policy.
  public static WhimbrelException of(
      ErrorCode code, String field, String message, Throwable cause) {
    return new WhimbrelException(
        code,
        field,
        field + ": " + message,
        cause,
        cause instanceof WhimbrelException refusal ? refusal.policy : null);
  }

  /// A well-formed request that is beyond what the server does so far.
  public static WhimbrelException unimplemented(String field, Object value, String expected) {
    return of(
        ErrorCode.UNIMPLEMENTED,
        field,
        value,
        expected + "; not supported by this version of Whimbrel");
  }

  /// A refusal of a vector or a route, with the policy by which the caller can do better.
  public static WhimbrelException routing(
      ErrorCode code, String field, Object value, String expected, RoutingPolicy policy) {
    return new WhimbrelException(
        code, field, field + ": " + value + " (expected: " + expected + ")", null, policy);
  }

  /// The routing policy in force, when the refusal is about it.
  public Optional<RoutingPolicy> policy() {
    return Optional.ofNullable(policy);
  }

  public ErrorCode code() {
    return code;
  }

  /// The request field at fault, in the words of the API, for example `points[3].vectors.default`.
  public String field() {
    return field;
  }
}
