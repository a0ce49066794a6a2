package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.CountResponse;
import io.whimbrel.proto.v1.DeleteRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.GetResponse;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.ScrollResponse;
import io.whimbrel.proto.v1.UpdatePayloadRequest;
import io.whimbrel.proto.v1.UpsertRequest;
import io.whimbrel.proto.v1.WriteResponse;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPools;
import io.whimbrel.server.wire.PageWire;
import io.whimbrel.server.wire.QueryWire;
import io.whimbrel.server.wire.WriteWire;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// Points by id.
final class PointsService extends PointsGrpc.PointsImplBase {
  private final Database database;
  private final WorkPools pools;
  private final ServerLimits limits;
  private final Set<IngestStream> streams = ConcurrentHashMap.newKeySet();
  private volatile boolean draining;

  PointsService(Database database, WorkPools pools, ServerLimits limits) {
    this.database = database;
    this.pools = pools;
    this.limits = limits;
  }

  @Override
  public void upsert(UpsertRequest request, StreamObserver<WriteResponse> call) {
    write(call, () -> WriteWire.write(request));
  }

  @Override
  public void delete(DeleteRequest request, StreamObserver<WriteResponse> call) {
    if (!request.hasFilter()) {
      write(call, () -> WriteWire.write(request));
      return;
    }
    Calls.answer(pools.write(), call, () -> deleteMatching(WriteWire.deleteMatching(request)));
  }

  private WriteResponse deleteMatching(WriteWire.DeleteMatching delete) {
    Context context = Context.current();
    if (!delete.dryRun()) {
      return WriteWire.message(
          database.deleteMatching(
              delete.collection(),
              delete.filter(),
              delete.durability(),
              () -> Calls.abandoned(context)));
    }
    long seq = database.seq();
    long count =
        database.count(delete.collection(), delete.filter(), 0, () -> Calls.abandoned(context));
    return WriteWire.message(new WriteResult(seq, count, delete.durability(), 0, false));
  }

  @Override
  public void updatePayload(UpdatePayloadRequest request, StreamObserver<WriteResponse> call) {
    write(call, () -> WriteWire.write(request));
  }

  private void write(StreamObserver<WriteResponse> call, Supplier<WriteWire.Write> request) {
    Calls.answerLater(
        pools.write(),
        call,
        () -> {
          WriteWire.Write write = request.get();
          return database
              .write(write.collection(), write.mutation(), write.options())
              .thenApply(WriteWire::message);
        });
  }

  @Override
  public StreamObserver<IngestRequest> ingest(StreamObserver<IngestResponse> call) {
    IngestStream stream =
        new IngestStream(
            database,
            pools.write().openLane(limits.ingestBatchesInFlightMax()),
            limits.ingestBatchesInFlightMax(),
            (ServerCallStreamObserver<IngestResponse>) call,
            streams::remove);
    stream.start();
    streams.add(stream);
    // Looked at after the stream is in the set, as drain() does it the other way round: one of both
    // sees the other.
    if (draining) {
      stream.drain();
    }
    return stream;
  }

  /// Lets every bulk-write stream answer what it has read and end.
  void drain() {
    draining = true;
    streams.forEach(IngestStream::drain);
  }

  @Override
  public void get(GetRequest request, StreamObserver<GetResponse> call) {
    Calls.answer(
        pools.search(),
        call,
        () -> {
          QueryWire.Get get = QueryWire.get(request);
          // Taken before the read, so that the answer never claims more than it shows.
          long seq = Math.max(database.seq(), get.read().minSeq());
          return PageWire.get(database.get(get.collection(), get.ids(), get.read()), seq);
        });
  }

  @Override
  public void scroll(ScrollRequest request, StreamObserver<ScrollResponse> call) {
    Calls.answer(
        pools.search(),
        call,
        () -> {
          QueryWire.Scroll scroll = QueryWire.scroll(request);
          Page page =
              database.scroll(
                  scroll.collection(),
                  scroll.cursor().toByteArray(),
                  scroll.limit(),
                  scroll.filter(),
                  scroll.slice(),
                  scroll.read());
          return PageWire.scroll(page);
        });
  }

  @Override
  public void count(CountRequest request, StreamObserver<CountResponse> call) {
    Calls.answer(
        pools.search(),
        call,
        () -> {
          QueryWire.Count count = QueryWire.count(request);
          long seq = Math.max(database.seq(), count.minSeq());
          Context context = Context.current();
          long points =
              database.count(
                  count.collection(),
                  count.filter(),
                  count.minSeq(),
                  () -> Calls.abandoned(context));
          return CountResponse.newBuilder().setCount(points).setSeq(seq).build();
        });
  }
}
