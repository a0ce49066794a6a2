package io.whimbrel.client;

/**
 * How a {@link BulkWriter} cuts and paces its batches. None of this changes what is written.
 *
 * @param batchBytesMax a batch ends before it holds more than this, 1 MiB by default; never above
 *     half the message limit of the client, whatever is asked. One larger point travels alone
 * @param batchPointsMax a batch ends at this many points, 1 to 1,000
 * @param inFlightBytesMax bytes held in memory until acknowledged, 8 MiB by default; more makes
 *     {@link BulkWriter#add} wait. One larger point travels alone
 * @param inFlightBatchesMax batches sent and not yet acknowledged, 16 by default; more makes {@link
 *     BulkWriter#add} wait
 * @param durability when a batch is acknowledged
 */
public record BulkOptions(
    int batchBytesMax,
    int batchPointsMax,
    int inFlightBytesMax,
    int inFlightBatchesMax,
    Durability durability) {
  public static final BulkOptions DEFAULT =
      new BulkOptions(1 << 20, 1_000, 8 << 20, 16, Durability.SYNC);

  public BulkOptions {
    Checks.atLeast("bulk.batch_bytes_max", batchBytesMax, 1);
    Checks.atLeast("bulk.in_flight_bytes_max", inFlightBytesMax, batchBytesMax);
    Checks.atLeast("bulk.in_flight_batches_max", inFlightBatchesMax, 1);
    if (batchPointsMax < 1 || batchPointsMax > 1_000) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, "bulk.batch_points_max", batchPointsMax, "1 to 1000");
    }
  }

  public BulkOptions withBatchBytesMax(int bytes) {
    return new BulkOptions(bytes, batchPointsMax, inFlightBytesMax, inFlightBatchesMax, durability);
  }

  public BulkOptions withBatchPointsMax(int points) {
    return new BulkOptions(batchBytesMax, points, inFlightBytesMax, inFlightBatchesMax, durability);
  }

  public BulkOptions withInFlightBytesMax(int bytes) {
    return new BulkOptions(batchBytesMax, batchPointsMax, bytes, inFlightBatchesMax, durability);
  }

  public BulkOptions withInFlightBatchesMax(int batches) {
    return new BulkOptions(batchBytesMax, batchPointsMax, inFlightBytesMax, batches, durability);
  }

  public BulkOptions withDurability(Durability durability) {
    return new BulkOptions(
        batchBytesMax, batchPointsMax, inFlightBytesMax, inFlightBatchesMax, durability);
  }
}
