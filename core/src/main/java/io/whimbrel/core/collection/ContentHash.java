package io.whimbrel.core.collection;

import io.whimbrel.core.migration.RoutingBuckets;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.store.PayloadCodec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What a vector was made from, as 64 bits: two vectors of one point fit together when their hashes
/// are equal.
///
/// The content is the source fields of the payload; when the point has none of them, the client's
/// name for the content; when there is none, the vector that came with the last write. xxHash64
/// over a tag that tells the three apart and their bytes; never 0, which stands for unknown. One
/// chance in 2^64 that a change is missed.
final class ContentHash {
  private static final byte PAYLOAD = 1;
  private static final byte NAME = 2;
  private static final byte VECTOR = 3;

  private ContentHash() {}

  /// Of the payload or the name; 0 when there is neither, so that the vector decides.
  static long of(List<String> sourceFields, Map<String, Value> payload, String contentVersion) {
    Map<String, Value> source = new HashMap<>();
    for (String field : sourceFields) {
      Value value = payload.get(field);
      if (value != null) {
        source.put(field, value);
      }
    }
    if (!source.isEmpty()) {
      return hash(PAYLOAD, PayloadCodec.encode("payload", source));
    }
    return contentVersion.isEmpty()
        ? 0
        : hash(NAME, contentVersion.getBytes(StandardCharsets.UTF_8));
  }

  static long ofVector(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return hash(VECTOR, bytes.array());
  }

  private static long hash(byte tag, byte[] content) {
    byte[] tagged = ByteBuffer.allocate(1 + content.length).put(tag).put(content).array();
    long hash = RoutingBuckets.hash(tagged);
    return hash == 0 ? 1 : hash;
  }
}
