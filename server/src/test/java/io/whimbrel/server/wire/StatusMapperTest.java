package io.whimbrel.server.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.BatchError;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StatusMapperTest {
  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void everyErrorCarriesItsReasonFieldAndDetails(ErrorCode code) throws Exception {
    WhimbrelException refusal =
        WhimbrelException.of(code, "points[3].id", "\"x\"", "something else");

    StatusRuntimeException e = StatusMapper.exception(new CompletionException(refusal));

    assertThat(e.getStatus().getCode())
        .isEqualTo(StatusMapper.code(code))
        .isNotIn(Status.Code.OK, Status.Code.UNAUTHENTICATED);
    assertThat(e.getStatus().getDescription())
        .isEqualTo("points[3].id: \"x\" (expected: something else)");
    ErrorInfo info = detail(e, ErrorInfo.class).orElseThrow();
    assertThat(info.getReason()).isEqualTo(code.name());
    assertThat(info.getDomain()).isEqualTo("whimbrel");
    assertThat(info.getMetadataMap()).containsEntry("field", "points[3].id");
    assertThat(detail(e, BadRequest.class).isPresent())
        .isEqualTo(e.getStatus().getCode() == Status.Code.INVALID_ARGUMENT);
    assertThat(detail(e, RetryInfo.class).isPresent())
        .isEqualTo(code == ErrorCode.OVERLOADED || code == ErrorCode.UNAVAILABLE);
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void aBatchErrorSaysTheSame(ErrorCode code) {
    BatchError error = StatusMapper.batchError(WhimbrelException.of(code, "f", 1, "2"));

    assertThat(error.getCode()).isEqualTo(StatusMapper.code(code).value());
    assertThat(error.getReason()).isEqualTo(code.name());
    assertThat(error.getField()).isEqualTo("f");
    assertThat(error.getMessage()).isEqualTo("f: 1 (expected: 2)");
  }

  @Test
  void aDefectSaysNothingOfItself() throws Exception {
    StatusRuntimeException e = StatusMapper.exception(new IllegalStateException("secret"));

    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(e.getStatus().getDescription()).doesNotContain("secret", "IllegalState");
    assertThat(detail(e, ErrorInfo.class).orElseThrow().getReason()).isEqualTo("INTERNAL");
  }

  @Test
  void aStatusStaysWhatItIs() {
    StatusRuntimeException status = Status.DATA_LOSS.withDescription("d").asRuntimeException();

    assertThat(StatusMapper.exception(status)).isSameAs(status);
    StatusRuntimeException unchecked = StatusMapper.exception(Status.ABORTED.asException());
    assertThat(unchecked.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
  }

  @Test
  void longTextsAreCutSoThatTheErrorFitsIntoMetadata() {
    String huge = "\u6f22".repeat(100_000);
    StatusRuntimeException e =
        StatusMapper.exception(WhimbrelException.of(ErrorCode.INVALID_NAME, huge, huge, huge));

    int details = StatusProto.fromThrowable(e).getSerializedSize() * 4 / 3;
    int percentEncoded = e.getStatus().getDescription().length() * 9;
    assertThat(details + percentEncoded).isLessThan(7 << 10);
  }

  @Test
  void aCutNeverSplitsACharacter() {
    assertThat(StatusMapper.cut("abc", 3)).isEqualTo("abc");
    assertThat(StatusMapper.cut("abcd", 3)).isEqualTo("abc...");
    assertThat(StatusMapper.cut("a\uD83D\uDE00", 10)).isEqualTo("a...");
  }

  static <T extends com.google.protobuf.Message> Optional<T> detail(
      StatusRuntimeException e, Class<T> type) throws InvalidProtocolBufferException {
    for (Any any : StatusProto.fromThrowable(e).getDetailsList()) {
      if (any.is(type)) {
        return Optional.of(any.unpack(type));
      }
    }
    return Optional.empty();
  }
}
