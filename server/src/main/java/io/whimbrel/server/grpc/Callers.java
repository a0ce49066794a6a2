package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.net.SocketAddress;
import java.util.Optional;

/// Remembers who calls, for histories: the address and what the client says of itself.
final class Callers implements ServerInterceptor {
  private static final Context.Key<String> CALLER = Context.keyWithDefault("caller", "unknown");
  private static final Metadata.Key<String> USER_AGENT =
      Metadata.Key.of("user-agent", Metadata.ASCII_STRING_MARSHALLER);
  private static final int AGENT_CHARS_MAX = 200;

  /// The caller of the call that this thread works for.
  static String current() {
    return CALLER.get();
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String address =
        Optional.<SocketAddress>ofNullable(
                call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR))
            .map(SocketAddress::toString)
            .orElse("unknown");
    String agent = Optional.ofNullable(headers.get(USER_AGENT)).orElse("");
    String caller =
        address.replaceFirst("^/", "")
            + (agent.isEmpty()
                ? ""
                : " " + agent.substring(0, Math.min(agent.length(), AGENT_CHARS_MAX)));
    return Contexts.interceptCall(Context.current().withValue(CALLER, caller), call, headers, next);
  }
}
