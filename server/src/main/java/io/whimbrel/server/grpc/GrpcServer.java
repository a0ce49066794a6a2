package io.whimbrel.server.grpc;

import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.whimbrel.server.ops.ServerLimits;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The listening server: Netty transport, health, reflection, and the services of the modules given
/// to it.
///
/// Stops in three steps, so that the owner can end its work between them: [#refuseCalls],
/// [#awaitCalls], [#close].
public final class GrpcServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GrpcServer.class);

  private static final Duration HANDSHAKE_MAX = Duration.ofSeconds(10);
  private static final Duration KEEPALIVE_TIME = Duration.ofMinutes(1);
  private static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration CLIENT_KEEPALIVE_MIN = Duration.ofMinutes(5);
  private static final int METADATA_BYTES_MAX = 8 << 10;
  // Against rapid reset: a client that opens and cancels streams faster than this loses its
  // connection.
  private static final int RESETS_PER_WINDOW_MAX = 200;
  private static final int RESET_WINDOW_SECONDS = 30;
  private static final Duration TRANSPORT_CLOSE_MAX = Duration.ofSeconds(5);

  /// A call that was on its way when calls were refused may come in after the last one ended; it
  /// gets this long for an answer of its own before it is cancelled.
  private static final Duration LATE_CALLS_MAX = Duration.ofMillis(250);

  private final Server server;
  private final CallGate gate;
  private final HealthStatusManager health;
  private final EventLoopGroup acceptor;
  private final EventLoopGroup eventLoops;
  private final ExecutorService dispatch;

  private GrpcServer(
      Server server,
      CallGate gate,
      HealthStatusManager health,
      EventLoopGroup acceptor,
      EventLoopGroup eventLoops,
      ExecutorService dispatch) {
    this.server = server;
    this.gate = gate;
    this.health = health;
    this.acceptor = acceptor;
    this.eventLoops = eventLoops;
    this.dispatch = dispatch;
  }

  /// Listens, and is ready for calls when this returns.
  public static GrpcServer start(
      ListenOptions listen, ServerLimits limits, List<ServiceModule> modules) throws IOException {
    IoHandlerFactory io =
        Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    EventLoopGroup acceptor =
        new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("whimbrel-accept"), io);
    EventLoopGroup eventLoops =
        new MultiThreadIoEventLoopGroup(
            Runtime.getRuntime().availableProcessors(),
            new DefaultThreadFactory("whimbrel-io"),
            io);
    // Parses messages. Its queue needs no bound of its own: each call has at most one task in it,
    // and calls are bounded.
    ExecutorService dispatch =
        Executors.newFixedThreadPool(
            Math.max(2, Runtime.getRuntime().availableProcessors()),
            Thread.ofPlatform().name("whimbrel-dispatch-", 0).factory());
    List<ServerServiceDefinition> services =
        modules.stream().flatMap(module -> module.services().stream()).toList();
    CallGate gate = new CallGate(limits.callsMax());
    HealthStatusManager health = new HealthStatusManager();
    try {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(new InetSocketAddress(listen.host(), listen.port()))
              .channelFactory(() -> listeningChannel(limits))
              .bossEventLoopGroup(acceptor)
              .workerEventLoopGroup(eventLoops)
              .executor(dispatch)
              .addService(health.getHealthService());
      applyLimits(builder, listen, limits);
      if (listen.tls().isPresent()) {
        ListenOptions.Tls tls = listen.tls().get();
        builder.sslContext(
            GrpcSslContexts.forServer(tls.certificate().toFile(), tls.key().toFile()).build());
      }
      if (listen.host().isLoopbackAddress()) {
        builder.addService(ProtoReflectionServiceV1.newInstance());
        addOldReflection(builder);
      }
      services.forEach(s -> builder.addService(ServerInterceptors.intercept(s, gate)));
      Server server = builder.build().start();
      for (ServerServiceDefinition service : services) {
        health.setStatus(service.getServiceDescriptor().getName(), ServingStatus.SERVING);
      }
      LOG.info(
          "listening on {} port {} ({}{})",
          listen.host(),
          server.getPort(),
          Epoll.isAvailable() ? "epoll" : "nio",
          listen.tls().isPresent() ? ", TLS" : "");
      return new GrpcServer(server, gate, health, acceptor, eventLoops, dispatch);
    } catch (IOException | RuntimeException e) {
      dispatch.shutdown();
      var _ = acceptor.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      var _ = eventLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw e;
    }
  }

  private static void applyLimits(
      NettyServerBuilder builder, ListenOptions listen, ServerLimits limits) {
    builder
        .maxInboundMessageSize(limits.inboundMessageBytesMax())
        .maxInboundMetadataSize(METADATA_BYTES_MAX)
        .maxConcurrentCallsPerConnection(limits.callsPerConnectionMax())
        .maxConnectionIdle(listen.connectionIdleMax().toMillis(), TimeUnit.MILLISECONDS)
        .maxConnectionAge(listen.connectionAgeMax().toMillis(), TimeUnit.MILLISECONDS)
        .maxConnectionAgeGrace(listen.connectionAgeGrace().toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTime(KEEPALIVE_TIME.toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveTime(CLIENT_KEEPALIVE_MIN.toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveWithoutCalls(false)
        .maxRstFramesPerWindow(RESETS_PER_WINDOW_MAX, RESET_WINDOW_SECONDS);
    // Not in the chain above: the method is declared by the parent type.
    builder.handshakeTimeout(HANDSHAKE_MAX.toMillis(), TimeUnit.MILLISECONDS);
  }

  private static ServerChannel listeningChannel(ServerLimits limits) {
    ServerChannel channel =
        Epoll.isAvailable() ? new EpollServerSocketChannel() : new NioServerSocketChannel();
    channel
        .pipeline()
        .addLast(new ConnectionLimiter(limits.connectionsMax(), limits.connectionsPerAddressMax()));
    return channel;
  }

  // grpcurl and other tools in use still ask v1alpha.
  @SuppressWarnings("deprecation")
  private static void addOldReflection(NettyServerBuilder builder) {
    builder.addService(ProtoReflectionService.newInstance());
  }

  /// The port that is listened on.
  public int port() {
    return server.getPort();
  }

  /// Says NOT_SERVING and takes no new connections and calls; open calls go on.
  public void refuseCalls() {
    health.enterTerminalState();
    server.shutdown();
  }

  /// Waits up to `grace` until every call of a service has ended; health watches and reflection do
  /// not count.
  public boolean awaitCalls(Duration grace) throws InterruptedException {
    return gate.awaitIdle(grace);
  }

  /// Cancels the calls that are still open and gives all threads back. An interrupt shortens the
  /// waiting, nothing else.
  @Override
  public void close() {
    try {
      if (!server.awaitTermination(LATE_CALLS_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
      }
      if (!server.awaitTermination(TRANSPORT_CLOSE_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("connections were still open {} after the stop", TRANSPORT_CLOSE_MAX);
      }
      dispatch.shutdown();
      // Cancelled calls give back what they hold on these threads.
      if (!dispatch.awaitTermination(TRANSPORT_CLOSE_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("calls were still being cancelled {} after the stop", TRANSPORT_CLOSE_MAX);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      dispatch.shutdown();
      Thread.currentThread().interrupt();
    }
    acceptor.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    eventLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
