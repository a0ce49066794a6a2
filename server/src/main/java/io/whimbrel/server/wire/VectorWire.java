package io.whimbrel.server.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ElementType;
import io.whimbrel.proto.v1.VectorList;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// Vectors: little-endian bytes, or repeated floats for convenience; answers are always bytes.
final class VectorWire {
  private VectorWire() {}

  static Vector vector(io.whimbrel.proto.v1.Vector message) {
    Form.known(message);
    boolean packed = !message.getPacked().isEmpty();
    boolean floats = message.getFloatsCount() > 0;
    if (packed == floats) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "packed",
          packed ? "given together with floats" : "not given, and neither is floats",
          "exactly one of packed and floats, not empty");
    }
    checkElementType(message);
    float[] values = packed ? unpack(message.getPacked()) : copy(message);
    long rows = Math.max(1, Integer.toUnsignedLong(message.getRows()));
    if (values.length % rows != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "rows",
          rows + " for " + values.length + " values",
          "rows of equal length");
    }
    return new Vector(values, (int) rows, message.getSpaceId());
  }

  /// At least one vector, told apart by their spaces.
  static List<Vector> vectors(String field, VectorList message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within(field, e);
    }
    if (message.getVectorsCount() == 0) {
      throw Form.missing(field, "at least one vector");
    }
    List<Vector> vectors = new ArrayList<>(message.getVectorsCount());
    for (int i = 0; i < message.getVectorsCount(); i++) {
      String place = field + "[" + i + "]";
      Vector vector;
      try {
        vector = vector(message.getVectors(i));
      } catch (WhimbrelException e) {
        throw Form.within(place, e);
      }
      if (vector.spaceId().isEmpty()) {
        throw WhimbrelException.of(
            ErrorCode.SPACE_REQUIRED,
            place + ".space_id",
            "not given",
            "the space of each vector, where several are given");
      }
      vectors.add(vector);
    }
    return vectors;
  }

  static io.whimbrel.proto.v1.Vector message(Vector vector) {
    byte[] bytes = new byte[vector.values().length * Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(vector.values());
    return io.whimbrel.proto.v1.Vector.newBuilder()
        // The array is ours alone: no copy.
        .setPacked(UnsafeByteOperations.unsafeWrap(bytes))
        .setElementType(ElementType.ELEMENT_TYPE_FLOAT32)
        .setRows(vector.rows())
        .setSpaceId(vector.spaceId())
        .build();
  }

  private static void checkElementType(io.whimbrel.proto.v1.Vector message) {
    switch (message.getElementType()) {
      case ELEMENT_TYPE_UNSPECIFIED, ELEMENT_TYPE_FLOAT32 -> {}
      case UNRECOGNIZED ->
          throw Form.unknownEnum(
              "element_type", message.getElementTypeValue(), "ELEMENT_TYPE_FLOAT32");
    }
  }

  private static float[] unpack(ByteString bytes) {
    if (bytes.size() % Float.BYTES != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "packed",
          bytes.size() + " bytes",
          "a multiple of " + Float.BYTES + " bytes");
    }
    float[] values = new float[bytes.size() / Float.BYTES];
    bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static float[] copy(io.whimbrel.proto.v1.Vector message) {
    float[] values = new float[message.getFloatsCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = message.getFloats(i);
    }
    return values;
  }
}
