/// Off-heap memory: who owns it, how it is laid out, when it is given back.
///
/// - Only this package opens arenas and maps memory; every off-heap byte belongs to one [Region].
/// - Every region starts on a 64-byte line and is zeroed.
/// - A row of a [VectorMatrix] never moves and its padding is zero, so that kernels need no tail
///   code.
/// - Passing a segment lends it: the callee reads until it returns and keeps nothing.
///
/// Here are also the other direct calls of the operating system.
@NullMarked
package io.whimbrel.core.memory;

import org.jspecify.annotations.NullMarked;
