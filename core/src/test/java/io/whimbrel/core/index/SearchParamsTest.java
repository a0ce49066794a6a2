package io.whimbrel.core.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class SearchParamsTest {
  @Test
  void choosesABeamForK() {
    assertThat(SearchParams.of(1).beam()).isEqualTo(64);
    assertThat(SearchParams.of(10).beam()).isEqualTo(64);
    assertThat(SearchParams.of(100).beam()).isEqualTo(200);
    assertThat(SearchParams.of(Limits.K_MAX).beam()).isEqualTo(Limits.EF_MAX);
    assertThat(SearchParams.of(10).withEf(10).beam()).isEqualTo(10);
  }

  @Test
  void refusesWhatNoSearchCanKeep() {
    refused(ErrorCode.INVALID_ARGUMENT, "k: 0", () -> SearchParams.of(0));
    refused(ErrorCode.LIMIT_EXCEEDED, "k: 10001", () -> SearchParams.of(10_001));
    refused(ErrorCode.INVALID_ARGUMENT, "ef: -1", () -> SearchParams.of(1).withEf(-1));
    refused(ErrorCode.LIMIT_EXCEEDED, "ef: 10001", () -> SearchParams.of(1).withEf(10_001));
    refused(ErrorCode.INVALID_ARGUMENT, "ef: 9", () -> SearchParams.of(10).withEf(9));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "score_threshold: NaN",
        () -> SearchParams.of(1).withScoreThreshold(Double.NaN));
  }

  private static void refused(ErrorCode code, String message, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e).hasMessageContaining(message);
            });
  }
}
