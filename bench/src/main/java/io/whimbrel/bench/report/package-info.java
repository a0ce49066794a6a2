/// What every report says beside its numbers.
@NullMarked
package io.whimbrel.bench.report;

import org.jspecify.annotations.NullMarked;
