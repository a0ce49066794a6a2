package io.whimbrel.client.internal;

import com.google.protobuf.CodedOutputStream;
import io.whimbrel.client.PointId;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.Point;
import io.whimbrel.proto.v1.WriteOptions;
import java.util.ArrayList;
import java.util.List;

/** Points that travel and are written together. Guarded by the lock of its {@link Ingest}. */
final class Batch {
  private final IngestRequest.Builder message;
  private final List<PointId> ids = new ArrayList<>();
  private int bytes;

  /** Times it was given to a stream. */
  int sent;

  /** Times the server refused it. */
  int refusals;

  /**
   * Whether it waits for its turn after a passing refusal, and so is not with a stream nor in its
   * queue.
   */
  boolean waiting;

  Batch(String collection, long number, WriteOptions options) {
    message =
        IngestRequest.newBuilder()
            .setCollection(collection)
            .setBatch(number)
            .setOptions(options.toBuilder().setRequestId(options.getRequestId() + "-" + number));
    bytes = message.build().getSerializedSize();
  }

  /** Bytes that {@code point} takes in a batch. */
  static int bytes(Point point) {
    return CodedOutputStream.computeMessageSize(IngestRequest.POINTS_FIELD_NUMBER, point);
  }

  void add(PointId id, Point point) {
    ids.add(id);
    message.addPoints(point);
    bytes += bytes(point);
  }

  long number() {
    return message.getBatch();
  }

  int bytes() {
    return bytes;
  }

  List<PointId> ids() {
    return ids;
  }

  IngestRequest message() {
    return message.build();
  }
}
