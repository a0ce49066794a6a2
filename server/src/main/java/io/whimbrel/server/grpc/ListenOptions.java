package io.whimbrel.server.grpc;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// Where and how the server listens.
///
/// @param port 0 for any free port
/// @param tls absent for plain text
/// @param connectionIdleMax a connection without calls is closed after this long
/// @param connectionAgeMax a connection takes no new calls after this long
/// @param connectionAgeGrace how long the calls of such a connection may go on; a bulk load is one
///   call
public record ListenOptions(
    InetAddress host,
    int port,
    Optional<Tls> tls,
    Duration connectionIdleMax,
    Duration connectionAgeMax,
    Duration connectionAgeGrace) {

  /// What the server proves itself with.
  ///
  /// @param certificate PEM file of the certificate chain
  /// @param key PEM file of its PKCS 8 private key
  public record Tls(Path certificate, Path key) {}
}
