package io.whimbrel.server.grpc;

import io.grpc.ServerServiceDefinition;
import io.whimbrel.core.engine.Database;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPools;
import java.util.List;

/// The services of `whimbrel.v1` that stand directly on the database.
public final class CoreServices implements ServiceModule {
  private final PointsService points;
  private final List<ServerServiceDefinition> services;

  public CoreServices(Database database, WorkPools pools, ServerLimits limits) {
    points = new PointsService(database, pools, limits);
    services =
        List.of(
            new CollectionsService(database, pools.admin()).bindService(),
            points.bindService(),
            new QueryService(database, pools.search()).bindService(),
            new AdminService(database, pools.admin(), limits).bindService());
  }

  @Override
  public List<ServerServiceDefinition> services() {
    return services;
  }

  @Override
  public void drain() {
    points.drain();
  }

  @Override
  public void close() {}
}
