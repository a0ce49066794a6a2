/// What keeps a server within its means: limits, bounded worker pools, logging.
///
/// - Every queue has a bound and refuses with OVERLOADED; nothing here knows gRPC.
@NullMarked
package io.whimbrel.server.ops;

import org.jspecify.annotations.NullMarked;
