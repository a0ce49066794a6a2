package io.whimbrel.client;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * A point, to be written or as it was read.
 *
 * @param vectors vector field to vector
 * @param seq answers: sequence number of the point's last write; not looked at in writes
 * @param ifSeq writes: the stored sequence number that the write demands; 0 demands that the point
 *     does not exist
 * @param spaceVectors writes: a field's vectors in several spaces, each with its space id; a field
 *     is here or in {@code vectors}
 */
public record Point(
    PointId id,
    Map<String, Value> payload,
    Map<String, Vector> vectors,
    long seq,
    OptionalLong ifSeq,
    Map<String, List<Vector>> spaceVectors) {
  public Point {
    payload.keySet().forEach(key -> Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "payload", key));
    payload = Map.copyOf(payload);
    vectors = Map.copyOf(vectors);
    spaceVectors =
        spaceVectors.entrySet().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    Map.Entry::getKey, entry -> List.copyOf(entry.getValue())));
  }

  /** A point without vectors in several spaces. */
  public Point(
      PointId id,
      Map<String, Value> payload,
      Map<String, Vector> vectors,
      long seq,
      OptionalLong ifSeq) {
    this(id, payload, vectors, seq, ifSeq, Map.of());
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
    return new Point(id, payload, vectors, this.seq, OptionalLong.of(seq), spaceVectors);
  }

  /** The same point with another payload. */
  public Point withPayload(Map<String, Value> payload) {
    return new Point(id, payload, vectors, seq, ifSeq, spaceVectors);
  }

  /** The same point with {@code vectors} for {@code field}, one for each space of a migration. */
  public Point withSpaces(String field, List<Vector> vectors) {
    Map<String, List<Vector>> spaces = new HashMap<>(spaceVectors);
    spaces.put(field, vectors);
    return new Point(id, payload, this.vectors, seq, ifSeq, spaces);
  }
}
