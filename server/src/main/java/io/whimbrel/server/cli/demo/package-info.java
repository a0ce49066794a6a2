/// Traffic with a conscience: writers and readers that know what a collection must hold while its
/// model changes. `demo migration` and the migration tests drive it.
///
/// - A writer owns its ids; a write counts once the server has acknowledged it.
/// - A text is in the collection once at most, so that a hit tells which vector it must have.
@NullMarked
package io.whimbrel.server.cli.demo;

import org.jspecify.annotations.NullMarked;
