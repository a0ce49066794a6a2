package io.whimbrel.client.migration;

/**
 * What a worker has done so far.
 *
 * @param stored vectors stored
 * @param stale points that had changed; they come again
 * @param gone points that were deleted meanwhile
 * @param deadLetters points that were given up
 * @param failures attempts to embed that failed
 * @param brokenConnections calls that had to wait for the server to come back
 */
public record BackfillStats(
    long stored, long stale, long gone, long deadLetters, long failures, long brokenConnections) {}
