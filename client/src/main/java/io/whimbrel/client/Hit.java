package io.whimbrel.client;

import java.util.List;
import java.util.Map;

/**
 * A point that was found.
 *
 * @param score bigger is better; see {@link Metric}
 * @param payload what the search selected of it
 * @param vectors what the search selected of them
 * @param seq sequence number of the point's last write
 * @param alignment one for each token of the query when {@link MaxSimOptions#align} asked for it,
 *     else empty
 */
public record Hit(
    PointId id,
    double score,
    Map<String, Value> payload,
    Map<String, Vector> vectors,
    long seq,
    List<TokenMatch> alignment) {
  public Hit {
    payload = Map.copyOf(payload);
    vectors = Map.copyOf(vectors);
    alignment = List.copyOf(alignment);
  }
}
