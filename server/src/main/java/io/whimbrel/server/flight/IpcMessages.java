package io.whimbrel.server.flight;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.List;
import java.util.function.IntFunction;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.BufferLayout;
import org.apache.arrow.vector.TypeLayout;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowBuffer;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/// Arrow IPC messages in Flight's envelope, read with distrust and written plainly.
///
/// Every count and length in a header is compared with the bytes that came before Arrow reserves
/// memory by it. What the checks cannot see, Arrow's own bounds checks on every buffer do.
final class IpcMessages {
  private static final int DEPTH_MAX = Limits.PAYLOAD_DEPTH_MAX + 2;
  private static final int METADATA_ENTRIES_MAX = 64;

  private final FlightLimits limits;

  IpcMessages(FlightLimits limits) {
    this.limits = limits;
  }

  /// The header of `data`, or a refusal when it is not an Arrow message.
  Message header(FlightData data) {
    Limits.checkRange("data_header", data.getDataHeader().size(), 0, limits.schemaBytesMax());
    ByteBuffer header =
        ByteBuffer.wrap(data.getDataHeader().toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    return malformedRefused("data_header", () -> Message.getRootAsMessage(header));
  }

  Schema schema(FlightData data) {
    Message message = header(data);
    return malformedRefused(
        "schema",
        () -> {
          if (message.headerType() != MessageHeader.Schema) {
            throw refused(
                "schema", "message type " + message.headerType(), "an Arrow schema first");
          }
          var schema =
              (org.apache.arrow.flatbuf.Schema)
                  message.header(new org.apache.arrow.flatbuf.Schema());
          new SchemaBudget(data.getDataHeader().size()).check(schema);
          return MessageSerializer.deserializeSchema(message);
        });
  }

  /// Loads the record batch in `data` into a root that the caller closes. All its memory comes from
  /// `allocator`.
  VectorSchemaRoot recordBatch(FlightData data, Schema schema, BufferAllocator allocator) {
    Message message = header(data);
    return malformedRefused(
        "record_batch",
        () -> {
          if (message.headerType() != MessageHeader.RecordBatch) {
            throw refused(
                "record_batch",
                "message type " + message.headerType(),
                "an Arrow record batch without dictionaries");
          }
          RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
          check(batch, schema, data.getDataBody());
          return load(batch, data.getDataBody(), schema, allocator);
        });
  }

  private static VectorSchemaRoot load(
      RecordBatch batch, ByteString bytes, Schema schema, BufferAllocator allocator)
      throws IOException {
    ArrowBuf body = allocator.buffer(Math.max(8, bytes.size()));
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    try {
      // In one go: Arrow reads a heap buffer that hides its array eight bytes at a time.
      bytes.copyTo(body.nioBuffer(0, bytes.size()));
      // Takes over the one count of the body, unless it fails.
      try (ArrowRecordBatch loaded = MessageSerializer.deserializeRecordBatch(batch, body)) {
        new VectorLoader(root).load(loaded);
      }
      return root;
    } catch (IOException | RuntimeException e) {
      root.close();
      // Nobody else knows this buffer: whatever counts a failed step left behind are given back
      // here.
      if (body.refCnt() > 0) {
        body.getReferenceManager().release(body.refCnt());
      }
      throw e;
    }
  }

  private void check(RecordBatch batch, Schema schema, ByteString bytes) {
    ByteBuffer body = bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    int bodyBytes = body.limit();
    Limits.checkRange("record_batch.length", batch.length(), 0, Limits.BATCH_POINTS_MAX);
    if (batch.compression() != null) {
      throw refused("record_batch.compression", "compressed", "an uncompressed body");
    }
    long used = 0;
    for (int i = 0; i < batch.buffersLength(); i++) {
      Buffer buffer = batch.buffers(i);
      used += buffer.length();
      // Buffers that share bytes would let a small message name any amount of values.
      if (buffer.length() < 0
          || buffer.offset() < 0
          || buffer.offset() > bodyBytes - buffer.length()
          || used > bodyBytes) {
        throw refused(
            "record_batch.buffers[" + i + "]",
            buffer.length() + " bytes at " + buffer.offset(),
            "buffers that lie side by side in a body of " + bodyBytes + " bytes");
      }
    }
    NodeCheck nodes = new NodeCheck(batch, body);
    for (Field field : schema.getFields()) {
      nodes.check(field, batch.length(), batch.length());
    }
  }

  /// Walks nodes and buffers in the order of the schema. A vector that claims more than its buffers
  /// hold would be filled up with zeros by the loader, and offsets that fall would let many cells
  /// share bytes.
  private static final class NodeCheck {
    private final RecordBatch batch;
    private final ByteBuffer body;
    private int node;
    private int buffer;
    private long lastOffset;

    NodeCheck(RecordBatch batch, ByteBuffer body) {
      this.batch = batch;
      this.body = body;
    }

    void check(Field field, long min, long max) {
      if (node >= batch.nodesLength()) {
        throw refused("record_batch.nodes", batch.nodesLength(), "one for each column");
      }
      FieldNode found = batch.nodes(node++);
      long length = found.length();
      long nulls = found.nullCount();
      if (length < min || length > max || nulls < 0 || nulls > length) {
        throw refused(
            field.getName(),
            length + " values, " + nulls + " of them null",
            min == max ? min + " values" : min + " to " + max + " values");
      }
      for (BufferLayout layout : TypeLayout.getTypeLayout(field.getType()).getBufferLayouts()) {
        checkBuffer(field, layout, length, nulls);
      }
      long childMin =
          switch (field.getType()) {
            case ArrowType.FixedSizeList list -> Math.multiplyExact(length, list.getListSize());
            case ArrowType.List _ -> lastOffset;
            default -> length;
          };
      long childMax = field.getType() instanceof ArrowType.List ? 8L * body.limit() : childMin;
      for (Field child : field.getChildren()) {
        check(child, childMin, childMax);
      }
    }

    private void checkBuffer(Field field, BufferLayout layout, long length, long nulls) {
      if (buffer >= batch.buffersLength()) {
        throw refused("record_batch.buffers", batch.buffersLength(), "all buffers of each column");
      }
      Buffer found = batch.buffers(buffer++);
      long bits = layout.getTypeBitWidth();
      boolean text =
          switch (field.getType()) {
            case ArrowType.Utf8 _, ArrowType.LargeUtf8 _, ArrowType.Binary _ -> true;
            default -> false;
          };
      long needed =
          switch (layout.getType()) {
            case VALIDITY -> nulls == 0 || nulls == length ? 0 : (length + 7) / 8;
            case OFFSET -> length == 0 ? 0 : (length + 1) * bits / 8;
            case DATA -> text ? lastOffset : (length * bits + 7) / 8;
            case TYPE, SIZE, VIEWS, VARIADIC_DATA_BUFFERS -> length * bits / 8;
          };
      if (found.length() < needed) {
        throw refused(
            field.getName(),
            found.length() + " bytes for " + length + " values",
            needed + " bytes");
      }
      if (layout.getType() == BufferLayout.BufferType.OFFSET) {
        lastOffset = checkOffsets(field, (int) found.offset(), length, bits == 64);
      }
    }

    private long checkOffsets(Field field, int start, long length, boolean wide) {
      long last = 0;
      for (int i = 0; length > 0 && i <= length; i++) {
        long offset = wide ? body.getLong(start + 8 * i) : body.getInt(start + 4 * i);
        if (offset < last || offset > Integer.MAX_VALUE) {
          throw refused(field.getName(), "offset " + offset + " after " + last, "rising offsets");
        }
        last = offset;
      }
      return last;
    }
  }

  /// Counts what a schema would make of its header before any of it is made: the tables of a header
  /// may be named twice.
  private final class SchemaBudget {
    private long textBytes;
    private int columns;

    SchemaBudget(int headerBytes) {
      this.textBytes = headerBytes;
      this.columns = limits.columnsMax();
    }

    void check(org.apache.arrow.flatbuf.Schema schema) {
      Limits.checkRange("schema.fields", schema.fieldsLength(), 1, limits.columnsMax());
      metadata(schema.customMetadataLength(), schema::customMetadata);
      for (int i = 0; i < schema.fieldsLength(); i++) {
        check(schema.fields(i), 1);
      }
    }

    private void check(org.apache.arrow.flatbuf.Field field, int depth) {
      Limits.checkRange("schema.depth", depth, 1, DEPTH_MAX);
      if (--columns < 0) {
        throw refused("schema.fields", "more", "up to " + limits.columnsMax() + " columns");
      }
      ByteBuffer name = field.nameAsByteBuffer();
      if (name == null || (depth == 1 && !name.hasRemaining())) {
        throw refused("schema.fields", "a column without a name", "a name for each column");
      }
      text(field.nameAsByteBuffer());
      boolean list = field.typeType() == Type.List || field.typeType() == Type.FixedSizeList;
      if (list && field.childrenLength() != 1) {
        throw refused(name(field), field.childrenLength() + " children", "one, as every list");
      }
      metadata(field.customMetadataLength(), field::customMetadata);
      if (field.dictionary() != null) {
        throw refused(
            name(field), "dictionary encoding", "plain values; cast the column before sending");
      }
      Limits.checkRange("schema.fields", field.childrenLength(), 0, limits.columnsMax());
      for (int i = 0; i < field.childrenLength(); i++) {
        check(field.children(i), depth + 1);
      }
    }

    private void metadata(int count, IntFunction<KeyValue> entries) {
      Limits.checkRange("schema.custom_metadata", count, 0, METADATA_ENTRIES_MAX);
      for (int i = 0; i < count; i++) {
        KeyValue entry = entries.apply(i);
        text(entry.keyAsByteBuffer());
        text(entry.valueAsByteBuffer());
      }
    }

    private void text(@Nullable ByteBuffer text) {
      textBytes -= text == null ? 0 : text.remaining();
      if (textBytes < 0) {
        throw refused("schema", "names that share bytes", "a plain schema");
      }
    }

    private static String name(org.apache.arrow.flatbuf.Field field) {
      String name = field.name();
      return name == null ? "" : name;
    }
  }

  static FlightData encode(Schema schema) {
    return FlightData.newBuilder()
        .setDataHeader(copy(MessageSerializer.serializeMetadata(schema, IpcOption.DEFAULT)))
        .build();
  }

  /// The schema as `FlightInfo` and `SchemaResult` carry it: with its length in front.
  static ByteString encapsulate(Schema schema) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      MessageSerializer.serialize(new WriteChannel(Channels.newChannel(out)), schema);
    } catch (IOException e) {
      throw new UncheckedIOException("an array refuses no bytes", e);
    }
    return UnsafeByteOperations.unsafeWrap(out.toByteArray());
  }

  /// One copy of the rows of `root`, laid out as the record batch's header says.
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
          .setDataHeader(copy(MessageSerializer.serializeMetadata(batch, IpcOption.DEFAULT)))
          .setDataBody(UnsafeByteOperations.unsafeWrap(body));
    }
  }

  private static ByteString copy(ByteBuffer bytes) {
    return ByteString.copyFrom(bytes);
  }

  private interface Reading<T> {
    T read() throws IOException;
  }

  /// Whatever Arrow's readers throw on bytes that are not what they claim is the sender's mistake.
  private static <T> T malformedRefused(String field, Reading<T> reading) {
    try {
      return reading.read();
    } catch (WhimbrelException e) {
      throw e;
    } catch (OutOfMemoryException e) {
      throw WhimbrelException.of(
          ErrorCode.OVERLOADED,
          field,
          "no Arrow memory left for this message; send smaller batches",
          e);
    } catch (IOException | RuntimeException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, "not a well-formed Arrow IPC message", e);
    }
  }

  private static WhimbrelException refused(String field, Object value, String expected) {
    return WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, field, value, expected);
  }
}
