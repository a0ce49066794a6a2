package io.whimbrel.client.arrow;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.List;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.ArrowBuffer;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/** Arrow IPC messages in Flight's envelope. */
final class IpcMessages {
  private IpcMessages() {}

  static FlightData.Builder encode(Schema schema) {
    return FlightData.newBuilder()
        .setDataHeader(
            ByteString.copyFrom(MessageSerializer.serializeMetadata(schema, IpcOption.DEFAULT)));
  }

  /** One copy of the rows of {@code root}, laid out as the record batch's header says. */
  static FlightData.Builder encode(VectorSchemaRoot root) {
    try (ArrowRecordBatch batch = new VectorUnloader(root).getRecordBatch()) {
      byte[] body = new byte[Math.toIntExact(batch.computeBodyLength())];
      List<ArrowBuf> buffers = batch.getBuffers();
      List<ArrowBuffer> layout = batch.getBuffersLayout();
      for (int i = 0; i < buffers.size(); i++) {
        int length = Math.toIntExact(buffers.get(i).readableBytes());
        buffers.get(i).getBytes(0, body, Math.toIntExact(layout.get(i).getOffset()), length);
      }
      return FlightData.newBuilder()
          .setDataHeader(
              ByteString.copyFrom(MessageSerializer.serializeMetadata(batch, IpcOption.DEFAULT)))
          .setDataBody(UnsafeByteOperations.unsafeWrap(body));
    }
  }

  static Schema schema(FlightData data) {
    Message message = header(data);
    if (message.headerType() != MessageHeader.Schema) {
      throw malformed("message type " + message.headerType() + " instead of a schema", null);
    }
    return MessageSerializer.deserializeSchema(message);
  }

  /** A schema with its length in front, as {@code SchemaResult} carries it. */
  static Schema encapsulated(ByteString bytes) {
    try {
      return MessageSerializer.deserializeSchema(
          new ReadChannel(Channels.newChannel(new ByteArrayInputStream(bytes.toByteArray()))));
    } catch (IOException e) {
      throw malformed("the schema cannot be read", e);
    }
  }

  /** Loads the record batch in {@code data} into a root that the caller closes. */
  static VectorSchemaRoot recordBatch(FlightData data, Schema schema, BufferAllocator allocator) {
    Message message = header(data);
    if (message.headerType() != MessageHeader.RecordBatch) {
      throw malformed("message type " + message.headerType() + " instead of a record batch", null);
    }
    ArrowBuf body = allocator.buffer(Math.max(8, data.getDataBody().size()));
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    try {
      // In one go: Arrow reads a heap buffer that hides its array eight bytes at a time.
      data.getDataBody().copyTo(body.nioBuffer(0, data.getDataBody().size()));
      // Takes over the one count of the body, unless it fails.
      try (ArrowRecordBatch batch = MessageSerializer.deserializeRecordBatch(message, body)) {
        new VectorLoader(root).load(batch);
      }
      return root;
    } catch (IOException | RuntimeException e) {
      root.close();
      if (body.refCnt() > 0) {
        body.getReferenceManager().release(body.refCnt());
      }
      throw malformed("a record batch cannot be read", e);
    }
  }

  private static Message header(FlightData data) {
    return Message.getRootAsMessage(
        ByteBuffer.wrap(data.getDataHeader().toByteArray()).order(ByteOrder.LITTLE_ENDIAN));
  }

  private static WhimbrelException malformed(String what, @Nullable Throwable cause) {
    return new WhimbrelException(
        ErrorCode.INTERNAL, "", "the server's answer is not an Arrow stream: " + what, null, cause);
  }
}
