/// Search over one version's vectors by ordinal: no ids, no payloads, no store.
///
/// - One thread writes; any number of threads search, without locks; any number of threads do the
///   background work that an index may have.
/// - A search sees exactly the state of the last publish: all its adds and removes, and nothing
///   after it.
/// - A score is bigger for the better match; hits of equal score are ordered by ordinal, the lower
///   one first.
/// - Every implementation of [VectorIndex] passes the test `VectorIndexContract`.
@NullMarked
package io.whimbrel.core.index;

import org.jspecify.annotations.NullMarked;
