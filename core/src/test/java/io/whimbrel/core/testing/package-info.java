/// What tests share: seeds, vectors, real data.
@NullMarked
package io.whimbrel.core.testing;

import org.jspecify.annotations.NullMarked;
