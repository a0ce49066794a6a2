package io.whimbrel.client.internal;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.client.Durability;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Slice;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.WriteResult;
import io.whimbrel.proto.v1.ElementType;
import io.whimbrel.proto.v1.PathList;
import io.whimbrel.proto.v1.PayloadSelector;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.ScrollResponse;
import io.whimbrel.proto.v1.VectorList;
import io.whimbrel.proto.v1.VectorSelector;
import io.whimbrel.proto.v1.WriteResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Points, vectors, selectors and write answers to messages and back. */
public final class PointWire {
  private PointWire() {}

  /**
   * One copy: the floats are written as little-endian bytes into an array that the message then
   * owns.
   */
  public static io.whimbrel.proto.v1.Vector encode(Vector vector) {
    ByteBuffer packed =
        ByteBuffer.allocate(Math.multiplyExact(vector.values().length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    packed.asFloatBuffer().put(vector.values());
    return io.whimbrel.proto.v1.Vector.newBuilder()
        .setPacked(UnsafeByteOperations.unsafeWrap(packed))
        .setElementType(ElementType.ELEMENT_TYPE_FLOAT32)
        .setRows(vector.rows())
        .setSpaceId(vector.spaceId())
        .build();
  }

  static VectorList encode(List<Vector> vectors) {
    VectorList.Builder message = VectorList.newBuilder();
    vectors.forEach(vector -> message.addVectors(encode(vector)));
    return message.build();
  }

  public static Vector decode(io.whimbrel.proto.v1.Vector message) {
    int rows = Math.max(1, message.getRows());
    if (message.getFloatsCount() > 0) {
      float[] values = new float[message.getFloatsCount()];
      for (int i = 0; i < values.length; i++) {
        values[i] = message.getFloats(i);
      }
      return new Vector(values, rows, message.getSpaceId());
    }
    return switch (message.getElementType()) {
      case ELEMENT_TYPE_UNSPECIFIED, ELEMENT_TYPE_FLOAT32 ->
          new Vector(floats(message.getPacked()), rows, message.getSpaceId());
      case UNRECOGNIZED ->
          throw ValueWire.newerServer("vector.element_type", message.getElementTypeValue());
    };
  }

  private static float[] floats(ByteString packed) {
    if (packed.size() % Float.BYTES != 0) {
      throw WhimbrelException.refusal(
          ErrorCode.INTERNAL, "vector.packed", packed.size() + " bytes", "a multiple of 4");
    }
    float[] values = new float[packed.size() / Float.BYTES];
    packed.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  static Map<String, Vector> decodeVectors(Map<String, io.whimbrel.proto.v1.Vector> messages) {
    Map<String, Vector> vectors = new HashMap<>();
    messages.forEach((field, vector) -> vectors.put(field, decode(vector)));
    return vectors;
  }

  /** {@code ifSeq} of the options holds for every point that has none of its own. */
  public static io.whimbrel.proto.v1.Point encode(Point point, OptionalLong ifSeq) {
    io.whimbrel.proto.v1.Point.Builder message =
        io.whimbrel.proto.v1.Point.newBuilder().setId(ValueWire.encode(point.id()));
    point.payload().forEach((name, value) -> message.putPayload(name, ValueWire.encode(value)));
    point.vectors().forEach((field, vector) -> message.putVectors(field, encode(vector)));
    point
        .spaceVectors()
        .forEach((field, vectors) -> message.putSpaceVectors(field, encode(vectors)));
    (point.ifSeq().isPresent() ? point.ifSeq() : ifSeq).ifPresent(message::setIfSeq);
    return message.build();
  }

  public static Point decode(io.whimbrel.proto.v1.Point message) {
    return new Point(
        ValueWire.decode(message.getId()),
        ValueWire.decodeFields(message.getPayloadMap()),
        decodeVectors(message.getVectorsMap()),
        message.getSeq(),
        OptionalLong.empty());
  }

  public static List<Point> decodePoints(List<io.whimbrel.proto.v1.Point> messages) {
    return messages.stream().map(PointWire::decode).toList();
  }

  public static Page decode(ScrollResponse message) {
    return new Page(
        decodePoints(message.getPointsList()),
        decodeCursor(message.getNextCursor()),
        message.getSeq());
  }

  /** A request for points in id order, without limit and cursor. */
  public static ScrollRequest.Builder scroll(
      String collection, Optional<Filter> filter, Slice slice, ReadOptions read) {
    ScrollRequest.Builder request =
        ScrollRequest.newBuilder()
            .setCollection(collection)
            .setWithPayload(payloadSelector(read.payload()))
            .setWithVectors(vectorSelector(read.vectors()))
            .setMinSeq(read.minSeq());
    filter.map(FilterWire::encode).ifPresent(request::setFilter);
    if (slice.count() > 1) {
      request.setSlice(
          io.whimbrel.proto.v1.Slice.newBuilder().setIndex(slice.index()).setCount(slice.count()));
    }
    return request;
  }

  static String decodeCursor(ByteString cursor) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(cursor.toByteArray());
  }

  public static ByteString encodeCursor(String cursor) {
    try {
      return ByteString.copyFrom(Base64.getUrlDecoder().decode(cursor));
    } catch (IllegalArgumentException e) {
      throw new WhimbrelException(
          ErrorCode.INVALID_CURSOR,
          "cursor",
          "cursor: \"" + cursor + "\" (expected: empty, or the nextCursor of a page)",
          null,
          e);
    }
  }

  static PathList paths(List<String> names) {
    return PathList.newBuilder().addAllNames(names).build();
  }

  public static PayloadSelector payloadSelector(Selector selector) {
    PayloadSelector.Builder message = PayloadSelector.newBuilder();
    if (selector instanceof Selector.All) {
      message.setAll(true);
    } else if (selector instanceof Selector.Include include) {
      message.setInclude(paths(include.names()));
    } else if (selector instanceof Selector.Exclude exclude) {
      message.setExclude(paths(exclude.names()));
    }
    return message.build();
  }

  /** {@code ReadOptions} has refused an exclusion. */
  public static VectorSelector vectorSelector(Selector selector) {
    VectorSelector.Builder message = VectorSelector.newBuilder();
    if (selector instanceof Selector.All) {
      message.setAll(true);
    } else if (selector instanceof Selector.Include include) {
      message.setFields(paths(include.names()));
    }
    return message.build();
  }

  public static io.whimbrel.proto.v1.WriteOptions encode(WriteOptions options, String requestId) {
    return io.whimbrel.proto.v1.WriteOptions.newBuilder()
        .setRequestId(requestId)
        .setDurability(
            switch (options.durability()) {
              case SYNC -> io.whimbrel.proto.v1.Durability.DURABILITY_SYNC;
              case ASYNC -> io.whimbrel.proto.v1.Durability.DURABILITY_ASYNC;
            })
        .build();
  }

  public static WriteResult decode(WriteResponse message) {
    Durability durability =
        switch (message.getDurability()) {
          case DURABILITY_SYNC -> Durability.SYNC;
          case DURABILITY_ASYNC -> Durability.ASYNC;
          case DURABILITY_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("durability", message.getDurabilityValue());
        };
    return new WriteResult(
        message.getSeq(),
        message.getAffected(),
        durability,
        message.getDurableWithinMillis(),
        message.getRepeatedRequest());
  }
}
