package io.whimbrel.client.migration;

import java.time.Duration;

/**
 * A leased point given back.
 *
 * @param permanent trying again would not help: the point becomes a dead letter
 */
public record BackfillFailure(
    LeasedPoint point, String reason, boolean permanent, Duration retryAfter) {}
