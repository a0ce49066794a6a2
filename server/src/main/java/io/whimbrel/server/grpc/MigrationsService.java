package io.whimbrel.server.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.engine.Migrations;
import io.whimbrel.core.engine.Traffic;
import io.whimbrel.core.engine.Verifications;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.ScheduleStatus;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.BackfillDown;
import io.whimbrel.proto.v1.BackfillUp;
import io.whimbrel.proto.v1.CancelMigrationRequest;
import io.whimbrel.proto.v1.CommitBackfillRequest;
import io.whimbrel.proto.v1.CommitBackfillResponse;
import io.whimbrel.proto.v1.CompleteMigrationRequest;
import io.whimbrel.proto.v1.CreateMigrationRequest;
import io.whimbrel.proto.v1.LeaseBackfillRequest;
import io.whimbrel.proto.v1.LeaseBackfillResponse;
import io.whimbrel.proto.v1.ListDeadLettersRequest;
import io.whimbrel.proto.v1.ListDeadLettersResponse;
import io.whimbrel.proto.v1.ListMigrationsRequest;
import io.whimbrel.proto.v1.ListMigrationsResponse;
import io.whimbrel.proto.v1.MigrationPlan;
import io.whimbrel.proto.v1.MigrationRef;
import io.whimbrel.proto.v1.MigrationsGrpc;
import io.whimbrel.proto.v1.MirrorTrafficRequest;
import io.whimbrel.proto.v1.PlanMigrationRequest;
import io.whimbrel.proto.v1.RecordFeedbackRequest;
import io.whimbrel.proto.v1.RecordFeedbackResponse;
import io.whimbrel.proto.v1.ReleaseBackfillRequest;
import io.whimbrel.proto.v1.ReleaseBackfillResponse;
import io.whimbrel.proto.v1.ReverseTrafficRequest;
import io.whimbrel.proto.v1.RoutingPolicyRef;
import io.whimbrel.proto.v1.SetThrottleRequest;
import io.whimbrel.proto.v1.StartVDiffRequest;
import io.whimbrel.proto.v1.SwitchTrafficRequest;
import io.whimbrel.proto.v1.WatchMigrationRequest;
import io.whimbrel.server.ops.ServerLimits;
import io.whimbrel.server.ops.WorkPools;
import io.whimbrel.server.wire.MigrationWire;
import io.whimbrel.server.wire.TrafficWire;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Migrations: thin, every decision is the core's.
final class MigrationsService extends MigrationsGrpc.MigrationsImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationsService.class);
  private static final Duration POLICY_INTERVAL = Duration.ofMillis(100);

  private final Migrations migrations;
  private final Verifications verifications;
  private final Traffic traffic;
  private final WorkPools pools;
  private final Watches watches = new Watches(ServerLimits.WATCHES_MAX);
  private final Set<BackfillStream> streams = ConcurrentHashMap.newKeySet();
  private volatile boolean draining;

  MigrationsService(Database database, WorkPools pools) {
    this.migrations = database.migrations();
    this.verifications = database.verifications();
    this.traffic = database.traffic();
    this.pools = pools;
  }

  @Override
  public void plan(PlanMigrationRequest request, StreamObserver<MigrationPlan> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Plan plan = MigrationWire.plan(request);
          return MigrationWire.message(migrations.plan(plan.spec()), plan);
        });
  }

  @Override
  public void create(
      CreateMigrationRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Create create = MigrationWire.create(request, Callers.current());
          return message(migrations.create(create.spec(), create.start(), create.note()));
        });
  }

  @Override
  public void start(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.start(verb.id(), verb.note()));
  }

  @Override
  public void get(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          String id = MigrationWire.verb(request, Callers.current()).id();
          io.whimbrel.proto.v1.Migration.Builder answer =
              MigrationWire.message(migrations.get(id))
                  .addAllHistory(MigrationWire.history(migrations.history(id)));
          verifications.get(id).map(TrafficWire::message).ifPresent(answer::setVdiff);
          traffic
              .mirrorReport(id)
              .ifPresent(report ->
                  answer.setMirrorPercent(report.percent()).setMirror(TrafficWire.message(report)));
          traffic.scheduleStatus(id).map(TrafficWire::message).ifPresent(answer::setSchedule);
          return answer.build();
        });
  }

  @Override
  public void list(ListMigrationsRequest request, StreamObserver<ListMigrationsResponse> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          ListMigrationsResponse.Builder answer = ListMigrationsResponse.newBuilder();
          migrations
              .list(MigrationWire.list(request))
              .forEach(migration -> answer.addMigrations(message(migration)));
          return answer.build();
        });
  }

  @Override
  public void watch(
      WatchMigrationRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    MigrationWire.Watch watch = MigrationWire.watch(request);
    watches.open(
        call,
        watch.interval(),
        new Watches.Source<>() {
          @Override
          public io.whimbrel.proto.v1.Migration next(
              Optional<io.whimbrel.proto.v1.Migration> last, Duration wait) {
            // Progress changes without a new revision, so the answer may come by time alone.
            return message(
                last.isEmpty()
                    ? migrations.get(watch.id())
                    : migrations.await(watch.id(), last.get().getRevision(), wait));
          }

          @Override
          public boolean last(io.whimbrel.proto.v1.Migration value) {
            return switch (value.getState()) {
              case MIGRATION_STATE_COMPLETED, MIGRATION_STATE_CANCELLED -> true;
              default -> false;
            };
          }
        });
  }

  @Override
  public void pause(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.pause(verb.id(), verb.note()));
  }

  @Override
  public void resume(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.resume(verb.id(), verb.note()));
  }

  @Override
  public void setThrottle(
      SetThrottleRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.SetThrottle set = MigrationWire.throttle(request, Callers.current());
          return message(migrations.setThrottle(set.id(), set.throttle(), set.note()));
        });
  }

  @Override
  public void leaseBackfill(
      LeaseBackfillRequest request, StreamObserver<LeaseBackfillResponse> call) {
    Calls.answer(
        pools.write(),
        call,
        () -> {
          MigrationWire.LeaseWork lease = MigrationWire.lease(request);
          BackfillLeases leases =
              migrations.lease(lease.id(), lease.side(), lease.points(), lease.ttl());
          LOG.debug(
              "worker {} leases {} points of migration {}",
              lease.worker(),
              leases.leases().size(),
              lease.id());
          return MigrationWire.message(leases);
        });
  }

  @Override
  public void commitBackfill(
      CommitBackfillRequest request, StreamObserver<CommitBackfillResponse> call) {
    Calls.answerLater(
        pools.write(),
        call,
        () -> {
          MigrationWire.Commit commit = MigrationWire.commit(request);
          return migrations
              .commit(commit.id(), commit.side(), commit.commits())
              .thenApply(MigrationWire::committed);
        });
  }

  @Override
  public void releaseBackfill(
      ReleaseBackfillRequest request, StreamObserver<ReleaseBackfillResponse> call) {
    Calls.answerLater(
        pools.write(),
        call,
        () -> {
          MigrationWire.Release release = MigrationWire.release(request);
          return migrations
              .release(release.id(), release.side(), release.failures())
              .thenApply(MigrationWire::released);
        });
  }

  @Override
  public StreamObserver<BackfillUp> backfill(StreamObserver<BackfillDown> call) {
    BackfillStream stream =
        new BackfillStream(
            migrations,
            pools.write().openLane(BackfillStream.TASKS_MAX),
            (ServerCallStreamObserver<BackfillDown>) call,
            streams::remove);
    stream.start();
    streams.add(stream);
    // Looked at after the stream is in the set, as drain() does it the other way round.
    if (draining) {
      stream.drain();
    }
    return stream;
  }

  @Override
  public void listDeadLetters(
      ListDeadLettersRequest request, StreamObserver<ListDeadLettersResponse> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.DeadLetterQuery query = MigrationWire.deadLetters(request);
          return MigrationWire.message(
              migrations.deadLetters(query.id(), query.cursor(), query.limit()));
        });
  }

  @Override
  public void retryDeadLetters(
      MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.retryDeadLetters(verb.id(), verb.note()));
  }

  @Override
  public void waiveDeadLetters(
      MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.waiveDeadLetters(verb.id(), verb.note()));
  }

  @Override
  public void skipVerification(
      MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.skipVerification(verb.id(), verb.note()));
  }

  @Override
  public void startVDiff(
      StartVDiffRequest request, StreamObserver<io.whimbrel.proto.v1.VDiff> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Verb verb = TrafficWire.vdiff(request, Callers.current());
          return TrafficWire.message(verifications.start(verb.id(), verb.note()));
        });
  }

  @Override
  public void getVDiff(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.VDiff> call) {
    vdiff(
        request,
        call,
        id ->
            verifications
                .get(id)
                .orElseThrow(() ->
                    WhimbrelException.of(
                        ErrorCode.MIGRATION_STATE,
                        "vdiff",
                        "none of migration " + id,
                        "a comparison that was started")));
  }

  @Override
  public void stopVDiff(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.VDiff> call) {
    vdiff(request, call, verifications::stop);
  }

  @Override
  public void resumeVDiff(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.VDiff> call) {
    vdiff(request, call, verifications::resume);
  }

  @Override
  public void deleteVDiff(
      MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(
        request,
        call,
        (verb, m) -> {
          verifications.delete(verb.id());
          return m.get(verb.id());
        });
  }

  private void vdiff(
      MigrationRef request,
      StreamObserver<io.whimbrel.proto.v1.VDiff> call,
      Function<String, VDiff> step) {
    Calls.answer(
        pools.admin(),
        call,
        () -> TrafficWire.message(step.apply(MigrationWire.verb(request, Callers.current()).id())));
  }

  @Override
  public void mirrorTraffic(
      MirrorTrafficRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          TrafficWire.Mirror mirror = TrafficWire.mirror(request);
          MirrorReport report = traffic.mirror(mirror.id(), mirror.percent(), mirror.deadline());
          return MigrationWire.message(migrations.get(mirror.id()))
              .setMirrorPercent(report.percent())
              .setMirror(TrafficWire.message(report))
              .build();
        });
  }

  @Override
  public void recordFeedback(
      RecordFeedbackRequest request, StreamObserver<RecordFeedbackResponse> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          TrafficWire.Feedback feedback = TrafficWire.feedback(request);
          traffic.recordFeedback(feedback.id(), feedback.version(), feedback.good());
          return RecordFeedbackResponse.getDefaultInstance();
        });
  }

  @Override
  public void switchTraffic(
      SwitchTrafficRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Verb verb = MigrationWire.verb(request, Callers.current());
          if (request.hasSchedule()) {
            TrafficSchedule schedule = TrafficWire.schedule(request);
            ScheduleStatus status =
                traffic.schedule(verb.id(), schedule, request.getExpectedEpoch(), verb.note());
            return MigrationWire.message(migrations.get(verb.id()))
                .setSchedule(TrafficWire.message(status))
                .build();
          }
          return message(
              migrations.switchTraffic(
                  verb.id(),
                  MigrationWire.basisPoints(request),
                  request.getExpectedEpoch(),
                  request.getDryRun(),
                  verb.note()));
        });
  }

  @Override
  public void postpone(MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.postpone(verb.id(), true, verb.note()));
  }

  @Override
  public void unpostpone(
      MigrationRef request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    verb(request, call, (verb, m) -> m.postpone(verb.id(), false, verb.note()));
  }

  @Override
  public void reverseTraffic(
      ReverseTrafficRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Verb verb = MigrationWire.verb(request, Callers.current());
          return message(migrations.reverseTraffic(verb.id(), verb.note()));
        });
  }

  @Override
  public void complete(
      CompleteMigrationRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Complete complete = MigrationWire.complete(request, Callers.current());
          return message(
              migrations.complete(
                  complete.id(),
                  complete.confirmCollection(),
                  complete.keepData(),
                  complete.force(),
                  complete.note()));
        });
  }

  @Override
  public void cancel(
      CancelMigrationRequest request, StreamObserver<io.whimbrel.proto.v1.Migration> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.Cancel cancel = MigrationWire.cancel(request, Callers.current());
          return message(migrations.cancel(cancel.id(), cancel.keepData(), cancel.note()));
        });
  }

  @Override
  public void getRoutingPolicy(
      RoutingPolicyRef request, StreamObserver<io.whimbrel.proto.v1.RoutingPolicy> call) {
    Calls.answer(
        pools.admin(),
        call,
        () -> {
          MigrationWire.PolicyOf of = MigrationWire.policy(request);
          return MigrationWire.message(migrations.policy(of.collection(), of.field()));
        });
  }

  @Override
  public void watchRoutingPolicy(
      RoutingPolicyRef request, StreamObserver<io.whimbrel.proto.v1.RoutingPolicy> call) {
    MigrationWire.PolicyOf of = MigrationWire.policy(request);
    watches.open(
        call,
        POLICY_INTERVAL,
        new Watches.Source<>() {
          @Override
          public io.whimbrel.proto.v1.RoutingPolicy next(
              Optional<io.whimbrel.proto.v1.RoutingPolicy> last, Duration wait) {
            RoutingPolicy policy =
                last.isEmpty()
                    ? migrations.policy(of.collection(), of.field())
                    : migrations.awaitPolicy(
                        of.collection(), of.field(), last.get().getEpoch(), wait);
            return MigrationWire.message(policy);
          }

          @Override
          public boolean last(io.whimbrel.proto.v1.RoutingPolicy value) {
            return false;
          }
        });
  }

  /// Lets every stream answer what it has read and end.
  void drain() {
    draining = true;
    watches.drain();
    streams.forEach(BackfillStream::drain);
  }

  private void verb(
      MigrationRef request,
      StreamObserver<io.whimbrel.proto.v1.Migration> call,
      BiFunction<MigrationWire.Verb, Migrations, Migration> step) {
    Calls.answer(
        pools.admin(),
        call,
        () -> message(step.apply(MigrationWire.verb(request, Callers.current()), migrations)));
  }

  private static io.whimbrel.proto.v1.Migration message(Migration migration) {
    return MigrationWire.message(migration).build();
  }
}
