package io.whimbrel.server.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Migrations;
import io.whimbrel.core.model.BackfillFailure;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.BackfillDown;
import io.whimbrel.proto.v1.BackfillHello;
import io.whimbrel.proto.v1.BackfillUp;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.MigrationWire;
import io.whimbrel.server.wire.StatusMapper;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One stream of a backfill worker: leases down, vectors up.
///
/// Messages are worked on one after the other on the stream's lane; the next is read when one is
/// done, so at most a few are in memory. All mutable state is guarded by `this`. Points that are
/// out when the stream ends are given back at once, so that they need not wait for their lease to
/// run out.
final class BackfillStream implements StreamObserver<BackfillUp> {
  /// Tasks that may wait on the lane: one read message, one turn of leasing, the giving back.
  static final int TASKS_MAX = 4;

  private static final Logger LOG = LoggerFactory.getLogger(BackfillStream.class);
  private static final Duration POLL_MIN = Duration.ofMillis(50);
  private static final Duration POLL_MAX = Duration.ofSeconds(5);

  private final Migrations migrations;
  private final WorkPool.Lane lane;
  private final ServerCallStreamObserver<BackfillDown> call;
  private final Consumer<BackfillStream> onEnd;

  private final Set<PointId> out = new HashSet<>();
  private @Nullable BackfillHello hello;
  private int wanted;
  private boolean leasing;
  private boolean working;
  private boolean halfClosed;
  private boolean draining;
  private boolean ended;

  BackfillStream(
      Migrations migrations,
      WorkPool.Lane lane,
      ServerCallStreamObserver<BackfillDown> call,
      Consumer<BackfillStream> onEnd) {
    this.migrations = migrations;
    this.lane = lane;
    this.call = call;
    this.onEnd = onEnd;
  }

  /// Begins to read. Must be called before the service method returns.
  void start() {
    call.disableAutoRequest();
    call.setOnReadyHandler(this::leaseSoon);
    call.setOnCancelHandler(this::end);
    call.request(1);
  }

  @Override
  public synchronized void onNext(BackfillUp message) {
    if (ended) {
      return;
    }
    working = true;
    lane.execute(() -> work(message));
  }

  @Override
  public synchronized void onCompleted() {
    halfClosed = true;
    endWhenDone();
  }

  @Override
  public void onError(Throwable clientLeft) {
    end();
  }

  /// Hands out no more; the worker ends the stream when it has committed what is out.
  synchronized void drain() {
    if (!ended && !draining) {
      draining = true;
      call.onNext(BackfillDown.newBuilder().setDrain("the server is stopping").build());
    }
  }

  private void work(BackfillUp message) {
    try {
      switch (message.getMessageCase()) {
        case HELLO -> hello(message.getHello());
        case WANT -> want(message.getWant());
        case COMMIT -> {
          BackfillHello worker = worker();
          MigrationWire.Commit commit =
              MigrationWire.commit(
                  message.getCommit().toBuilder()
                      .setId(worker.getId())
                      .setSide(worker.getSide())
                      .build());
          settle(migrations.commit(commit.id(), commit.side(), commit.commits()));
          return;
        }
        case RELEASE -> {
          BackfillHello worker = worker();
          MigrationWire.Release release =
              MigrationWire.release(
                  message.getRelease().toBuilder()
                      .setId(worker.getId())
                      .setSide(worker.getSide())
                      .build());
          settle(migrations.release(release.id(), release.side(), release.failures()));
          return;
        }
        case MESSAGE_NOT_SET ->
            throw WhimbrelException.of(
                ErrorCode.INVALID_ARGUMENT,
                "message",
                "not given",
                "hello, want, commit or release");
      }
      done();
    } catch (RuntimeException e) {
      fail(e);
    }
  }

  private synchronized void hello(BackfillHello message) {
    if (hello != null) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "hello", "given twice", "one hello, first of all");
    }
    MigrationWire.id(message.getId());
    MigrationWire.worker(message.getWorker());
    MigrationWire.leaseTtl(message.getLeaseSeconds());
    MigrationWire.side(message.getSide(), message.getSideValue());
    migrations.get(message.getId());
    LOG.debug("worker {} joins migration {}", message.getWorker(), message.getId());
    hello = message;
  }

  private synchronized BackfillHello worker() {
    if (hello == null) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "hello", "not given", "a hello, first of all");
    }
    return hello;
  }

  private synchronized void want(int points) {
    worker();
    int max = MigrationWire.BACKFILL_POINTS_MAX;
    if (points < 1 || points > max - wanted - out.size()) {
      throw WhimbrelException.of(
          points < 1 ? ErrorCode.INVALID_ARGUMENT : ErrorCode.LIMIT_EXCEEDED,
          "want",
          Integer.toUnsignedString(points)
              + " beside "
              + (wanted + out.size())
              + " that are wanted or out",
          "at least 1, and at most " + max + " in all");
    }
    wanted += points;
    leaseSoon();
  }

  private void settle(CompletableFuture<List<CommitResult>> outcome) {
    var _ =
        outcome.whenComplete((results, failure) -> {
          if (failure != null) {
            fail(failure);
            return;
          }
          synchronized (this) {
            results.forEach(result -> out.remove(result.id()));
            if (!ended) {
              call.onNext(
                  BackfillDown.newBuilder().setAcks(MigrationWire.committed(results)).build());
            }
          }
          done();
        });
  }

  private synchronized void done() {
    working = false;
    endWhenDone();
    if (!ended && !halfClosed) {
      call.request(1);
    }
  }

  /// One turn of leasing at a time, and none while the worker does not read.
  private synchronized void leaseSoon() {
    if (!ended && !draining && !halfClosed && !leasing && wanted > 0 && call.isReady()) {
      leasing = true;
      lane.execute(this::lease);
    }
  }

  private void lease() {
    try {
      BackfillHello worker = worker();
      int points;
      synchronized (this) {
        points = Math.min(wanted, MigrationWire.BACKFILL_POINTS_MAX);
      }
      BackfillLeases leases =
          migrations.lease(
              worker.getId(),
              MigrationWire.side(worker.getSide(), worker.getSideValue()),
              points,
              MigrationWire.leaseTtl(worker.getLeaseSeconds()));
      take(leases);
    } catch (RuntimeException e) {
      fail(e);
    }
  }

  private synchronized void take(BackfillLeases leases) {
    if (ended) {
      // Came too late: what was leased for this stream goes back.
      leases.leases().stream().map(BackfillLease::id).forEach(out::add);
      giveBack();
      return;
    }
    leases.leases().forEach(lease -> out.add(lease.id()));
    wanted -= leases.leases().size();
    if (!leases.leases().isEmpty() || leases.drained()) {
      call.onNext(BackfillDown.newBuilder().setLeases(MigrationWire.message(leases)).build());
    }
    if (!leases.leases().isEmpty()) {
      leasing = false;
      leaseSoon();
      return;
    }
    Duration wait = leases.retryAfter().compareTo(POLL_MIN) < 0 ? POLL_MIN : leases.retryAfter();
    wait = wait.compareTo(POLL_MAX) > 0 ? POLL_MAX : wait;
    CompletableFuture.delayedExecutor(wait.toMillis(), TimeUnit.MILLISECONDS)
        .execute(() -> {
          synchronized (this) {
            leasing = false;
            leaseSoon();
          }
        });
  }

  private synchronized void endWhenDone() {
    if (halfClosed && !working && !ended) {
      end();
      call.onCompleted();
    }
  }

  private synchronized void fail(Throwable failure) {
    if (!ended) {
      end();
      call.onError(StatusMapper.exception(failure));
    }
  }

  private synchronized void end() {
    if (!ended) {
      ended = true;
      giveBack();
      lane.close();
      onEnd.accept(this);
    }
  }

  private void giveBack() {
    BackfillHello worker = hello;
    if (worker == null || out.isEmpty()) {
      return;
    }
    List<BackfillFailure> failures =
        out.stream().map(id -> new BackfillFailure(id, "", false, Duration.ZERO)).toList();
    out.clear();
    try {
      var _ =
          migrations.release(
              worker.getId(),
              MigrationWire.side(worker.getSide(), worker.getSideValue()),
              failures);
    } catch (WhimbrelException e) {
      // The migration has ended or the server stops: the leases run out by themselves.
    }
  }
}
