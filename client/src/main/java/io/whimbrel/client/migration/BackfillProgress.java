package io.whimbrel.client.migration;

import java.time.Duration;
import java.util.Optional;

/**
 * How far the new version is. Counts are exact.
 *
 * @param live live points
 * @param done live points whose vector in the new version is current
 * @param backlog points that wait for their new vector, leased ones included
 * @param deadLetters points given up and not waived
 * @param waived points given up that an operator accepted
 * @param rate points a second, a moving average
 * @param eta not present below 1 % or without a rate
 * @param waitReason why no work is handed out just now; else empty
 * @param coverage share of the new version's vectors that its index covers
 * @param searchP99 what limits of the search p99 are held against: the server's searches of the
 *     last seconds, from arrival to answer; not present while there are too few
 */
public record BackfillProgress(
    long live,
    long done,
    long backlog,
    long leased,
    long deadLetters,
    long waived,
    double rate,
    Optional<Duration> eta,
    String waitReason,
    double coverage,
    Optional<Duration> searchP99) {}
