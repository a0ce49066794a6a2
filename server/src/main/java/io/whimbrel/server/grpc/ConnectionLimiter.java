package io.whimbrel.server.grpc;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;

/// Closes connections beyond a bound at once, before they cost more than a socket. Sits on the
/// listening channel, where each accepted connection passes as a message.
@Sharable
final class ConnectionLimiter extends ChannelInboundHandlerAdapter {
  private final int connectionsMax;
  private final int connectionsPerAddressMax;
  // Both guarded by `this`; an address without connections has no entry, so the map is bounded by
  // connectionsMax.
  private int open;
  private final Map<InetAddress, Integer> openByAddress = new HashMap<>();

  ConnectionLimiter(int connectionsMax, int connectionsPerAddressMax) {
    this.connectionsMax = connectionsMax;
    this.connectionsPerAddressMax = connectionsPerAddressMax;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (message instanceof Channel accepted
        && accepted.remoteAddress() instanceof InetSocketAddress remote) {
      InetAddress address = remote.getAddress();
      if (!enter(address)) {
        accepted.unsafe().closeForcibly();
        return;
      }
      var _ = accepted.closeFuture().addListener(_ -> leave(address));
    }
    context.fireChannelRead(message);
  }

  synchronized boolean enter(InetAddress address) {
    int ofAddress = openByAddress.getOrDefault(address, 0);
    if (open >= connectionsMax || ofAddress >= connectionsPerAddressMax) {
      return false;
    }
    open++;
    openByAddress.put(address, ofAddress + 1);
    return true;
  }

  synchronized void leave(InetAddress address) {
    open--;
    openByAddress.computeIfPresent(address, (_, count) -> count == 1 ? null : count - 1);
  }
}
