package io.whimbrel.server.grpc;

import io.grpc.ServerServiceDefinition;
import io.whimbrel.core.engine.Database;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPools;
import java.util.List;

/// A part of the API: some services of the one gRPC server, with what they own.
public interface ServiceModule extends AutoCloseable {
  /// Makes the module. Database, pools and limits are lent; the server closes them after the
  /// module.
  interface Factory {
    ServiceModule open(Database database, WorkPools pools, ServerLimits limits);
  }

  /// The services, with interceptors of their own if they need any.
  List<ServerServiceDefinition> services();

  /// The server stops: long streams shall take nothing more, answer what they took, and end with
  /// UNAVAILABLE.
  void drain();

  /// Called once, after the last call has ended.
  @Override
  void close();
}
