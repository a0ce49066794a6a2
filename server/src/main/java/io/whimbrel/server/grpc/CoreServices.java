package io.whimbrel.server.grpc;

import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.whimbrel.core.engine.Database;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPools;
import java.util.List;

/// The services of `whimbrel.v1` that stand directly on the database.
public final class CoreServices implements ServiceModule {
  private final PointsService points;
  private final MigrationsService migrations;
  private final List<ServerServiceDefinition> services;

  public CoreServices(Database database, WorkPools pools, ServerLimits limits) {
    points = new PointsService(database, pools, limits);
    migrations = new MigrationsService(database, pools);
    List<BindableService> parts =
        List.of(
            new CollectionsService(database, pools.admin()),
            points,
            new QueryService(database, pools.search()),
            new AdminService(database, pools.admin(), limits),
            migrations,
            new EvaluationService(database.evaluations(), pools.admin()));
    services =
        parts.stream()
            .map(part ->
                ServerInterceptors.intercept(
                    MalformedRequests.refuse(part.bindService()), new Callers()))
            .toList();
  }

  @Override
  public List<ServerServiceDefinition> services() {
    return services;
  }

  @Override
  public void drain() {
    points.drain();
    migrations.drain();
  }

  @Override
  public void close() {}
}
