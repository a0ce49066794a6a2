/// Versions in motion: the rules of a migration that need neither store nor index.
///
/// - Everything here is arithmetic and bookkeeping in memory; what is durable is decided in
///   `collection`.
/// - Clocks are asked here, for leases, throttles and mirrored searches only, never for a decision
///   that is stored.
@NullMarked
package io.whimbrel.core.migration;

import org.jspecify.annotations.NullMarked;
