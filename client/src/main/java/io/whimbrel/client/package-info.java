/**
 * The Java client of Whimbrel, for Java 17 and later: {@link io.whimbrel.client.WhimbrelClient} and
 * its values.
 *
 * <ul>
 *   <li>Every value is immutable once made; no type of gRPC or protobuf appears in a public
 *       signature.
 *   <li>Ids, numbers, strings and vectors come back exactly as they were sent; a string that is not
 *       valid Unicode is refused here, because it could not.
 *   <li>Every failure is a {@link io.whimbrel.client.WhimbrelException} with an {@link
 *       io.whimbrel.client.ErrorCode}.
 *   <li>A write is repeated automatically only under a request id, so that it happens once.
 * </ul>
 */
@NullMarked
package io.whimbrel.client;

import org.jspecify.annotations.NullMarked;
