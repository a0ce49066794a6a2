/// The gRPC server: transport, health, reflection, and the services of `whimbrel.v1`.
///
/// - Event loops move bytes and nothing else. Messages are parsed on the dispatch threads,
///   everything after that runs on the bounded pools of [io.whimbrel.server.ops.WorkPools].
/// - Every exception becomes a status in [Calls] or, for what escapes a service, in [CallGate];
///   both ask the one table [io.whimbrel.server.wire.StatusMapper].
/// - A deadline or a cancelled call ends its search; work that nobody waits for any more is not
///   begun.
@NullMarked
package io.whimbrel.server.grpc;

import org.jspecify.annotations.NullMarked;
