/// The systems that `bench ann` compares, one small adapter each, and the program that runs one of
/// them in a JVM of its own.
///
/// Its conversation with the harness is the one that `src/main/cpp/peer.hpp` describes, so that C++
/// and Java are measured in the same way.
@NullMarked
package io.whimbrel.bench.peers;

import org.jspecify.annotations.NullMarked;
