package io.whimbrel.server;

import io.whimbrel.core.engine.Database;
import io.whimbrel.server.flight.FlightBulk;
import io.whimbrel.server.grpc.CoreServices;
import io.whimbrel.server.grpc.GrpcServer;
import io.whimbrel.server.grpc.ServiceModule;
import io.whimbrel.server.ops.Logging;
import io.whimbrel.server.ops.ServerVersion;
import io.whimbrel.server.ops.WorkPools;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A running server: one database, its worker pools and its gRPC server, put together here and
/// nowhere else.
public final class WhimbrelServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WhimbrelServer.class);

  /// The parts of the API. A new part is one more line.
  private static final List<ServiceModule.Factory> MODULES =
      List.of(CoreServices::new, FlightBulk::new);

  // Cancelled calls end within a search's next look at its cancellation.
  private static final Duration POOLS_CLOSE_MAX = Duration.ofSeconds(5);

  private final ServerConfig config;
  private final Database database;
  private final WorkPools pools;
  private final List<ServiceModule> modules;
  private final GrpcServer grpc;
  private final AtomicBoolean stopping = new AtomicBoolean();
  private final CountDownLatch stopped = new CountDownLatch(1);

  private WhimbrelServer(
      ServerConfig config,
      Database database,
      WorkPools pools,
      List<ServiceModule> modules,
      GrpcServer grpc) {
    this.config = config;
    this.database = database;
    this.pools = pools;
    this.modules = modules;
    this.grpc = grpc;
  }

  /// Opens the database and listens; the server is ready when this returns.
  ///
  /// Fails with `IOException` when directory or port cannot be had, with DATA_LOSS as
  /// `Database.open` does.
  public static WhimbrelServer start(ServerConfig config) throws IOException {
    Logging.install();
    LOG.info("Whimbrel {} starts", ServerVersion.TEXT);
    config.described().forEach(LOG::info);
    if (config.insecure() && !config.listen().host().isLoopbackAddress()) {
      LOG.warn("insecure: anyone who reaches {} can read and write", config.listen().host());
    }
    Database database = Database.open(config.data(), config.database());
    WorkPools pools = WorkPools.of(config.limits());
    List<ServiceModule> modules = new ArrayList<>();
    try {
      for (ServiceModule.Factory factory : MODULES) {
        modules.add(factory.open(database, pools, config.limits()));
      }
      GrpcServer grpc = GrpcServer.start(config.listen(), config.limits(), modules);
      return new WhimbrelServer(config, database, pools, List.copyOf(modules), grpc);
    } catch (IOException | RuntimeException e) {
      closeParts(modules, pools, database);
      throw e;
    }
  }

  /// The port that is listened on.
  public int port() {
    return grpc.port();
  }

  /// Stops: new calls are refused, running ones finish within `shutdown-grace`, the database is
  /// closed last.
  ///
  /// Every write that was acknowledged is kept; one that was not gets UNAVAILABLE or no answer.
  /// Returns when all is closed; further calls wait for the first.
  public void stop() {
    if (!stopping.compareAndSet(false, true)) {
      awaitTermination();
      return;
    }
    LOG.info("stopping, waiting up to {} for running calls", config.shutdownGrace());
    try {
      grpc.refuseCalls();
      modules.forEach(ServiceModule::drain);
      if (!grpc.awaitCalls(config.shutdownGrace())) {
        LOG.warn("calls were still running after {} and are cancelled", config.shutdownGrace());
      }
    } catch (InterruptedException e) {
      // Whoever interrupts a stop wants it sooner: the grace is given up, the order of closing is
      // not.
      Thread.currentThread().interrupt();
    } finally {
      grpc.close();
      closeParts(modules, pools, database);
      stopped.countDown();
      LOG.info("stopped");
    }
  }

  /// Waits until the server has stopped.
  public void awaitTermination() {
    try {
      stopped.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stop();
  }

  private static void closeParts(List<ServiceModule> modules, WorkPools pools, Database database) {
    try (database) {
      try {
        if (!pools.shutdown(POOLS_CLOSE_MAX)) {
          LOG.warn("work was still running {} after the calls had ended", POOLS_CLOSE_MAX);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      modules.reversed().forEach(ServiceModule::close);
    }
  }
}
