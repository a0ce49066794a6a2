package io.whimbrel.server.grpc;

import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.proto.v1.AdminGrpc;
import io.whimbrel.proto.v1.FlushRequest;
import io.whimbrel.proto.v1.FlushResponse;
import io.whimbrel.proto.v1.GetServerInfoRequest;
import io.whimbrel.proto.v1.GetServerInfoResponse;
import io.whimbrel.proto.v1.GetStorageStatsRequest;
import io.whimbrel.proto.v1.GetStorageStatsResponse;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.ServerVersion;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.AdminWire;
import java.time.Duration;

/// What an operator asks.
final class AdminService extends AdminGrpc.AdminImplBase {
  private final Database database;
  private final WorkPool pool;
  private final ServerLimits limits;
  private final long startNanos = System.nanoTime();

  AdminService(Database database, WorkPool pool, ServerLimits limits) {
    this.database = database;
    this.pool = pool;
    this.limits = limits;
  }

  @Override
  public void getServerInfo(
      GetServerInfoRequest request, StreamObserver<GetServerInfoResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          AdminWire.check(request);
          Duration uptime = Duration.ofNanos(System.nanoTime() - startNanos);
          return AdminWire.info(ServerVersion.TEXT, uptime, limits.byName(), database.status());
        });
  }

  @Override
  public void getStorageStats(
      GetStorageStatsRequest request, StreamObserver<GetStorageStatsResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          AdminWire.check(request);
          return AdminWire.stats(database.status());
        });
  }

  @Override
  public void flush(FlushRequest request, StreamObserver<FlushResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          AdminWire.check(request);
          return FlushResponse.newBuilder().setSeq(database.flush()).build();
        });
  }
}
