package io.whimbrel.client;

import java.time.Duration;
import java.util.Map;

/**
 * The server as an operator sees it.
 *
 * @param databaseId identity of the data directory
 * @param kernels the vector arithmetic in use
 * @param seq sequence number of the last visible write
 * @param readOnlyReason empty while writes are taken
 * @param limits effective limits by name
 */
public record ServerInfo(
    String version,
    String databaseId,
    Duration uptime,
    String kernels,
    long seq,
    String readOnlyReason,
    Map<String, Long> limits) {
  public ServerInfo {
    limits = Map.copyOf(limits);
  }
}
