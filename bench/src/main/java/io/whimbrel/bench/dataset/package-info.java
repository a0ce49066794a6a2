/// Real vectors from files, as many more like them as a workload asks for, and what is true of
/// them.
@NullMarked
package io.whimbrel.bench.dataset;

import org.jspecify.annotations.NullMarked;
