/// `bench churn` and `bench filter`: the graph alone, under changes and under filters.
///
/// Invariants:
/// - All in this process; speed is by CPU time of the searching thread, so that it need not be
///   pinned, and comes with its recall.
/// - What is compared was measured by turns in one run.
@NullMarked
package io.whimbrel.bench.graph;

import org.jspecify.annotations.NullMarked;
