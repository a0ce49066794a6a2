package io.whimbrel.client;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.whimbrel.client.internal.PointWire;
import io.whimbrel.proto.v1.AdminGrpc;
import io.whimbrel.proto.v1.BatchError;
import io.whimbrel.proto.v1.Collection;
import io.whimbrel.proto.v1.CollectionStorage;
import io.whimbrel.proto.v1.CollectionsGrpc;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.CountResponse;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.CreateCollectionResponse;
import io.whimbrel.proto.v1.DeleteCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionResponse;
import io.whimbrel.proto.v1.DeleteRequest;
import io.whimbrel.proto.v1.Durability;
import io.whimbrel.proto.v1.Field;
import io.whimbrel.proto.v1.FlushRequest;
import io.whimbrel.proto.v1.FlushResponse;
import io.whimbrel.proto.v1.GetCollectionRequest;
import io.whimbrel.proto.v1.GetCollectionResponse;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.GetResponse;
import io.whimbrel.proto.v1.GetServerInfoRequest;
import io.whimbrel.proto.v1.GetServerInfoResponse;
import io.whimbrel.proto.v1.GetStorageStatsRequest;
import io.whimbrel.proto.v1.GetStorageStatsResponse;
import io.whimbrel.proto.v1.Hit;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.Limit;
import io.whimbrel.proto.v1.ListCollectionsRequest;
import io.whimbrel.proto.v1.ListCollectionsResponse;
import io.whimbrel.proto.v1.Point;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.QueryGrpc;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.ScrollResponse;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SearchBatchResponse;
import io.whimbrel.proto.v1.SearchRequest;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.proto.v1.UpdatePayloadRequest;
import io.whimbrel.proto.v1.UpsertRequest;
import io.whimbrel.proto.v1.Version;
import io.whimbrel.proto.v1.WriteResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntFunction;

/**
 * A peer on loopback that keeps points in a map, remembers request ids, and fails as it is told. It
 * stands in for what a real server cannot be made to do at a chosen moment: break a stream after a
 * write but before its answer, for example.
 */
final class Peer implements AutoCloseable {
  /** What happens to a batch of an ingest stream. */
  enum Fault {
    NONE,
    /** The stream breaks and nothing is written. */
    BREAK_BEFORE,
    /** The batch is written, then the stream breaks without an answer. */
    BREAK_AFTER,
    /** The batch is refused with OVERLOADED. */
    OVERLOADED,
    /** The batch is refused with DIMENSION_MISMATCH. */
    REFUSED,
    /** The batch is written when {@link #release} is called. */
    HELD,
    /** The batch is never answered. */
    SILENT
  }

  private final Server server;
  private final Map<String, Collection> collections = new HashMap<>();
  private final Map<io.whimbrel.proto.v1.PointId, Point> points = new LinkedHashMap<>();
  private final Map<String, WriteResponse> answers = new HashMap<>();
  private final Queue<Runnable> held = new ArrayDeque<>();
  private long seq;

  /** Refusals of the next unary writes and searches, before anything happens. */
  final Queue<StatusRuntimeException> refusals = new ConcurrentLinkedQueue<>();

  /** Failures of the next upserts, after the write happened. */
  final Queue<StatusRuntimeException> lostAnswers = new ConcurrentLinkedQueue<>();

  /** The fault of the n-th batch that arrives over all streams, from 0. */
  volatile IntFunction<Fault> faults = n -> Fault.NONE;

  /** Whether unary calls are never answered. */
  volatile boolean silent;

  final List<IngestRequest> batches = new CopyOnWriteArrayList<>();
  final List<UpsertRequest> upserts = new CopyOnWriteArrayList<>();
  final List<DeleteRequest> deletes = new CopyOnWriteArrayList<>();
  final List<UpdatePayloadRequest> payloadUpdates = new CopyOnWriteArrayList<>();
  final List<SearchRequest> searches = new CopyOnWriteArrayList<>();

  Peer() throws IOException {
    this(InsecureServerCredentials.create());
  }

  Peer(ServerCredentials credentials) throws IOException {
    ServerBuilder<?> builder =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), credentials)
            .maxInboundMessageSize(64 << 20);
    server =
        builder
            .addService(new Collections())
            .addService(new Points())
            .addService(new Queries())
            .addService(new Admin())
            .build()
            .start();
  }

  int port() {
    return server.getPort();
  }

  WhimbrelClient.Builder client() {
    return WhimbrelClient.builder().address("127.0.0.1", port());
  }

  synchronized int pointCount() {
    return points.size();
  }

  /** Writes that were not repetitions. */
  synchronized long writes() {
    return seq;
  }

  synchronized io.whimbrel.client.Point stored(PointId id) {
    return points.values().stream()
        .map(PointWire::decode)
        .filter(point -> point.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  /** Answers the oldest held batch; false when none is held. */
  synchronized boolean release() {
    Runnable answer = held.poll();
    if (answer != null) {
      answer.run();
    }
    return answer != null;
  }

  @Override
  public void close() throws InterruptedException {
    server.shutdownNow().awaitTermination();
  }

  /** What the real server answers instead of a result. */
  static StatusRuntimeException failure(
      Code code, ErrorCode reason, String field, String message, long retryMillis) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(code.getNumber())
            .setMessage(message)
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setDomain("whimbrel")
                        .setReason(reason.name())
                        .putMetadata("field", field)
                        .build()))
            .addDetails(
                Any.pack(
                    BadRequest.newBuilder()
                        .addFieldViolations(
                            BadRequest.FieldViolation.newBuilder()
                                .setField(field)
                                .setDescription(message))
                        .build()));
    if (retryMillis > 0) {
      status.addDetails(
          Any.pack(
              RetryInfo.newBuilder()
                  .setRetryDelay(
                      Duration.newBuilder()
                          .setSeconds(retryMillis / 1000)
                          .setNanos((int) (retryMillis % 1000) * 1_000_000))
                  .build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  static StatusRuntimeException unavailable() {
    return failure(Code.UNAVAILABLE, ErrorCode.UNAVAILABLE, "", "the peer is told to fail", 0);
  }

  private synchronized WriteResponse write(List<Point> batch, String requestId) {
    WriteResponse before = answers.get(requestId);
    if (before != null) {
      return before.toBuilder().setRepeatedRequest(true).build();
    }
    seq++;
    batch.forEach(point -> points.put(point.getId(), point.toBuilder().setSeq(seq).build()));
    WriteResponse answer =
        WriteResponse.newBuilder()
            .setSeq(seq)
            .setAffected(batch.size())
            .setDurability(Durability.DURABILITY_SYNC)
            .build();
    if (!requestId.isEmpty()) {
      answers.put(requestId, answer);
    }
    return answer;
  }

  private synchronized List<Point> all() {
    return new ArrayList<>(points.values());
  }

  private <A> void answer(StreamObserver<A> observer, A answer) {
    if (!silent) {
      observer.onNext(answer);
      observer.onCompleted();
    }
  }

  private boolean refuse(StreamObserver<?> observer) {
    StatusRuntimeException refusal = refusals.poll();
    if (refusal != null) {
      observer.onError(refusal);
    }
    return refusal != null;
  }

  private final class Collections extends CollectionsGrpc.CollectionsImplBase {
    @Override
    public void create(
        CreateCollectionRequest request, StreamObserver<CreateCollectionResponse> observer) {
      Collection.Builder made = Collection.newBuilder().setName(request.getSpec().getName());
      request
          .getSpec()
          .getFieldsList()
          .forEach(field ->
              made.addFields(
                  Field.newBuilder()
                      .setName(field.getName())
                      .setReadVersion(1)
                      .addWriteSet(1)
                      .addVersions(
                          Version.newBuilder()
                              .setNumber(1)
                              .setCoverage(1)
                              .setSpec(field.getSpec().toBuilder().setSpaceId("space")))));
      boolean taken;
      synchronized (Peer.this) {
        taken = collections.putIfAbsent(made.getName(), made.build()) != null;
      }
      if (taken) {
        observer.onError(
            failure(
                Code.ALREADY_EXISTS, ErrorCode.COLLECTION_EXISTS, "spec.name", made.getName(), 0));
      } else {
        answer(observer, CreateCollectionResponse.newBuilder().setCollection(made).build());
      }
    }

    @Override
    public void get(GetCollectionRequest request, StreamObserver<GetCollectionResponse> observer) {
      Collection found;
      synchronized (Peer.this) {
        found = collections.getOrDefault(request.getName(), Collection.getDefaultInstance());
      }
      answer(observer, GetCollectionResponse.newBuilder().setCollection(found).build());
    }

    @Override
    public void list(
        ListCollectionsRequest request, StreamObserver<ListCollectionsResponse> observer) {
      ListCollectionsResponse.Builder all = ListCollectionsResponse.newBuilder();
      synchronized (Peer.this) {
        all.addAllCollections(collections.values());
      }
      answer(observer, all.build());
    }

    @Override
    public void delete(
        DeleteCollectionRequest request, StreamObserver<DeleteCollectionResponse> observer) {
      synchronized (Peer.this) {
        collections.remove(request.getName());
      }
      answer(observer, DeleteCollectionResponse.newBuilder().setPoints(pointCount()).build());
    }
  }

  private final class Points extends PointsGrpc.PointsImplBase {
    @Override
    public void upsert(UpsertRequest request, StreamObserver<WriteResponse> observer) {
      upserts.add(request);
      if (refuse(observer)) {
        return;
      }
      WriteResponse written = write(request.getPointsList(), request.getOptions().getRequestId());
      StatusRuntimeException lost = lostAnswers.poll();
      if (lost != null) {
        observer.onError(lost);
      } else {
        answer(observer, written);
      }
    }

    @Override
    public void delete(DeleteRequest request, StreamObserver<WriteResponse> observer) {
      deletes.add(request);
      synchronized (Peer.this) {
        request.getIdsList().forEach(points::remove);
      }
      answer(observer, write(List.of(), request.getOptions().getRequestId()));
    }

    /** Only kept for the test to look at. */
    @Override
    public void updatePayload(
        UpdatePayloadRequest request, StreamObserver<WriteResponse> observer) {
      payloadUpdates.add(request);
      answer(observer, write(List.of(), request.getOptions().getRequestId()));
    }

    @Override
    public void get(GetRequest request, StreamObserver<GetResponse> observer) {
      List<Point> found =
          all().stream().filter(point -> request.getIdsList().contains(point.getId())).toList();
      answer(observer, GetResponse.newBuilder().addAllPoints(found).build());
    }

    @Override
    public void count(CountRequest request, StreamObserver<CountResponse> observer) {
      answer(observer, CountResponse.newBuilder().setCount(pointCount()).build());
    }

    /**
     * The cursor is the number of points before; every other page is empty, which a client must
     * bear.
     */
    @Override
    public void scroll(ScrollRequest request, StreamObserver<ScrollResponse> observer) {
      int cursor = request.getCursor().isEmpty() ? 0 : request.getCursor().byteAt(0);
      List<Point> all = all();
      int from = cursor / 2;
      int to = cursor % 2 == 1 ? from : Math.min(all.size(), from + request.getLimit());
      ScrollResponse.Builder page = ScrollResponse.newBuilder().addAllPoints(all.subList(from, to));
      if (to < all.size()) {
        byte next = (byte) (cursor % 2 == 1 ? to * 2 : to * 2 + 1);
        page.setNextCursor(com.google.protobuf.ByteString.copyFrom(new byte[] {next}));
      }
      answer(observer, page.build());
    }

    @Override
    public StreamObserver<IngestRequest> ingest(StreamObserver<IngestResponse> observer) {
      return new StreamObserver<>() {
        private boolean broken;

        @Override
        public void onNext(IngestRequest batch) {
          if (broken) {
            return;
          }
          Fault fault;
          synchronized (Peer.this) {
            fault = faults.apply(batches.size());
            batches.add(batch);
            if (fault == Fault.HELD) {
              held.add(() -> observer.onNext(written(batch)));
            }
          }
          switch (fault) {
            case NONE -> observer.onNext(written(batch));
            case BREAK_BEFORE -> breakStream();
            case BREAK_AFTER -> {
              written(batch);
              breakStream();
            }
            case OVERLOADED ->
                observer.onNext(
                    refused(batch, Code.RESOURCE_EXHAUSTED, ErrorCode.OVERLOADED, "queue"));
            case REFUSED ->
                observer.onNext(
                    refused(
                        batch,
                        Code.INVALID_ARGUMENT,
                        ErrorCode.DIMENSION_MISMATCH,
                        "points[0].vectors.default"));
            case HELD, SILENT -> {}
          }
        }

        private void breakStream() {
          broken = true;
          observer.onError(unavailable());
        }

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onCompleted() {
          if (!broken) {
            observer.onCompleted();
          }
        }
      };
    }

    private IngestResponse written(IngestRequest batch) {
      return IngestResponse.newBuilder()
          .setBatch(batch.getBatch())
          .setWritten(write(batch.getPointsList(), batch.getOptions().getRequestId()))
          .build();
    }

    private IngestResponse refused(IngestRequest batch, Code code, ErrorCode reason, String field) {
      return IngestResponse.newBuilder()
          .setBatch(batch.getBatch())
          .setError(
              BatchError.newBuilder()
                  .setCode(code.getNumber())
                  .setReason(reason.name())
                  .setField(field)
                  .setMessage("the peer is told to refuse"))
          .build();
    }
  }

  private final class Queries extends QueryGrpc.QueryImplBase {
    @Override
    public void search(SearchRequest request, StreamObserver<SearchResponse> observer) {
      searches.add(request);
      if (!refuse(observer)) {
        answer(observer, search(request));
      }
    }

    @Override
    public void searchBatch(
        SearchBatchRequest request, StreamObserver<SearchBatchResponse> observer) {
      answer(
          observer,
          SearchBatchResponse.newBuilder()
              .addAllResponses(request.getSearchesList().stream().map(this::search).toList())
              .build());
    }

    private SearchResponse search(SearchRequest request) {
      float[] query = PointWire.decode(request.getQuery().getNearest().getVector()).values();
      List<Hit> hits =
          all().stream()
              .map(point -> hit(point, query))
              .sorted(Comparator.comparingDouble(Hit::getScore).reversed())
              .limit(request.getK())
              .toList();
      return SearchResponse.newBuilder()
          .addAllHits(hits)
          .setServedVersion(1)
          .setCoverage(1)
          .build();
    }

    private Hit hit(Point point, float[] query) {
      float[] values = PointWire.decode(point.getVectorsOrThrow("default")).values();
      double score = 0;
      for (int i = 0; i < values.length; i++) {
        score += (double) values[i] * query[i];
      }
      return Hit.newBuilder()
          .setId(point.getId())
          .setScore(score)
          .putAllPayload(point.getPayloadMap())
          .setSeq(point.getSeq())
          .build();
    }
  }

  private final class Admin extends AdminGrpc.AdminImplBase {
    @Override
    public void getServerInfo(
        GetServerInfoRequest request, StreamObserver<GetServerInfoResponse> observer) {
      answer(
          observer,
          GetServerInfoResponse.newBuilder()
              .setVersion("1")
              .setDatabaseId("db")
              .setUptime(Duration.newBuilder().setSeconds(3).setNanos(4))
              .setKernels("plain")
              .setSeq(writes())
              .setReadOnlyReason("disk full")
              .addLimits(Limit.newBuilder().setName("k_max").setValue(10_000))
              .build());
    }

    @Override
    public void getStorageStats(
        GetStorageStatsRequest request, StreamObserver<GetStorageStatsResponse> observer) {
      answer(
          observer,
          GetStorageStatsResponse.newBuilder()
              .setDiskBytes(1)
              .setIndexBytes(2)
              .addCollections(
                  CollectionStorage.newBuilder()
                      .setCollection("books")
                      .setPoints(3)
                      .setIndexBytes(4))
              .build());
    }

    @Override
    public void flush(FlushRequest request, StreamObserver<FlushResponse> observer) {
      answer(observer, FlushResponse.newBuilder().setSeq(writes()).build());
    }
  }
}
