package io.whimbrel.server.wire;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.BatchError;
import io.whimbrel.proto.v1.RoutingPolicy;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one table from [ErrorCode] to gRPC status, and the details that travel with it.
///
/// Every error carries `google.rpc.ErrorInfo` (reason = name of the code, domain [#DOMAIN],
/// metadata `field`); a request at fault also `BadRequest`, a full or stopping server also
/// `RetryInfo`, a request by an outdated routing policy also the [RoutingPolicy] in force. Texts
/// are cut so that an error always fits into the 8 KiB of metadata that clients accept.
public final class StatusMapper {
  public static final String DOMAIN = "whimbrel";
  public static final String FIELD = "field";

  private static final Logger LOG = LoggerFactory.getLogger(StatusMapper.class);
  // A text travels up to three times, partly in base64 or percent encoding.
  private static final int MESSAGE_ENCODED_MAX = 1_200;
  private static final int FIELD_ENCODED_MAX = 300;
  private static final int POLICY_BYTES_MAX = 2_000;
  private static final int ENCODED_BYTES_OF_NON_ASCII = 9;

  private StatusMapper() {}

  /// The gRPC code of each error.
  public static Status.Code code(ErrorCode code) {
    return switch (code) {
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
          UNKNOWN_VERSION,
          TYPE_MISMATCH,
          INVALID_CURSOR,
          REQUEST_ID_REUSED,
          SPACE_REQUIRED ->
          Status.Code.INVALID_ARGUMENT;
      case COLLECTION_NOT_FOUND,
          ALIAS_NOT_FOUND,
          POINT_NOT_FOUND,
          UNKNOWN_INDEX,
          MIGRATION_NOT_FOUND,
          GOLDEN_SET_NOT_FOUND ->
          Status.Code.NOT_FOUND;
      case COLLECTION_EXISTS, ALIAS_EXISTS, FIELD_EXISTS, INDEX_EXISTS, MIGRATION_EXISTS ->
          Status.Code.ALREADY_EXISTS;
      // The client reads again and decides again: gRPC's word for a lost compare-and-set.
      case SEQ_MISMATCH, EPOCH_MISMATCH, CURSOR_EXPIRED -> Status.Code.ABORTED;
      case OLD_SPACE,
          ROUTING_STALE,
          COVERAGE_TOO_LOW,
          NEW_ONLY_WRITE,
          OLD_ONLY_WRITE,
          MIGRATION_STATE,
          UNSAFE ->
          Status.Code.FAILED_PRECONDITION;
      case UNIMPLEMENTED -> Status.Code.UNIMPLEMENTED;
      case OVERLOADED -> Status.Code.RESOURCE_EXHAUSTED;
      case DEADLINE_EXCEEDED -> Status.Code.DEADLINE_EXCEEDED;
      case CANCELLED -> Status.Code.CANCELLED;
      case READ_ONLY, INDEX_NEEDED, INDEX_NOT_READY -> Status.Code.FAILED_PRECONDITION;
      case OUTCOME_UNKNOWN -> Status.Code.UNKNOWN;
      case DATA_LOSS -> Status.Code.DATA_LOSS;
      case UNAVAILABLE -> Status.Code.UNAVAILABLE;
      case INTERNAL -> Status.Code.INTERNAL;
    };
  }

  /// How long a client should wait before it tries again; empty when trying again does not help by
  /// itself.
  static Optional<Duration> retryAfter(ErrorCode code) {
    return switch (code) {
      case OVERLOADED -> Optional.of(Durations.fromMillis(200));
      case UNAVAILABLE -> Optional.of(Durations.fromSeconds(1));
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
          MIGRATION_EXISTS,
          MIGRATION_STATE,
          EPOCH_MISMATCH,
          UNSAFE,
          COLLECTION_NOT_FOUND,
          GOLDEN_SET_NOT_FOUND,
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
          OUTCOME_UNKNOWN,
          DATA_LOSS,
          INTERNAL ->
          Optional.empty();
    };
  }

  /// What a call fails with. A throwable that is no refusal is a defect: it is logged, and the
  /// client learns nothing of it.
  public static StatusRuntimeException exception(Throwable failure) {
    Throwable cause = unwrap(failure);
    return switch (cause) {
      case StatusRuntimeException status -> status;
      case StatusException status ->
          status
              .getStatus()
              .asRuntimeException(
                  Optional.ofNullable(status.getTrailers()).orElseGet(Metadata::new));
      default -> StatusProto.toStatusRuntimeException(status(refusal(cause)));
    };
  }

  /// The same failure as the answer to one batch of a stream.
  public static BatchError batchError(Throwable failure) {
    WhimbrelException refusal = refusal(unwrap(failure));
    return BatchError.newBuilder()
        .setCode(code(refusal.code()).value())
        .setReason(refusal.code().name())
        .setMessage(cut(Form.text(refusal), MESSAGE_ENCODED_MAX))
        .setField(cut(refusal.field(), FIELD_ENCODED_MAX))
        .build();
  }

  private static Throwable unwrap(Throwable failure) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  private static WhimbrelException refusal(Throwable cause) {
    if (cause instanceof WhimbrelException refusal) {
      return refusal;
    }
    LOG.error("a request met a defect of the server", cause);
    return WhimbrelException.of(
        ErrorCode.INTERNAL, "server", "internal error, see the server's log", cause);
  }

  private static com.google.rpc.Status status(WhimbrelException refusal) {
    Status.Code code = code(refusal.code());
    String message = cut(Form.text(refusal), MESSAGE_ENCODED_MAX);
    String field = cut(refusal.field(), FIELD_ENCODED_MAX);
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(code.value())
            .setMessage(message)
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setReason(refusal.code().name())
                        .setDomain(DOMAIN)
                        .putMetadata(FIELD, field)
                        .build()));
    if (code == Status.Code.INVALID_ARGUMENT) {
      status.addDetails(
          Any.pack(
              BadRequest.newBuilder()
                  .addFieldViolations(
                      BadRequest.FieldViolation.newBuilder()
                          .setField(field)
                          .setDescription(message)
                          .setReason(refusal.code().name()))
                  .build()));
    }
    refusal
        .policy()
        .map(MigrationWire::message)
        // A client whose policy is too large for an error asks for it.
        .filter(policy -> policy.getSerializedSize() <= POLICY_BYTES_MAX)
        .ifPresent(policy -> status.addDetails(Any.pack(policy)));
    retryAfter(refusal.code())
        .ifPresent(delay ->
            status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build())));
    return status.build();
  }

  /// The longest head of `text` that encodes to at most `encodedMax` bytes.
  static String cut(String text, int encodedMax) {
    int encoded = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      encoded += c >= ' ' && c < 127 && c != '%' ? 1 : ENCODED_BYTES_OF_NON_ASCII;
      if (encoded > encodedMax) {
        int end = i > 0 && Character.isLowSurrogate(c) ? i - 1 : i;
        return text.substring(0, end) + "...";
      }
    }
    return text;
  }
}
