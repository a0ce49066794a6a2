/// One JMH class per kernel: plain Java and vectors side by side, at lengths that are in use and at
/// awkward ones.
///
/// Each also runs tiny in a test, which prints a hash of the results.
@NullMarked
package io.whimbrel.bench.jmh;

import org.jspecify.annotations.NullMarked;
