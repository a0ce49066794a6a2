package io.whimbrel.client;

import java.util.Map;
import java.util.OptionalLong;

/**
 * A point, to be written or as it was read.
 *
 * @param vectors vector field to vector
 * @param seq answers: sequence number of the point's last write; not looked at in writes
 * @param ifSeq writes: the stored sequence number that the write demands; 0 demands that the point
 *     does not exist
 */
public record Point(
    PointId id,
    Map<String, Value> payload,
    Map<String, Vector> vectors,
    long seq,
    OptionalLong ifSeq) {
  public Point {
    payload.keySet().forEach(key -> Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "payload", key));
    payload = Map.copyOf(payload);
    vectors = Map.copyOf(vectors);
  }

  /** A point to be written. */
  public static Point of(PointId id, Map<String, Value> payload, Map<String, Vector> vectors) {
    return new Point(id, payload, vectors, 0, OptionalLong.empty());
  }

  /** A point to be written, with a vector of the field "default". */
  public static Point of(PointId id, Map<String, Value> payload, Vector vector) {
    return of(id, payload, Map.of(FieldSpec.DEFAULT_NAME, vector));
  }

  /** A point to be written, with a vector of the field "default" and no payload. */
  public static Point of(PointId id, Vector vector) {
    return of(id, Map.of(), vector);
  }

  /**
   * The same point, written only if the stored sequence number is {@code seq}; 0: only if the point
   * does not exist.
   */
  public Point onlyIfSeq(long seq) {
    return new Point(id, payload, vectors, this.seq, OptionalLong.of(seq));
  }

  /** The same point with another payload. */
  public Point withPayload(Map<String, Value> payload) {
    return new Point(id, payload, vectors, seq, ifSeq);
  }
}
