package io.whimbrel.client.internal;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Makes the channel of a client. */
public final class Channels {
  private Channels() {}

  /**
   * A channel that connects when first used. gRPC's own retries are off: {@link Calls} knows which
   * calls may be repeated.
   */
  public static ManagedChannel open(
      String host, int port, int messageBytesMax, boolean tls, Optional<Path> trust) {
    return NettyChannelBuilder.forAddress(host, port, credentials(tls, trust))
        .maxInboundMessageSize(messageBytesMax)
        .disableRetry()
        .build();
  }

  private static ChannelCredentials credentials(boolean tls, Optional<Path> trust) {
    if (!tls) {
      return InsecureChannelCredentials.create();
    }
    if (trust.isEmpty()) {
      return TlsChannelCredentials.create();
    }
    try {
      return TlsChannelCredentials.newBuilder().trustManager(trust.get().toFile()).build();
    } catch (IOException e) {
      throw new WhimbrelException(
          ErrorCode.INVALID_ARGUMENT,
          "tls.trust",
          "tls.trust: " + trust.get() + " (expected: a readable PEM file of certificates)",
          null,
          e);
    }
  }
}
