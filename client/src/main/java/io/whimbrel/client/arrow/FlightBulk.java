package io.whimbrel.client.arrow;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Point;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Slice;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.internal.Channels;
import io.whimbrel.client.internal.ErrorWire;
import io.whimbrel.client.internal.PointWire;
import io.whimbrel.client.internal.ValueWire;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.ScrollRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.flight.impl.Flight.FlightDescriptor;
import org.apache.arrow.flight.impl.Flight.PutResult;
import org.apache.arrow.flight.impl.Flight.Ticket;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.memory.unsafe.UnsafeAllocationManager;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Bulk upload and download by Arrow Flight, over a connection of its own, so that a transfer does
 * not slow other calls.
 *
 * <p>Safe for any number of threads; each transfer belongs to the thread that started it.
 */
public final class FlightBulk implements AutoCloseable {
  private static final int MESSAGE_BYTES_MAX = 64 << 20;
  private static final long MEMORY_BYTES_MAX = 256L << 20;

  /**
   * Bytes of a payload that is not yet encoded are not known; a point counts at least this much.
   */
  private static final int POINT_BYTES = 128;

  private final ManagedChannel channel;
  private final BufferAllocator allocator;

  private FlightBulk(ManagedChannel channel) {
    this.channel = channel;
    this.allocator =
        new RootAllocator(
            RootAllocator.configBuilder()
                .allocationManagerFactory(UnsafeAllocationManager.FACTORY)
                .maxAllocation(MEMORY_BYTES_MAX)
                .build());
  }

  /** No encryption, for a server on this machine. Does not connect yet. */
  public static FlightBulk plaintext(String host, int port) {
    return new FlightBulk(Channels.open(host, port, MESSAGE_BYTES_MAX, false, Optional.empty()));
  }

  /**
   * Encrypts; trusts the certificates in the PEM file {@code trust}, or those of the platform when
   * it is empty.
   */
  public static FlightBulk tls(String host, int port, Optional<Path> trust) {
    return new FlightBulk(Channels.open(host, port, MESSAGE_BYTES_MAX, true, trust));
  }

  /**
   * Upserts points in batches, each one atomic and in order; returns when all are on stable
   * storage. The first batch that is refused ends the upload; those before it stay written. Holds
   * one batch of points and the messages in flight.
   */
  public UploadResult upload(String collection, Iterator<Point> points, UploadOptions options) {
    return upload(collection, points, options, result -> {});
  }

  /**
   * {@link #upload(String, Iterator, UploadOptions)}, and calls {@code progress} in the same thread
   * after each acknowledgement with what the upload has done so far.
   */
  public UploadResult upload(
      String collection,
      Iterator<Point> points,
      UploadOptions options,
      Consumer<UploadResult> progress) {
    PointColumns columns = PointColumns.ofUpload(schema(collection, options.deadline()));
    Upload upload = new Upload(collection, options, progress);
    try {
      upload.write(IpcMessages.encode(columns.schema()));
      while (points.hasNext()) {
        List<Point> batch = nextBatch(points, options);
        try (BufferAllocator child = child("upload " + collection);
            VectorSchemaRoot root = columns.batch(batch, child)) {
          upload.batch(root);
        }
      }
      return upload.finish();
    } catch (RuntimeException e) {
      upload.cancel();
      throw e;
    }
  }

  /** {@link #upload(String, Iterator, UploadOptions)} with default options. */
  public UploadResult upload(String collection, Iterator<Point> points) {
    return upload(collection, points, UploadOptions.DEFAULT);
  }

  /**
   * Sends the batches of {@code reader} as they are: the columns of the published schema, up to
   * 10,000 rows in a batch. Does not close the reader.
   */
  public UploadResult upload(String collection, ArrowReader reader, UploadOptions options) {
    Upload upload = new Upload(collection, options, result -> {});
    try {
      VectorSchemaRoot root = reader.getVectorSchemaRoot();
      upload.write(IpcMessages.encode(root.getSchema()));
      while (reader.loadNextBatch()) {
        upload.batch(root);
      }
      return upload.finish();
    } catch (IOException e) {
      upload.cancel();
      throw new WhimbrelException(
          ErrorCode.INVALID_ARGUMENT, "reader", "the columns cannot be read", null, e);
    } catch (RuntimeException e) {
      upload.cancel();
      throw e;
    }
  }

  /**
   * All points in id order as {@code read} selects; points written or deleted meanwhile may or may
   * not appear. Holds one batch. The stream belongs to the calling thread and must be closed if it
   * is not read to its end.
   *
   * @param deadline the longest time until the last point
   */
  public Stream<Point> download(String collection, ReadOptions read, Duration deadline) {
    return download(collection, Optional.empty(), Slice.ALL, read, deadline);
  }

  /** The same of one part of the collection and the points that meet the filter. */
  public Stream<Point> download(
      String collection,
      Optional<Filter> filter,
      Slice slice,
      ReadOptions read,
      Duration deadline) {
    ScrollRequest request = PointWire.scroll(collection, filter, slice, read).build();
    BlockingClientCall<Ticket, FlightData> call =
        ClientCalls.blockingV2ServerStreamingCall(
            channel,
            FlightServiceGrpc.getDoGetMethod(),
            options(deadline),
            Ticket.newBuilder().setTicket(request.toByteString()).build());
    return StreamSupport.stream(
            Spliterators.spliteratorUnknownSize(
                new Download(call, collection), Spliterator.ORDERED | Spliterator.NONNULL),
            false)
        .onClose(() -> abandon(call, "closed before its end"));
  }

  private Schema schema(String collection, Duration deadline) {
    try {
      return IpcMessages.encapsulated(
          ClientCalls.blockingUnaryCall(
                  channel,
                  FlightServiceGrpc.getGetSchemaMethod(),
                  options(deadline),
                  descriptor(collection))
              .getSchema());
    } catch (StatusRuntimeException e) {
      throw ErrorWire.decode(e);
    }
  }

  private static CallOptions options(Duration deadline) {
    return CallOptions.DEFAULT.withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS);
  }

  private static FlightDescriptor descriptor(String collection) {
    return FlightDescriptor.newBuilder()
        .setType(FlightDescriptor.DescriptorType.PATH)
        .addPath(collection)
        .build();
  }

  private BufferAllocator child(String name) {
    return allocator.newChildAllocator(name, 0, MEMORY_BYTES_MAX);
  }

  private static List<Point> nextBatch(Iterator<Point> points, UploadOptions options) {
    List<Point> batch = new ArrayList<>();
    long bytes = 0;
    while (points.hasNext()
        && batch.size() < options.batchRowsMax()
        && bytes < options.batchBytesMax()) {
      Point point = points.next();
      batch.add(point);
      bytes += POINT_BYTES + ValueWire.encodeObject(point.payload()).getSerializedSize();
      for (Vector vector : point.vectors().values()) {
        bytes += 4L * vector.values().length;
      }
    }
    return batch;
  }

  /**
   * Ends a call early. What came in meanwhile waits for this thread: it is taken and dropped, or
   * the buffers under it would never be given back.
   */
  private static void abandon(BlockingClientCall<?, ?> call, String why) {
    call.cancel(why, null);
    try {
      while (call.read() != null) {
        // Dropped.
      }
    } catch (StatusException e) {
      // The end of the call: cancelled here, or for the reason that the caller already knows.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static WhimbrelException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new WhimbrelException(
        ErrorCode.CANCELLED, "", "interrupted during the transfer", null, e);
  }

  /**
   * Cancels transfers that are under way and closes the connection. Fails when Arrow memory is
   * still held.
   */
  @Override
  public void close() {
    channel.shutdownNow();
    try {
      boolean unused = channel.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    allocator.close();
  }

  /** One DoPut: batches go out, acknowledgements come in, with a bound on the difference. */
  private final class Upload {
    private final String collection;
    private final UploadOptions options;
    private final Consumer<UploadResult> progress;
    private final BlockingClientCall<FlightData, PutResult> call;
    private boolean described;
    private long sent;
    private UploadResult result = UploadResult.NONE;

    Upload(String collection, UploadOptions options, Consumer<UploadResult> progress) {
      this.collection = collection;
      this.options = options;
      this.progress = progress;
      this.call =
          ClientCalls.blockingBidiStreamingCall(
              channel, FlightServiceGrpc.getDoPutMethod(), options(options.deadline()));
    }

    void batch(VectorSchemaRoot root) {
      FlightData.Builder message = IpcMessages.encode(root);
      if (!options.requestId().isEmpty()) {
        message.setAppMetadata(ByteString.copyFromUtf8(options.requestId() + "/" + sent));
      }
      while (sent - result.batches() >= options.batchesInFlightMax()) {
        awaitAck();
      }
      write(message);
      sent++;
    }

    void write(FlightData.Builder message) {
      if (!described) {
        message.setFlightDescriptor(descriptor(collection));
        described = true;
      }
      try {
        if (!call.write(message.build())) {
          // The server has ended the call; why, the next read says.
          awaitAck();
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      } catch (StatusException e) {
        throw ErrorWire.decode(e);
      }
    }

    UploadResult finish() {
      call.halfClose();
      while (result.batches() < sent) {
        awaitAck();
      }
      try {
        if (call.read() != null) {
          throw tooFew("an acknowledgement too many");
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      } catch (StatusException e) {
        throw ErrorWire.decode(e);
      }
      return result;
    }

    private void awaitAck() {
      try {
        PutResult ack = call.read();
        if (ack == null) {
          throw tooFew("the upload ended before all batches were acknowledged");
        }
        IngestResponse response = IngestResponse.parseFrom(ack.getAppMetadata());
        result =
            new UploadResult(
                result.batches() + 1,
                result.points() + response.getWritten().getAffected(),
                response.getWritten().getSeq());
        progress.accept(result);
      } catch (InterruptedException e) {
        throw interrupted(e);
      } catch (StatusException e) {
        throw ErrorWire.decode(e);
      } catch (InvalidProtocolBufferException e) {
        throw new WhimbrelException(
            ErrorCode.OUTCOME_UNKNOWN, "", "an acknowledgement cannot be read", null, e);
      }
    }

    private WhimbrelException tooFew(String what) {
      return new WhimbrelException(ErrorCode.OUTCOME_UNKNOWN, "", what, null, null);
    }

    void cancel() {
      abandon(call, "the upload failed");
    }
  }

  /** One DoGet, batch by batch. */
  private final class Download implements Iterator<Point> {
    private final BlockingClientCall<Ticket, FlightData> call;
    private final String collection;
    private Optional<PointColumns> columns = Optional.empty();
    private Iterator<Point> batch = Collections.emptyIterator();
    private boolean ended;

    Download(BlockingClientCall<Ticket, FlightData> call, String collection) {
      this.call = call;
      this.collection = collection;
    }

    @Override
    public boolean hasNext() {
      while (!batch.hasNext() && !ended) {
        batch = nextBatch().iterator();
      }
      return batch.hasNext();
    }

    @Override
    public Point next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return batch.next();
    }

    private List<Point> nextBatch() {
      try {
        FlightData data = call.read();
        if (data == null) {
          ended = true;
          return List.of();
        }
        if (columns.isEmpty()) {
          columns = Optional.of(PointColumns.ofDownload(IpcMessages.schema(data)));
          return List.of();
        }
        PointColumns known = columns.get();
        try (BufferAllocator child = child("download " + collection);
            VectorSchemaRoot root = IpcMessages.recordBatch(data, known.schema(), child)) {
          return known.points(root);
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      } catch (StatusException e) {
        throw ErrorWire.decode(e);
      }
    }
  }
}
