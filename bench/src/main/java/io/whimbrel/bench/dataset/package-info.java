/// Real vectors from files, and as many more like them as a workload asks for.
@NullMarked
package io.whimbrel.bench.dataset;

import org.jspecify.annotations.NullMarked;
