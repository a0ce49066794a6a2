/// What every benchmark shares: where it ran, and clearing up after it.
@NullMarked
package io.whimbrel.bench.report;

import org.jspecify.annotations.NullMarked;
