/// The program behind `whimbrel bench`: one command a workload.
///
/// Invariants:
/// - Everything goes through the public API of the client against a server of its own, in
///   directories of its own that are removed at the end.
/// - What was written is read back and compared before a number is printed.
@NullMarked
package io.whimbrel.bench;

import org.jspecify.annotations.NullMarked;
