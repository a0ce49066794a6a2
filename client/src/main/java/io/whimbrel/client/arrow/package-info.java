/**
 * Bulk transfer of points as Arrow columns. Needs {@code org.apache.arrow:flight-core} and {@code
 * org.apache.arrow:arrow-memory-unsafe} beside the client, and on Java 16 and later the flag {@code
 * --add-opens=java.base/java.nio=ALL-UNNAMED}.
 *
 * <ul>
 *   <li>Nothing outside this package names Arrow: the rest of the client works without it.
 *   <li>One batch of a transfer is in Arrow memory at a time; {@link
 *       io.whimbrel.client.arrow.FlightBulk#close} fails when any is left.
 *   <li>Every call has a deadline; every failure is a {@link io.whimbrel.client.WhimbrelException}.
 * </ul>
 */
@NullMarked
package io.whimbrel.client.arrow;

import org.jspecify.annotations.NullMarked;
