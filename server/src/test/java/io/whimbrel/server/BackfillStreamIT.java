package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.whimbrel.proto.v1.BackfillDown;
import io.whimbrel.proto.v1.BackfillHello;
import io.whimbrel.proto.v1.BackfillUp;
import io.whimbrel.proto.v1.BackfillVector;
import io.whimbrel.proto.v1.CommitBackfillRequest;
import io.whimbrel.proto.v1.CommitOutcome;
import io.whimbrel.proto.v1.CommitResult;
import io.whimbrel.proto.v1.CreateMigrationRequest;
import io.whimbrel.proto.v1.EmbeddingSpec;
import io.whimbrel.proto.v1.Lease;
import io.whimbrel.proto.v1.Metric;
import io.whimbrel.proto.v1.Migration;
import io.whimbrel.proto.v1.MigrationRef;
import io.whimbrel.proto.v1.MigrationState;
import io.whimbrel.proto.v1.MigrationsGrpc;
import io.whimbrel.proto.v1.Model;
import io.whimbrel.proto.v1.Vector;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The backfill stream as a worker of another language would use it.
class BackfillStreamIT {
  @TempDir Path directory;
  private RunningServer running;
  private MigrationsGrpc.MigrationsBlockingStub migrations;
  private Migration migration;

  @BeforeEach
  void start() throws Exception {
    running = new RunningServer(directory, Map.of());
    migrations = MigrationsGrpc.newBlockingStub(running.channel);
    running.create("docs", Metric.METRIC_DOT);
    for (int i = 0; i < 5; i++) {
      var _ =
          running.points.upsert(
              RunningServer.upsert(
                  "docs", RunningServer.point("p" + i, RunningServer.vector(1, 0, 0))));
    }
    migration =
        migrations.create(
            CreateMigrationRequest.newBuilder()
                .setCollection("docs")
                .setTo(
                    EmbeddingSpec.newBuilder()
                        .setDimension(2)
                        .setMetric(Metric.METRIC_DOT)
                        .setModel(Model.newBuilder().setName("new")))
                .setAutoStart(true)
                .build());
  }

  @AfterEach
  void stop() {
    running.close();
  }

  @Test
  void leasesComeAsWantedAndCommitsAreAnswered() throws Exception {
    Worker worker = new Worker();
    worker.hello();
    worker.up.onNext(BackfillUp.newBuilder().setWant(3).build());
    List<Lease> leases = worker.leases(3);
    worker.up.onNext(commit(leases));
    List<CommitResult> results = worker.next().getAcks().getResultsList();
    assertThat(results)
        .hasSize(3)
        .allMatch(result -> result.getOutcome() == CommitOutcome.COMMIT_OUTCOME_STORED);
    worker.up.onNext(BackfillUp.newBuilder().setWant(10).build());
    List<Lease> rest = worker.leases(2);
    worker.up.onNext(commit(rest));
    assertThat(worker.next().getAcks().getResultsCount()).isEqualTo(2);
    assertThat(worker.next().getLeases().getDrained()).isTrue();
    worker.up.onCompleted();
    assertThat(worker.end()).isEqualTo(Status.OK);
    assertThat(get().getProgress().getDone()).isEqualTo(5);
  }

  @Test
  void aStreamThatBreaksGivesItsPointsBack() throws Exception {
    Worker worker = new Worker();
    worker.hello();
    worker.up.onNext(BackfillUp.newBuilder().setWant(5).build());
    worker.leases(5);
    worker.up.onError(Status.CANCELLED.asRuntimeException());

    Worker next = new Worker();
    next.hello();
    next.up.onNext(BackfillUp.newBuilder().setWant(5).build());
    assertThat(next.leases(5)).hasSize(5);
    next.up.onCompleted();
    assertThat(next.end()).isEqualTo(Status.OK);
  }

  @Test
  void whatComesInTheWrongOrderEndsTheStream() throws Exception {
    Worker early = new Worker();
    early.up.onNext(BackfillUp.newBuilder().setWant(1).build());
    assertThat(early.end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);

    Worker greedy = new Worker();
    greedy.hello();
    greedy.up.onNext(BackfillUp.newBuilder().setWant(1_001).build());
    assertThat(greedy.end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);

    Worker lost = new Worker();
    lost.up.onNext(
        BackfillUp.newBuilder().setHello(BackfillHello.newBuilder().setId("m-0")).build());
    assertThat(lost.end().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(get().getState()).isEqualTo(MigrationState.MIGRATION_STATE_BACKFILLING);
  }

  private Migration get() {
    return migrations.get(MigrationRef.newBuilder().setId(migration.getId()).build());
  }

  private BackfillUp commit(List<Lease> leases) {
    CommitBackfillRequest.Builder commit = CommitBackfillRequest.newBuilder();
    leases.forEach(lease ->
        commit.addVectors(
            BackfillVector.newBuilder()
                .setId(lease.getId())
                .setSeq(lease.getSeq())
                .setContentHash(lease.getContentHash())
                .setVector(
                    Vector.newBuilder()
                        .addFloats(0)
                        .addFloats(1)
                        .setSpaceId(migration.getTo().getSpaceId()))));
    return BackfillUp.newBuilder().setCommit(commit).build();
  }

  /// One stream; what comes down waits in a queue, the end as a status.
  private final class Worker implements StreamObserver<BackfillDown> {
    private final BlockingQueue<Object> down = new LinkedBlockingQueue<>();
    private final StreamObserver<BackfillUp> up =
        MigrationsGrpc.newStub(running.channel).backfill(this);

    void hello() {
      up.onNext(
          BackfillUp.newBuilder()
              .setHello(BackfillHello.newBuilder().setId(migration.getId()).setWorker("test"))
              .build());
    }

    List<Lease> leases(int count) throws InterruptedException {
      List<Lease> leases = new ArrayList<>();
      while (leases.size() < count) {
        leases.addAll(next().getLeases().getLeasesList());
      }
      return leases;
    }

    BackfillDown next() throws InterruptedException {
      Object next = poll();
      assertThat(next).isInstanceOf(BackfillDown.class);
      return (BackfillDown) next;
    }

    private Object poll() throws InterruptedException {
      return Objects.requireNonNull(down.poll(60, TimeUnit.SECONDS), "nothing came down");
    }

    Status end() throws InterruptedException {
      Object next = poll();
      while (next instanceof BackfillDown) {
        next = poll();
      }
      assertThat(next).isInstanceOf(Status.class);
      return (Status) next;
    }

    @Override
    public void onNext(BackfillDown message) {
      down.add(message);
    }

    @Override
    public void onError(Throwable failure) {
      down.add(
          failure instanceof StatusRuntimeException e
              ? e.getStatus()
              : Status.UNKNOWN.withCause(failure));
    }

    @Override
    public void onCompleted() {
      down.add(Status.OK);
    }
  }
}
