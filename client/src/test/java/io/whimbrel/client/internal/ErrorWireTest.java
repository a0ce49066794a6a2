package io.whimbrel.client.internal;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.proto.v1.BatchError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What servers, proxies and gRPC itself answer instead of a result. */
class ErrorWireTest {
  private static ErrorInfo info(String domain, String reason) {
    return ErrorInfo.newBuilder()
        .setDomain(domain)
        .setReason(reason)
        .putMetadata("field", "points[3].id")
        .build();
  }

  private static WhimbrelException decode(Code code, com.google.protobuf.Message... details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.getNumber()).setMessage("why");
    for (com.google.protobuf.Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return ErrorWire.decode(StatusProto.toStatusRuntimeException(status.build()));
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void everyReasonIsRead(ErrorCode code) {
    // The gRPC code must not matter when there is a reason.
    WhimbrelException e = decode(Code.ABORTED, info("whimbrel", code.name()));
    assertThat(e.code()).isEqualTo(code);
    assertThat(e.field()).isEqualTo("points[3].id");
    assertThat(e).hasMessage("why");
    assertThat(e.retryAfter()).isEmpty();
    assertThat(e.retryable())
        .isEqualTo(
            code == ErrorCode.UNAVAILABLE
                || code == ErrorCode.OVERLOADED
                || code == ErrorCode.OUTCOME_UNKNOWN);
    WhimbrelException batch =
        ErrorWire.decode(
            BatchError.newBuilder()
                .setCode(Code.ABORTED.getNumber())
                .setReason(code.name())
                .setField("points[0]")
                .setMessage("why")
                .build());
    assertThat(batch.code()).isEqualTo(code);
    assertThat(batch.field()).isEqualTo("points[0]");
  }

  @Test
  void aReasonOfANewerServerIsUnknownAndKeepsItsMessage() {
    WhimbrelException e = decode(Code.INVALID_ARGUMENT, info("whimbrel", "TOO_PURPLE"));
    assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN);
    assertThat(e).hasMessage("why");
  }

  @Test
  void aReasonOfSomebodyElseIsNotOurs() {
    WhimbrelException e = decode(Code.UNAVAILABLE, info("googleapis.com", "DATA_LOSS"));
    assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(e.field()).isEmpty();
  }

  @Test
  void theFieldMayComeFromTheViolation() {
    WhimbrelException e =
        decode(
            Code.INVALID_ARGUMENT,
            ErrorInfo.newBuilder().setDomain("whimbrel").setReason("INVALID_NAME").build(),
            BadRequest.newBuilder()
                .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField("spec.name"))
                .build());
    assertThat(e.field()).isEqualTo("spec.name");
  }

  @Test
  void theRetryHintIsRead() {
    RetryInfo retry =
        RetryInfo.newBuilder()
            .setRetryDelay(Duration.newBuilder().setSeconds(1).setNanos(5_000_000))
            .build();
    WhimbrelException e = decode(Code.RESOURCE_EXHAUSTED, info("whimbrel", "OVERLOADED"), retry);
    assertThat(e.retryAfter()).contains(java.time.Duration.ofMillis(1005));
    assertThat(decode(Code.RESOURCE_EXHAUSTED, retry).code()).isEqualTo(ErrorCode.OVERLOADED);
  }

  @ParameterizedTest
  @CsvSource({
    "CANCELLED, CANCELLED",
    "UNKNOWN, UNKNOWN",
    "INVALID_ARGUMENT, INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED, DEADLINE_EXCEEDED",
    "NOT_FOUND, UNKNOWN",
    "ALREADY_EXISTS, UNKNOWN",
    "PERMISSION_DENIED, UNKNOWN",
    "RESOURCE_EXHAUSTED, LIMIT_EXCEEDED",
    "FAILED_PRECONDITION, UNKNOWN",
    "ABORTED, UNKNOWN",
    "OUT_OF_RANGE, INVALID_ARGUMENT",
    "UNIMPLEMENTED, UNIMPLEMENTED",
    "INTERNAL, INTERNAL",
    "UNAVAILABLE, UNAVAILABLE",
    "DATA_LOSS, DATA_LOSS",
    "UNAUTHENTICATED, UNKNOWN"
  })
  void withoutDetailsTheCodeSpeaks(Status.Code code, ErrorCode expected) {
    WhimbrelException e = ErrorWire.decode(code.toStatus().asRuntimeException());
    assertThat(e.code()).isEqualTo(expected);
    assertThat(e.getMessage()).isNotEmpty();
    assertThat(e.field()).isEmpty();
  }

  @Test
  void aBatchErrorOfANewerCodeIsUnknown() {
    assertThat(ErrorWire.decode(BatchError.newBuilder().setCode(99).build()).code())
        .isEqualTo(ErrorCode.UNKNOWN);
  }

  @Test
  void aDetailThatCannotBeReadLeavesTheRest() {
    com.google.rpc.Status broken =
        com.google.rpc.Status.newBuilder()
            .setCode(Code.UNAVAILABLE.getNumber())
            .setMessage("why")
            .addDetails(
                Any.newBuilder()
                    .setTypeUrl("type.googleapis.com/google.rpc.ErrorInfo")
                    .setValue(ByteString.copyFrom(new byte[] {(byte) 0xff})))
            .build();
    WhimbrelException e = ErrorWire.decode(StatusProto.toStatusRuntimeException(broken));
    assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(e).hasMessage("why");
  }

  @Test
  void aDefectInTheClientIsInternal() {
    WhimbrelException e = ErrorWire.decode(new IllegalStateException("oops"));
    assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
    assertThat(e).hasRootCauseMessage("oops");
  }
}
