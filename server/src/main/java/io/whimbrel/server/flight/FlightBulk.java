package io.whimbrel.server.flight;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.grpc.BindableService;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.VectorSelector;
import io.whimbrel.server.wire.QueryWire;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.arrow.flight.impl.Flight.Criteria;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.flight.impl.Flight.FlightDescriptor;
import org.apache.arrow.flight.impl.Flight.FlightEndpoint;
import org.apache.arrow.flight.impl.Flight.FlightInfo;
import org.apache.arrow.flight.impl.Flight.PutResult;
import org.apache.arrow.flight.impl.Flight.SchemaResult;
import org.apache.arrow.flight.impl.Flight.Ticket;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.memory.unsafe.UnsafeAllocationManager;

/// Bulk upload (DoPut) and export (DoGet) of points, for registration beside the other services of the gRPC server.
///
/// Owns the root Arrow allocator. Close it after the gRPC server has ended its calls: `close` fails when memory is still held.
/// Each stream has at most one task with the executor at a time, so `streamsMax` bounds what waits there; the executor
/// must not run tasks on the calling thread, which is an event loop's or gRPC's.
public final class FlightBulk implements AutoCloseable {
  private final Database database;
  private final FlightLimits limits;
  private final Executor executor;
  private final BufferAllocator allocator;
  private final IpcMessages messages;
  private final AtomicInteger streams = new AtomicInteger();

  public FlightBulk(Database database, FlightLimits limits, Executor executor) {
    this.database = database;
    this.limits = limits;
    this.executor = executor;
    this.messages = new IpcMessages(limits);
    // Named here, since Flight brings a second allocator that fails without certain JVM flags.
    this.allocator =
        new RootAllocator(
            RootAllocator.configBuilder()
                .allocationManagerFactory(UnsafeAllocationManager.FACTORY)
                .maxAllocation(limits.allocatorBytesMax())
                .build());
  }

  public BindableService service() {
    return new Service();
  }

  /// Bytes of Arrow memory in use.
  public long allocatedBytes() {
    return allocator.getAllocatedMemory();
  }

  /// Open uploads and downloads.
  public int streams() {
    return streams.get();
  }

  @Override
  public void close() {
    allocator.close();
  }

  private final class Service extends FlightServiceGrpc.FlightServiceImplBase {
    @Override
    public StreamObserver<FlightData> doPut(StreamObserver<PutResult> observer) {
      ServerCallStreamObserver<PutResult> out = (ServerCallStreamObserver<PutResult>) observer;
      try {
        openStream();
      } catch (WhimbrelException e) {
        out.onError(FlightErrors.exception(e));
        return new Ignored();
      }
      UploadStream upload =
          new UploadStream(
              database, limits, messages, allocator, executor, out, streams::decrementAndGet);
      upload.start();
      return upload;
    }

    @Override
    public void doGet(Ticket ticket, StreamObserver<FlightData> observer) {
      ServerCallStreamObserver<FlightData> out = (ServerCallStreamObserver<FlightData>) observer;
      try {
        QueryWire.Scroll scroll = scroll(request(ticket.getTicket()));
        openStream();
        new DownloadStream(
                database,
                limits,
                allocator,
                executor,
                out,
                streams::decrementAndGet,
                scroll)
            .start();
      } catch (WhimbrelException e) {
        out.onError(FlightErrors.exception(e));
      }
    }

    @Override
    public void getFlightInfo(FlightDescriptor descriptor, StreamObserver<FlightInfo> out) {
      answer(out, () -> info(database.describe(UploadStream.collection(descriptor))));
    }

    @Override
    public void getSchema(FlightDescriptor descriptor, StreamObserver<SchemaResult> out) {
      answer(
          out,
          () ->
              SchemaResult.newBuilder()
                  .setSchema(
                      schema(database.describe(UploadStream.collection(descriptor))))
                  .build());
    }

    @Override
    public void listFlights(Criteria criteria, StreamObserver<FlightInfo> observer) {
      ServerCallStreamObserver<FlightInfo> out = (ServerCallStreamObserver<FlightInfo>) observer;
      run(
          out,
          () -> {
            if (!criteria.getExpression().isEmpty()) {
              throw WhimbrelException.unimplemented(
                  "criteria", criteria.getExpression().size() + " bytes", "no criteria");
            }
            // Bounded by COLLECTIONS_MAX small messages.
            database.collections().forEach(collection -> out.onNext(info(collection)));
            out.onCompleted();
          });
    }

    private <T> void answer(StreamObserver<T> out, Supplier<T> work) {
      run(
          out,
          () -> {
            out.onNext(work.get());
            out.onCompleted();
          });
    }

    private void run(StreamObserver<?> observer, Runnable work) {
      ServerCallStreamObserver<?> out = (ServerCallStreamObserver<?>) observer;
      out.setOnCancelHandler(() -> {});
      try {
        executor.execute(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                out.onError(FlightErrors.exception(e));
              }
            });
      } catch (RuntimeException refused) {
        out.onError(FlightErrors.exception(refused));
      }
    }
  }

  /// Takes what a refused call still sends.
  private static final class Ignored implements StreamObserver<FlightData> {
    @Override
    public void onNext(FlightData message) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }

  private void openStream() {
    if (streams.incrementAndGet() > limits.streamsMax()) {
      streams.decrementAndGet();
      throw WhimbrelException.of(
          ErrorCode.OVERLOADED, "flight.streams", "more", "at most " + limits.streamsMax());
    }
  }

  /// A ticket is a `whimbrel.v1.ScrollRequest` in protobuf or, when it begins with a brace, in protobuf's JSON.
  private static ScrollRequest request(ByteString ticket) {
    try {
      if (ticket.isEmpty() || ticket.byteAt(0) != '{') {
        return ScrollRequest.parseFrom(ticket);
      }
      ScrollRequest.Builder request = ScrollRequest.newBuilder();
      JsonFormat.parser().merge(ticket.toStringUtf8(), request);
      return request.build();
    } catch (InvalidProtocolBufferException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "ticket", "not a whimbrel.v1.ScrollRequest", e);
    }
  }

  private static QueryWire.Scroll scroll(ScrollRequest request) {
    if (request.getLimit() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "ticket.limit", request.getLimit(), "0; an export gives all points");
    }
    VectorSelector vectors =
        request.hasWithVectors()
            ? request.getWithVectors()
            : VectorSelector.newBuilder().setAll(true).build();
    return QueryWire.scroll(request.toBuilder().setWithVectors(vectors).build());
  }

  private FlightInfo info(CollectionInfo collection) {
    ByteString ticket =
        ScrollRequest.newBuilder().setCollection(collection.name()).build().toByteString();
    return FlightInfo.newBuilder()
        .setSchema(schema(collection))
        .setFlightDescriptor(
            FlightDescriptor.newBuilder()
                .setType(FlightDescriptor.DescriptorType.PATH)
                .addPath(collection.name()))
        .addEndpoint(FlightEndpoint.newBuilder().setTicket(Ticket.newBuilder().setTicket(ticket)))
        .setTotalRecords(collection.points())
        .setTotalBytes(-1)
        .setOrdered(true)
        .build();
  }

  private static ByteString schema(CollectionInfo collection) {
    ReadOptions all = new ReadOptions(Selector.ALL, Selector.ALL, 0);
    return IpcMessages.encapsulate(ExportSchema.of(collection, all).schema());
  }
}
