package io.whimbrel.server;

import static io.whimbrel.server.ServerOption.*;

import io.whimbrel.core.engine.DatabaseOptions;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.server.grpc.ListenOptions;
import io.whimbrel.server.ops.ServerLimits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The effective configuration of a server; [ServerOption] says what each setting means.
///
/// @param insecure whether a non-loopback address without TLS was allowed explicitly
/// @param described one line a setting, with its origin, for the log
public record ServerConfig(
    Path data,
    ListenOptions listen,
    boolean insecure,
    ServerLimits limits,
    Duration shutdownGrace,
    DatabaseOptions database,
    List<String> described) {
  private static final Duration YEAR = Duration.ofDays(365);

  public ServerConfig {
    described = List.copyOf(described);
    if (!listen.host().isLoopbackAddress() && listen.tls().isEmpty() && !insecure) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          HOST.key(),
          listen.host().getHostAddress() + " without TLS",
          "a loopback address, or tls-certificate and tls-key, or an explicit insecure=true");
    }
  }

  /// Reads the settings: flags win over environment variables, those over the file that `config`
  /// names, that over defaults.
  ///
  /// @param flags keys of [ServerOption] to texts, without dashes
  /// @param environment variables of the process; only those of [ServerOption] are read
  public static ServerConfig load(Map<String, String> flags, Map<String, String> environment)
      throws IOException {
    Settings s = Settings.read(flags, environment);
    return new ServerConfig(
        Path.of(s.text(DATA)),
        listen(s),
        s.flag(INSECURE),
        limits(s),
        s.duration(SHUTDOWN_GRACE, Duration.ZERO, Duration.ofHours(1)),
        new DatabaseOptions(
            s.flag(ACCEPT_DATA_LOSS),
            s.bytes(WRITE_QUEUE_BYTES_MAX, 1L << 20, 64L << 30),
            s.duration(WRITE_WAIT_MAX, Duration.ofMillis(1), Duration.ofHours(1)),
            s.duration(ASYNC_FLUSH, Duration.ofMillis(1), Duration.ofHours(1)),
            s.bytes(BLOCK_CACHE_BYTES, 1L << 20, 1024L << 30),
            s.threads(INDEX_THREADS)),
        s.all().stream()
            .filter(setting -> !setting.text().isEmpty())
            .map(x -> x.option().key() + " = " + x.text() + "  (" + x.origin() + ")")
            .toList());
  }

  /// The address to listen on, as numbers.
  public String host() {
    return listen.host().getHostAddress();
  }

  private static ListenOptions listen(Settings s) {
    Duration second = Duration.ofSeconds(1);
    return new ListenOptions(
        host(s),
        s.number(PORT, 0, 65_535),
        tls(s),
        s.duration(CONNECTION_IDLE_MAX, second, Duration.ofHours(24)),
        s.duration(CONNECTION_AGE_MAX, second, YEAR),
        s.duration(CONNECTION_AGE_GRACE, second, YEAR));
  }

  private static InetAddress host(Settings s) {
    String host = s.text(HOST);
    // An empty name would mean loopback.
    if (host.isEmpty()) {
      throw s.refused(HOST);
    }
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, HOST.key(), '"' + host + "\" has no address", e);
    }
  }

  private static Optional<ListenOptions.Tls> tls(Settings s) {
    String certificate = s.text(TLS_CERTIFICATE);
    String key = s.text(TLS_KEY);
    if (certificate.isEmpty() != key.isEmpty()) {
      throw s.refused(certificate.isEmpty() ? TLS_CERTIFICATE : TLS_KEY);
    }
    return certificate.isEmpty()
        ? Optional.empty()
        : Optional.of(new ListenOptions.Tls(Path.of(certificate), Path.of(key)));
  }

  private static ServerLimits limits(Settings s) {
    int million = 1_000_000;
    return new ServerLimits(
        (int) s.bytes(INBOUND_MESSAGE_BYTES_MAX, 64L << 10, 1L << 30),
        s.number(CALLS_PER_CONNECTION_MAX, 1, 65_536),
        s.number(CALLS_MAX, 1, million),
        s.number(CONNECTIONS_MAX, 1, million),
        s.number(CONNECTIONS_PER_ADDRESS_MAX, 1, million),
        new ServerLimits.Pool(s.threads(SEARCH_THREADS), s.number(SEARCH_QUEUE_MAX, 1, million)),
        new ServerLimits.Pool(s.threads(WRITE_THREADS), s.number(WRITE_QUEUE_MAX, 1, million)),
        new ServerLimits.Pool(s.threads(ADMIN_THREADS), s.number(ADMIN_QUEUE_MAX, 1, million)),
        s.number(INGEST_STREAMS_MAX, 1, 65_536),
        s.number(INGEST_BATCHES_IN_FLIGHT_MAX, 1, 1024));
  }
}
