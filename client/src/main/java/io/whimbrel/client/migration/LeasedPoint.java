package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import java.util.Arrays;
import java.util.Map;

/**
 * A point to embed.
 *
 * @param seq sequence number of the write that the source is from
 * @param contentHash given back with the vector: it is stored only if the content is still this
 * @param source the source fields of the payload; all of it when the version names none
 */
@SuppressWarnings("ArrayRecordComponent") // A token of the server; compared by content.
public record LeasedPoint(PointId id, long seq, byte[] contentHash, Map<String, Value> source) {
  public LeasedPoint {
    source = Map.copyOf(source);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LeasedPoint p
        && p.id.equals(id)
        && p.seq == seq
        && Arrays.equals(p.contentHash, contentHash)
        && p.source.equals(source);
  }

  @Override
  public int hashCode() {
    return 31 * id.hashCode() + Long.hashCode(seq);
  }
}
