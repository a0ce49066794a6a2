package io.whimbrel.server.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.WriteResponse;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.StatusMapper;
import io.whimbrel.server.wire.WriteWire;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One bulk-write stream.
///
/// gRPC is asked for one more message only when a batch has been answered and the client reads its
/// answers, so at most `batchesInFlightMax` batches are in memory. Batches are submitted one after
/// the other on the stream's lane, hence applied in the order in which they came; they wait for
/// stable storage together. Answers are sent in that order too. All mutable state is guarded by
/// `this`; gRPC's threads, the lane and the store's completing thread all come in.
final class IngestStream implements StreamObserver<IngestRequest> {
  private final Database database;
  private final WorkPool.Lane lane;
  private final int batchesInFlightMax;
  private final ServerCallStreamObserver<IngestResponse> call;
  private final Consumer<IngestStream> onEnd;

  private final ArrayDeque<Batch> inFlight = new ArrayDeque<>();
  // Answered batches whose place has not been given to a new one yet.
  private int places;
  private String collection = "";
  private boolean halfClosed;
  private boolean draining;
  private boolean ended;

  private static final class Batch {
    private @Nullable IngestResponse answer;
  }

  IngestStream(
      Database database,
      WorkPool.Lane lane,
      int batchesInFlightMax,
      ServerCallStreamObserver<IngestResponse> call,
      Consumer<IngestStream> onEnd) {
    this.database = database;
    this.lane = lane;
    this.batchesInFlightMax = batchesInFlightMax;
    this.call = call;
    this.onEnd = onEnd;
  }

  /// Begins to read. Must be called before the service method returns, since handlers cannot be set
  /// later.
  void start() {
    call.disableAutoRequest();
    call.setOnReadyHandler(this::readMore);
    call.setOnCancelHandler(this::end);
    call.request(batchesInFlightMax);
  }

  @Override
  public synchronized void onNext(IngestRequest request) {
    // A batch that arrives while the server stops is not taken: without an answer it is not
    // acknowledged.
    if (ended || draining) {
      return;
    }
    if (collection.isEmpty()) {
      if (request.getCollection().isEmpty()) {
        fail(
            WhimbrelException.of(
                ErrorCode.INVALID_ARGUMENT,
                "collection",
                "not given",
                "the name of a collection in the first message"));
        return;
      }
      collection = request.getCollection();
    }
    Batch batch = new Batch();
    inFlight.add(batch);
    String target = collection;
    lane.execute(() -> submit(target, batch, request));
  }

  @Override
  public synchronized void onCompleted() {
    halfClosed = true;
    endWhenAnswered();
  }

  @Override
  public void onError(Throwable clientLeft) {
    end();
  }

  /// Takes no more batches; the stream ends with UNAVAILABLE once those it took are answered.
  synchronized void drain() {
    draining = true;
    endWhenAnswered();
  }

  private void submit(String target, Batch batch, IngestRequest request) {
    CompletableFuture<WriteResponse> outcome;
    try {
      String named = request.getCollection();
      if (!named.isEmpty() && !named.equals(target)) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "collection",
            '"' + named + '"',
            '"' + target + "\", as in the first message");
      }
      WriteWire.Write write = WriteWire.write(target, request);
      outcome =
          database
              .write(write.collection(), write.mutation(), write.options())
              .thenApply(WriteWire::message);
    } catch (Throwable t) {
      outcome = CompletableFuture.failedFuture(t);
    }
    var _ = outcome.whenComplete((done, failure) -> settle(batch, answer(request, done, failure)));
  }

  private static IngestResponse answer(
      IngestRequest request, @Nullable WriteResponse done, @Nullable Throwable failure) {
    IngestResponse.Builder answer = IngestResponse.newBuilder().setBatch(request.getBatch());
    return failure == null
        ? answer.setWritten(done).build()
        : answer.setError(StatusMapper.batchError(failure)).build();
  }

  private synchronized void settle(Batch batch, IngestResponse answer) {
    batch.answer = answer;
    while (!ended && !inFlight.isEmpty()) {
      IngestResponse next = inFlight.element().answer;
      if (next == null) {
        break;
      }
      inFlight.remove();
      call.onNext(next);
      places++;
    }
    readMore();
    endWhenAnswered();
  }

  // Answers that the client does not read stay with us: no new batch until the transport takes
  // them.
  private synchronized void readMore() {
    if (!ended && !draining && places > 0 && call.isReady()) {
      int free = places;
      places = 0;
      call.request(free);
    }
  }

  private synchronized void endWhenAnswered() {
    if (ended || !inFlight.isEmpty()) {
      return;
    }
    if (halfClosed) {
      end();
      call.onCompleted();
    } else if (draining) {
      fail(WhimbrelException.of(ErrorCode.UNAVAILABLE, "server", "stopping", "a running server"));
    }
  }

  private void fail(WhimbrelException refusal) {
    end();
    call.onError(StatusMapper.exception(refusal));
  }

  private synchronized void end() {
    if (!ended) {
      ended = true;
      inFlight.clear();
      lane.close();
      onEnd.accept(this);
    }
  }
}
