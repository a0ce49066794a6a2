/// Workloads on real data, each with its baseline, and how they are reported.
///
/// Invariants: rows are made anew from the seed wherever they are needed, never kept; a server is a
/// process of its own, started as users start it.
@NullMarked
package io.whimbrel.bench.workload;

import org.jspecify.annotations.NullMarked;
