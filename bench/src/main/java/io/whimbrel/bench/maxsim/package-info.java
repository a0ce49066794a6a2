/// `bench maxsim`: late interaction alone.
///
/// Invariants:
/// - All in this process, by one thread; speed is by its CPU time and comes with its recall.
/// - The truth is exact MaxSim over the float32 tokens as they were made.
@NullMarked
package io.whimbrel.bench.maxsim;

import org.jspecify.annotations.NullMarked;
