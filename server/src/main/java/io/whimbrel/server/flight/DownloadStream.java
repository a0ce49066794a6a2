package io.whimbrel.server.flight;

import com.google.protobuf.ByteString;
import io.grpc.stub.ServerCallStreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.Page;
import io.whimbrel.proto.v1.ScrollResponse;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.QueryWire;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/// One download: the schema, then a record batch for each page of points in id order.
///
/// Each page is one task on its lane, and the next is started only while the call takes more: a
/// client that stops reading holds one batch, no thread and no Arrow memory.
final class DownloadStream {
  private final Database database;
  private final FlightLimits limits;
  private final BufferAllocator allocator;
  private final WorkPool.Lane lane;
  private final ServerCallStreamObserver<FlightData> out;
  private final Consumer<DownloadStream> onEnd;
  private final QueryWire.Scroll scroll;

  // Touched by the one running task; tasks follow each other through the monitor.
  private Optional<ExportSchema> schema = Optional.empty();
  private byte[] cursor;

  private boolean running;
  private boolean ended;

  DownloadStream(
      Database database,
      FlightLimits limits,
      BufferAllocator allocator,
      WorkPool.Lane lane,
      ServerCallStreamObserver<FlightData> out,
      Consumer<DownloadStream> onEnd,
      QueryWire.Scroll scroll) {
    this.database = database;
    this.limits = limits;
    this.allocator = allocator;
    this.lane = lane;
    this.out = out;
    this.onEnd = onEnd;
    this.scroll = scroll;
    this.cursor = scroll.cursor().toByteArray();
  }

  /// Must be called inside the gRPC call's first callback.
  void start() {
    out.setOnCancelHandler(this::abandoned);
    out.setOnCloseHandler(this::abandoned);
    out.setOnReadyHandler(this::advance);
    advance();
  }

  /// Ends the call with UNAVAILABLE.
  void drain() {
    fail(FlightErrors.stopping());
  }

  private synchronized void advance() {
    if (running || ended || !out.isReady()) {
      return;
    }
    running = true;
    try {
      lane.execute(this::step);
    } catch (RuntimeException refused) {
      fail(refused);
    }
  }

  private void step() {
    try {
      boolean more = send();
      synchronized (this) {
        running = false;
        if (!more && !ended) {
          end();
          out.onCompleted();
        }
      }
      advance();
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  /// Sends one message; says whether there is more to send.
  private boolean send() {
    if (schema.isEmpty()) {
      ExportSchema columns = ExportSchema.of(database.describe(scroll.collection()), scroll.read());
      schema = Optional.of(columns);
      emit(IpcMessages.encode(columns.schema()));
      return true;
    }
    ExportSchema columns = schema.get();
    int rows = columns.rows(limits.exportRowsMax(), limits.exportBytesTarget());
    Page page =
        database.scroll(
            scroll.collection(), cursor, rows, scroll.filter(), scroll.slice(), scroll.read());
    if (!page.points().isEmpty()) {
      emit(batch(columns, page));
    }
    cursor = page.nextCursor();
    return cursor.length > 0;
  }

  private FlightData batch(ExportSchema columns, Page page) {
    try (BufferAllocator child =
            allocator.newChildAllocator(
                "download " + scroll.collection(), 0, limits.messageMemoryMax());
        VectorSchemaRoot root = columns.batch(page.points(), child)) {
      // Where a broken export can go on, in the form of the call that reads page by page.
      ByteString next =
          ScrollResponse.newBuilder()
              .setNextCursor(ByteString.copyFrom(page.nextCursor()))
              .setSeq(page.seq())
              .build()
              .toByteString();
      return IpcMessages.encode(root).setAppMetadata(next).build();
    }
  }

  private synchronized void emit(FlightData message) {
    if (!ended) {
      out.onNext(message);
    }
  }

  private synchronized void fail(Throwable failure) {
    if (!ended) {
      end();
      out.onError(FlightErrors.exception(failure));
    }
  }

  private synchronized void abandoned() {
    if (!ended) {
      end();
    }
  }

  private void end() {
    ended = true;
    lane.close();
    onEnd.accept(this);
  }
}
