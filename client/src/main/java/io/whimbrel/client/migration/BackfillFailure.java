package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import java.time.Duration;

/**
 * A leased point given back.
 *
 * @param reason why; empty when the worker only stops, which is no failed attempt
 * @param permanent trying again would not help: the point becomes a dead letter
 * @param retryAfter not leased again before
 */
public record BackfillFailure(PointId id, String reason, boolean permanent, Duration retryAfter) {}
