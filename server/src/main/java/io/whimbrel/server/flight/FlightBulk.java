package io.whimbrel.server.flight;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.grpc.ServerServiceDefinition;
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
import io.whimbrel.server.grpc.MalformedRequests;
import io.whimbrel.server.grpc.ServiceModule;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.ops.WorkPools;
import io.whimbrel.server.wire.QueryWire;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Bulk upload (DoPut) and export (DoGet) of points, beside the other services of the gRPC server.
///
/// Owns the root Arrow allocator and a pool of threads, so that bulk transfers starve neither
/// searches nor single writes.
public final class FlightBulk implements ServiceModule {
  private static final Logger LOG = LoggerFactory.getLogger(FlightBulk.class);

  // A conversion is short; a write may be held back by the store.
  private static final Duration POOL_CLOSE_MAX = Duration.ofSeconds(15);

  private final Database database;
  private final FlightLimits limits;
  private final WorkPool pool;
  private final BufferAllocator allocator;
  private final IpcMessages messages;
  private final Set<UploadStream> uploads = ConcurrentHashMap.newKeySet();
  private final Set<DownloadStream> downloads = ConcurrentHashMap.newKeySet();
  private volatile boolean draining;

  /// As [ServiceModule.Factory] wants it, with default limits and as many threads as single writes
  /// have.
  public FlightBulk(Database database, WorkPools pools, ServerLimits limits) {
    this(database, limits.write(), FlightLimits.DEFAULT);
  }

  public FlightBulk(Database database, ServerLimits.Pool threads, FlightLimits limits) {
    this.database = database;
    this.limits = limits;
    this.pool = new WorkPool("flight", threads, limits.streamsMax());
    this.messages = new IpcMessages(limits);
    // Named here, since Flight brings a second allocator that fails without certain JVM flags.
    this.allocator =
        new RootAllocator(
            RootAllocator.configBuilder()
                .allocationManagerFactory(UnsafeAllocationManager.FACTORY)
                .maxAllocation(limits.allocatorBytesMax())
                .build());
  }

  @Override
  public List<ServerServiceDefinition> services() {
    return List.of(MalformedRequests.refuse(new Service().bindService()));
  }

  @Override
  public void drain() {
    draining = true;
    uploads.forEach(UploadStream::drain);
    downloads.forEach(DownloadStream::drain);
  }

  /// Bytes of Arrow memory in use.
  public long allocatedBytes() {
    return allocator.getAllocatedMemory();
  }

  /// Open uploads and downloads.
  public int streams() {
    return uploads.size() + downloads.size();
  }

  /// Fails when Arrow memory is still held.
  @Override
  public void close() {
    try {
      if (!pool.shutdown(POOL_CLOSE_MAX)) {
        LOG.warn("a bulk transfer was still running {} after the calls had ended", POOL_CLOSE_MAX);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    allocator.close();
  }

  private final class Service extends FlightServiceGrpc.FlightServiceImplBase {
    @Override
    public StreamObserver<FlightData> doPut(StreamObserver<PutResult> observer) {
      ServerCallStreamObserver<PutResult> out = (ServerCallStreamObserver<PutResult>) observer;
      try {
        UploadStream upload =
            new UploadStream(
                database, limits, messages, allocator, openLane(), out, uploads::remove);
        uploads.add(upload);
        upload.start();
        if (draining) {
          upload.drain();
        }
        return upload;
      } catch (WhimbrelException e) {
        out.onError(FlightErrors.exception(e));
        return new Ignored();
      }
    }

    @Override
    public void doGet(Ticket ticket, StreamObserver<FlightData> observer) {
      ServerCallStreamObserver<FlightData> out = (ServerCallStreamObserver<FlightData>) observer;
      try {
        QueryWire.Scroll scroll = scroll(request(ticket.getTicket()));
        DownloadStream download =
            new DownloadStream(
                database, limits, allocator, openLane(), out, downloads::remove, scroll);
        downloads.add(download);
        download.start();
        if (draining) {
          download.drain();
        }
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
                  .setSchema(schema(database.describe(UploadStream.collection(descriptor))))
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
        pool.execute(() -> {
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

  private WorkPool.Lane openLane() {
    if (draining) {
      throw FlightErrors.stopping();
    }
    return pool.openLane(1);
  }

  /// A ticket is a `whimbrel.v1.ScrollRequest` in protobuf or, when it begins with a brace, in
  /// protobuf's JSON.
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
          ErrorCode.INVALID_ARGUMENT,
          "ticket.limit",
          request.getLimit(),
          "0; an export gives all points");
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
