/// Arithmetic over rows of numbers, as fast as the machine does it.
///
/// - A call covers many rows: the loop over rows is inside the kernel, where the compiler sees it
///   whole.
/// - Rows and queries are little-endian float32, padded with zeros to whole 64-byte lines; kernels
///   have no tail code.
/// - Every kernel has a plain-Java twin, [ScalarKernels]: the oracle of its test and the fallback
///   of machines without wide vectors.
/// - [KernelProvider] chooses once a process. Nothing here links `simd.panama`, so that a JVM
///   without the incubator module works.
@NullMarked
package io.whimbrel.core.simd;

import org.jspecify.annotations.NullMarked;
