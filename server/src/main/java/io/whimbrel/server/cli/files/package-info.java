/// Files of vectors and points that the command line reads and writes.
///
/// Invariants:
/// - Every reader streams: memory is bounded by one row and one buffer, whatever the size of the
///   file.
/// - A malformed file ends in a [io.whimbrel.server.cli.files.FileFormatException] that names the
///   file, the row (counted from zero) and what was expected; a truncated matrix is refused when it
///   is opened, before any row is handed out.
/// - Vectors handed out are finite.
@NullMarked
package io.whimbrel.server.cli.files;

import org.jspecify.annotations.NullMarked;
