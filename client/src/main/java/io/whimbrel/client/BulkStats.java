package io.whimbrel.client;

/**
 * What a {@link BulkWriter} has done so far.
 *
 * @param pointsAcknowledged points written, as durable as asked
 * @param bytesAcknowledged their bytes on the wire
 * @param pointsRefused points in batches that the server refused
 * @param batchesRefused batches that the server refused
 * @param batchesResent batches sent once more, after a broken stream or a passing failure
 * @param streams streams opened; more than 1 after a broken one
 */
public record BulkStats(
    long pointsAcknowledged,
    long bytesAcknowledged,
    long pointsRefused,
    long batchesRefused,
    long batchesResent,
    long streams) {}
