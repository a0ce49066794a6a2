/// `bench ann`: the index beside its peers, on one machine in one run.
///
/// Invariants:
/// - Every system is a process of its own, pinned to the same CPUs, one after the other; it reads
///   the same float32 files and never sees the exact answers.
/// - Recall comes from distances that are computed here in float64; nothing a system says about its
///   own hits is believed.
/// - Speed is never reported without the recall it was measured at.
@NullMarked
package io.whimbrel.bench.ann;

import org.jspecify.annotations.NullMarked;
