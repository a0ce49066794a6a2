/// Between the messages of `whimbrel.v1` and the words of the core, both ways, and from errors to
/// gRPC status.
///
/// - Nothing a client sent is passed over: unknown fields and enum numbers are refused with
///   INVALID_ARGUMENT, fields the server does not act on yet with UNIMPLEMENTED.
/// - Only form is checked here; what depends on a collection is checked by the core.
/// - A refusal names the field by its path in the request, for example
///   `points[3].vectors.default.packed`. Converters name fields from their own message on;
///   [Form#within] puts the path in front on the way out, so that good requests pay nothing.
@NullMarked
package io.whimbrel.server.wire;

import org.jspecify.annotations.NullMarked;
