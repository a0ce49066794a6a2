/// A graph index whose rows hold the codes of their neighbours.
///
/// - One row of memory a node: its vector, and for each neighbour a one-bit code, two factors and
///   its number ([RowLayout]). A search reads one row a step, from start to end.
/// - Knows ordinals, labels and vectors; nothing of points, payloads or storage.
/// - Searches take no lock; writers of edges lock the row ([GraphRows]). Rows are used again only
///   when no search can stand on them ([Pins]).
/// - Linking: [Linker]. Removing: [Mender]. When and in which order: [Graph].
@NullMarked
package io.whimbrel.core.hnsw;

import org.jspecify.annotations.NullMarked;
