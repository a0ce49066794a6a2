/// The command line.
///
/// Invariants:
/// - `serve` starts a server in this process; every other command talks to one through the client
///   SDK.
/// - Answers go to standard output, everything else to standard error. With `--json` standard
///   output is exactly one JSON document, also for a failure: `{"error": {"code", "field",
///   "message"}}`.
/// - Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer from the server.
@NullMarked
package io.whimbrel.server.cli;

import org.jspecify.annotations.NullMarked;
