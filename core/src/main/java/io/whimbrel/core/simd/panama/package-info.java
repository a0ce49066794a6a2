/// The kernels in the Vector API: the only package that names `jdk.incubator.vector`.
///
/// Reached by name through `KernelProvider`, never linked, so that the core runs where the
/// incubator module is not added.
@NullMarked
package io.whimbrel.core.simd.panama;

import org.jspecify.annotations.NullMarked;
