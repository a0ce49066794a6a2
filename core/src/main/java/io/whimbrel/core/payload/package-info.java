/// What payloads say about points, searchable: declared indexes, and filters as sets of internal
/// ids.
///
/// - The store is the truth. Everything here is in memory, rebuilt at open from `POINTS` and
///   changed with each write by one thread.
/// - Readers hold a [io.whimbrel.core.payload.PayloadSnapshot], which never changes: a group of
///   writes replaces the parts that it touched and shares the rest. So a reader sees a write whole
///   or not at all and takes no lock.
/// - A filter becomes two sets, [io.whimbrel.core.payload.Bounds]: the points that certainly meet
///   it and those that may. They differ only by conditions that no index answers; for the points
///   between them payloads are read.
@NullMarked
package io.whimbrel.core.payload;

import org.jspecify.annotations.NullMarked;
