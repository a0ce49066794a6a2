package io.whimbrel.client.internal;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.protobuf.StatusProto;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.RoutingPolicy;
import io.whimbrel.proto.v1.BatchError;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the server answers instead of a result, as one exception.
 *
 * <p>The reason comes from {@code google.rpc.ErrorInfo} of the domain "whimbrel"; without it, for
 * example when a proxy or gRPC itself answers, from the gRPC code as far as that is certain.
 */
public final class ErrorWire {
  /** The domain of {@code ErrorInfo} under which reasons are names of {@link ErrorCode}. */
  public static final String DOMAIN = "whimbrel";

  private static final Map<String, ErrorCode> REASONS =
      Arrays.stream(ErrorCode.values())
          .collect(Collectors.toUnmodifiableMap(ErrorCode::name, Function.identity()));

  private ErrorWire() {}

  /** Anything that a call failed with. */
  public static WhimbrelException decode(Throwable failure) {
    if (failure instanceof WhimbrelException whimbrel) {
      return whimbrel;
    }
    com.google.rpc.@Nullable Status details = StatusProto.fromThrowable(failure);
    if (details == null) {
      return new WhimbrelException(
          ErrorCode.INTERNAL, "", "the call failed in the client: " + failure, null, failure);
    }
    Optional<ErrorInfo> info =
        detail(details, ErrorInfo.class).filter(i -> i.getDomain().equals(DOMAIN));
    @Nullable Duration retryAfter =
        detail(details, RetryInfo.class)
            .map(r ->
                Duration.ofSeconds(r.getRetryDelay().getSeconds(), r.getRetryDelay().getNanos()))
            .orElse(null);
    String field =
        info.map(i -> i.getMetadataOrDefault("field", ""))
            .filter(f -> !f.isEmpty())
            .or(() ->
                detail(details, BadRequest.class)
                    .filter(b -> b.getFieldViolationsCount() > 0)
                    .map(b -> b.getFieldViolations(0).getField()))
            .orElse("");
    ErrorCode code =
        info.map(i -> reason(i.getReason()))
            .orElseGet(() -> fallback(details.getCode(), retryAfter != null));
    String message =
        details.getMessage().isEmpty() ? code + " without a message" : details.getMessage();
    return new WhimbrelException(code, field, message, retryAfter, failure);
  }

  /** The routing policy that a failure carries. */
  public static Optional<RoutingPolicy> policy(WhimbrelException failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      com.google.rpc.@Nullable Status details =
          cause instanceof WhimbrelException ? null : StatusProto.fromThrowable(cause);
      if (details != null) {
        return detail(details, io.whimbrel.proto.v1.RoutingPolicy.class).map(MigrationWire::decode);
      }
    }
    return Optional.empty();
  }

  /** A batch that an ingest stream refused. */
  public static WhimbrelException decode(BatchError error) {
    ErrorCode code =
        error.getReason().isEmpty() ? fallback(error.getCode(), false) : reason(error.getReason());
    return new WhimbrelException(code, error.getField(), error.getMessage(), null, null);
  }

  private static ErrorCode reason(String name) {
    return REASONS.getOrDefault(name, ErrorCode.UNKNOWN);
  }

  /**
   * gRPC itself answers RESOURCE_EXHAUSTED to a message above the size limit; repeating that would
   * not help.
   */
  private static ErrorCode fallback(int code, boolean hasRetryInfo) {
    @Nullable Code known = Code.forNumber(code);
    if (known == null) {
      return ErrorCode.UNKNOWN;
    }
    return switch (known) {
      case CANCELLED -> ErrorCode.CANCELLED;
      case DEADLINE_EXCEEDED -> ErrorCode.DEADLINE_EXCEEDED;
      case UNAVAILABLE -> ErrorCode.UNAVAILABLE;
      case RESOURCE_EXHAUSTED -> hasRetryInfo ? ErrorCode.OVERLOADED : ErrorCode.LIMIT_EXCEEDED;
      case INVALID_ARGUMENT, OUT_OF_RANGE -> ErrorCode.INVALID_ARGUMENT;
      case UNIMPLEMENTED -> ErrorCode.UNIMPLEMENTED;
      case DATA_LOSS -> ErrorCode.DATA_LOSS;
      case INTERNAL -> ErrorCode.INTERNAL;
      case OK,
          UNKNOWN,
          NOT_FOUND,
          ALREADY_EXISTS,
          PERMISSION_DENIED,
          UNAUTHENTICATED,
          FAILED_PRECONDITION,
          ABORTED,
          UNRECOGNIZED ->
          ErrorCode.UNKNOWN;
    };
  }

  private static <T extends com.google.protobuf.Message> Optional<T> detail(
      com.google.rpc.Status status, Class<T> type) {
    for (Any detail : status.getDetailsList()) {
      if (detail.is(type)) {
        try {
          return Optional.of(detail.unpack(type));
        } catch (InvalidProtocolBufferException e) {
          // A detail that cannot be read says nothing; the code and message still do.
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }
}
