/// `bench kernels`: nanoseconds a row of each kernel, beside the same in C++ and its plain-Java
/// twin.
///
/// - Query and rows stay in the first-level cache: this measures instructions, not memory.
/// - Least CPU time of many short runs, which other work on the machine disturbs least.
@NullMarked
package io.whimbrel.bench.kernels;

import org.jspecify.annotations.NullMarked;
