package io.whimbrel.core.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// A point as it is to be written: payload and vectors replace whatever was stored.
///
/// @param vectors vector field to its vectors: one, or one for each of several versions, told apart
///   by `spaceId`; a field may be left out
/// @param ifSeq when present, the stored sequence number that the write demands; 0 demands that the
///   point does not exist
/// @param contentVersion the caller's name for the content that the vectors are made from, for
///   points whose source is not in the payload; empty for none, up to 128 bytes
public record PointWrite(
    PointId id,
    Map<String, Value> payload,
    Map<String, List<Vector>> vectors,
    OptionalLong ifSeq,
    String contentVersion) {
  private static final int VECTORS_MAX = 8;

  public PointWrite {
    payload = Map.copyOf(payload);
    Map<String, List<Vector>> copy = new HashMap<>();
    vectors.forEach((field, list) -> {
      Limits.checkRange("vectors." + field, list.size(), 1, VECTORS_MAX);
      copy.put(field, List.copyOf(list));
    });
    vectors = Map.copyOf(copy);
    Limits.checkRange("content_version", contentVersion.length(), 0, Limits.REQUEST_ID_BYTES_MAX);
  }

  /// With at most one vector a field.
  public PointWrite(
      PointId id, Map<String, Value> payload, Map<String, Vector> vectors, OptionalLong ifSeq) {
    this(id, payload, single(vectors), ifSeq, "");
  }

  private static Map<String, List<Vector>> single(Map<String, Vector> vectors) {
    Map<String, List<Vector>> lists = new HashMap<>();
    vectors.forEach((field, vector) -> lists.put(field, List.of(vector)));
    return lists;
  }

  public static PointWrite of(PointId id, Map<String, Value> payload, Vector vector) {
    return new PointWrite(
        id, payload, Map.of(FieldSpec.DEFAULT_NAME, vector), OptionalLong.empty());
  }

  /// With vectors of the field "default" for several versions.
  public static PointWrite of(PointId id, Map<String, Value> payload, List<Vector> vectors) {
    return new PointWrite(
        id, payload, Map.of(FieldSpec.DEFAULT_NAME, vectors), OptionalLong.empty(), "");
  }
}
