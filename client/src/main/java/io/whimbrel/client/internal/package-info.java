/**
 * Not for applications: what turns the client's values into messages, calls the server and repeats
 * calls.
 *
 * <ul>
 *   <li>{@code ...Wire} classes are pure functions between the client's values and messages.
 *   <li>Only this package names gRPC and the generated classes. Nothing here links Arrow.
 * </ul>
 */
@NullMarked
package io.whimbrel.client.internal;

import org.jspecify.annotations.NullMarked;
