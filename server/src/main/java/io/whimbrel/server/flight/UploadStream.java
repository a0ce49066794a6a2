package io.whimbrel.server.flight;

import com.google.protobuf.ByteString;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.WriteResponse;
import io.whimbrel.server.ops.WorkPool;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.flight.impl.Flight.FlightDescriptor;
import org.apache.arrow.flight.impl.Flight.PutResult;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/// One upload: a schema, then record batches, each one atomic write, each acknowledged in order
/// once it is durable.
///
/// One message at a time is read and converted on its lane, up to `batchesInFlightMax` writes wait
/// for the store, and the next message is asked for only when there is room: a fast sender is
/// slowed by HTTP/2 flow control. The first failure stops the reading; batches already handed to
/// the store are still acknowledged, then the call fails.
///
/// All fields below `lock` are guarded by it; gRPC's callbacks, the lane and the store's
/// completions take it briefly and never while converting or writing.
final class UploadStream implements StreamObserver<FlightData> {
  private final Database database;
  private final FlightLimits limits;
  private final IpcMessages messages;
  private final BufferAllocator allocator;
  private final WorkPool.Lane lane;
  private final ServerCallStreamObserver<PutResult> out;
  private final Consumer<UploadStream> onEnd;

  // Touched by the one task that converts; tasks of a stream follow each other through `lock`.
  private Optional<String> collection = Optional.empty();
  private Optional<UploadSchema> schema = Optional.empty();
  private long batches;

  private final Object lock = new Object();
  private final ArrayDeque<Pending> pending = new ArrayDeque<>();
  private Optional<Throwable> failure = Optional.empty();
  private boolean requested;
  private boolean converting;
  private boolean halfClosed;
  private boolean ended;
  private int acksWaiting;

  private record Pending(long batch, CompletableFuture<WriteResult> written) {}

  UploadStream(
      Database database,
      FlightLimits limits,
      IpcMessages messages,
      BufferAllocator allocator,
      WorkPool.Lane lane,
      ServerCallStreamObserver<PutResult> out,
      Consumer<UploadStream> onEnd) {
    this.database = database;
    this.limits = limits;
    this.messages = messages;
    this.allocator = allocator;
    this.lane = lane;
    this.out = out;
    this.onEnd = onEnd;
  }

  /// Starts the reading. Must be called inside the gRPC call's first callback.
  void start() {
    out.disableAutoRequest();
    out.setOnCancelHandler(this::abandoned);
    // When something before this stream ended the call, for example a message that is none.
    out.setOnCloseHandler(this::abandoned);
    out.setOnReadyHandler(this::advance);
    advance();
  }

  @Override
  public void onNext(FlightData message) {
    synchronized (lock) {
      if (ended) {
        return;
      }
      requested = false;
      converting = true;
    }
    try {
      lane.execute(() -> convert(message));
    } catch (RuntimeException refused) {
      converted(Optional.of(refused));
    }
  }

  @Override
  public void onError(Throwable cancelled) {
    abandoned();
  }

  @Override
  public void onCompleted() {
    synchronized (lock) {
      halfClosed = true;
    }
    advance();
  }

  /// Reads no more: what was handed to the store is acknowledged, then the call ends with
  /// UNAVAILABLE.
  void drain() {
    synchronized (lock) {
      if (failure.isEmpty()) {
        failure = Optional.of(FlightErrors.stopping());
      }
    }
    advance();
  }

  private void convert(FlightData message) {
    try {
      if (schema.isEmpty()) {
        begin(message);
      } else {
        write(message, schema.get());
      }
      converted(Optional.empty());
    } catch (RuntimeException | Error e) {
      converted(Optional.of(e));
    }
  }

  private void converted(Optional<Throwable> failed) {
    synchronized (lock) {
      converting = false;
      if (failure.isEmpty()) {
        failure = failed;
      }
    }
    advance();
  }

  private void begin(FlightData message) {
    if (message.hasFlightDescriptor() && collection.isEmpty()) {
      collection = Optional.of(collection(message.getFlightDescriptor()));
      if (message.getDataHeader().isEmpty()) {
        // The schema may come in the next message, but then it must.
        return;
      }
    }
    String name =
        collection.orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.INVALID_ARGUMENT,
                "flight_descriptor",
                "not given",
                "a path of one part, the collection, in the first message"));
    schema = Optional.of(UploadSchema.of(messages.schema(message), database.describe(name)));
  }

  /// The collection that a descriptor names.
  static String collection(FlightDescriptor descriptor) {
    if (descriptor.getType() != FlightDescriptor.DescriptorType.PATH
        || descriptor.getPathCount() != 1) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "flight_descriptor",
          descriptor.getType() + " of " + descriptor.getPathCount() + " parts",
          "a path of one part, the collection");
    }
    return descriptor.getPath(0);
  }

  private void write(FlightData message, UploadSchema columns) {
    long batch = batches++;
    CompletableFuture<WriteResult> written;
    try {
      WriteOptions options = new WriteOptions(requestId(message.getAppMetadata()), Durability.SYNC);
      written = write(read(message, columns, batch), options);
    } catch (WhimbrelException e) {
      throw FlightErrors.within("batch[" + batch + "].", e);
    }
    synchronized (lock) {
      pending.add(new Pending(batch, written));
    }
    // On this thread when the write is already done, else on the store's: `advance` is short either
    // way.
    var unused = written.whenComplete((_, _) -> advance());
  }

  private CompletableFuture<WriteResult> write(List<PointWrite> points, WriteOptions options) {
    return points.isEmpty()
        ? CompletableFuture.completedFuture(
            new WriteResult(database.seq(), 0, Durability.SYNC, 0, false))
        : database.write(collection.orElseThrow(), new Mutation.Upsert(points), options);
  }

  private List<PointWrite> read(FlightData message, UploadSchema columns, long batch) {
    try (BufferAllocator child =
            allocator.newChildAllocator(
                "upload " + collection.orElseThrow() + " batch " + batch,
                0,
                limits.messageMemoryMax());
        VectorSchemaRoot root = messages.recordBatch(message, columns.schema(), child)) {
      return columns.read(root, limits.batchValuesMax());
    } catch (IndexOutOfBoundsException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "record_batch", "a column reaches beyond its buffers", e);
    }
  }

  private static String requestId(ByteString metadata) {
    Limits.checkRange("app_metadata", metadata.size(), 0, Limits.REQUEST_ID_BYTES_MAX);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(metadata.asReadOnlyByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "app_metadata", "not a request id in UTF-8", e);
    }
  }

  /// Sends what is due: acknowledgements of finished writes in order, the end of the call, or the
  /// wish for the next message.
  private void advance() {
    synchronized (lock) {
      while (!ended && !pending.isEmpty() && pending.element().written().isDone()) {
        settle(pending.remove());
      }
      if (ended) {
        return;
      }
      acksWaiting = out.isReady() ? 0 : acksWaiting;
      boolean idle = pending.isEmpty() && !converting;
      if (idle && failure.isPresent()) {
        end();
        out.onError(FlightErrors.exception(failure.get()));
      } else if (idle && halfClosed) {
        end();
        out.onCompleted();
      } else if (failure.isEmpty()
          && !halfClosed
          && !requested
          && !converting
          && pending.size() < limits.batchesInFlightMax()
          && acksWaiting < limits.acksWaitingMax()) {
        requested = true;
        out.request(1);
      }
    }
  }

  private void settle(Pending done) {
    if (done.written().isCompletedExceptionally()) {
      Throwable cause = done.written().exceptionNow();
      if (failure.isEmpty()) {
        failure =
            Optional.of(
                cause instanceof WhimbrelException refusal
                    ? FlightErrors.within("batch[" + done.batch() + "].", refusal)
                    : cause);
      }
      return;
    }
    acksWaiting++;
    out.onNext(
        PutResult.newBuilder().setAppMetadata(ack(done.batch(), done.written().join())).build());
  }

  private static ByteString ack(long batch, WriteResult result) {
    return IngestResponse.newBuilder()
        .setBatch(batch)
        .setWritten(
            WriteResponse.newBuilder()
                .setSeq(result.seq())
                .setAffected(result.affected())
                .setDurability(io.whimbrel.proto.v1.Durability.DURABILITY_SYNC)
                .setRepeatedRequest(result.repeated()))
        .build()
        .toByteString();
  }

  /// There is no call any more: writes already handed over go on, nobody hears of them.
  private void abandoned() {
    synchronized (lock) {
      if (!ended) {
        end();
      }
    }
  }

  private void end() {
    ended = true;
    pending.clear();
    lane.close();
    onEnd.accept(this);
  }
}
