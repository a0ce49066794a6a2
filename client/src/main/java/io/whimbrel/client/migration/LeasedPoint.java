package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import java.util.Map;

/**
 * A point to embed.
 *
 * @param seq sequence number of its last write
 * @param contentHash given back with the vector: it is stored only if the content is still this
 * @param source the source fields of the payload; all of it when the version names none
 * @param attempts how often it failed before
 */
public record LeasedPoint(
    PointId id, long seq, long contentHash, Map<String, Value> source, int attempts) {
  public LeasedPoint {
    source = Map.copyOf(source);
  }
}
