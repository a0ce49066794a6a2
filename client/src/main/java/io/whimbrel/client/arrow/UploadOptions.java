package io.whimbrel.client.arrow;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import java.time.Duration;

/**
 * How points are sent. Changes cost only.
 *
 * @param batchRowsMax points in one batch, which is one atomic write; 1 to 10,000
 * @param batchBytesMax bytes of vectors and text in one batch, exceeded by at most one point; below
 *     the server's message limit
 * @param batchesInFlightMax batches sent and not yet acknowledged; more of them share one fsync
 * @param requestId when not empty, batch {@code n} is written under the request id {@code
 *     requestId/n}, so that a repeated upload of the same points in the same batches happens once;
 *     up to 100 bytes
 * @param deadline the longest time of the whole upload
 */
public record UploadOptions(
    int batchRowsMax,
    int batchBytesMax,
    int batchesInFlightMax,
    String requestId,
    Duration deadline) {
  public static final UploadOptions DEFAULT =
      new UploadOptions(2_048, 3 << 20, 4, "", Duration.ofHours(1));

  public UploadOptions {
    check("batch_rows_max", batchRowsMax, 10_000);
    check("batch_bytes_max", batchBytesMax, 1 << 30);
    check("batches_in_flight_max", batchesInFlightMax, 64);
    if (deadline.isNegative() || deadline.isZero()) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, "deadline", deadline, "more than zero");
    }
  }

  private static void check(String field, int value, int max) {
    if (value < 1 || value > max) {
      throw WhimbrelException.refusal(ErrorCode.INVALID_ARGUMENT, field, value, "1 to " + max);
    }
  }

  public UploadOptions withBatchRowsMax(int rows) {
    return new UploadOptions(rows, batchBytesMax, batchesInFlightMax, requestId, deadline);
  }

  public UploadOptions withRequestId(String requestId) {
    return new UploadOptions(batchRowsMax, batchBytesMax, batchesInFlightMax, requestId, deadline);
  }

  public UploadOptions withDeadline(Duration deadline) {
    return new UploadOptions(batchRowsMax, batchBytesMax, batchesInFlightMax, requestId, deadline);
  }
}
