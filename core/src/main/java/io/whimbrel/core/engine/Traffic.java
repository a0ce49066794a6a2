package io.whimbrel.core.engine;

import io.whimbrel.core.collection.Notes;
import io.whimbrel.core.evaluation.EvaluationOptions;
import io.whimbrel.core.evaluation.EvaluationReport;
import io.whimbrel.core.evaluation.Verdict;
import io.whimbrel.core.memory.YieldingThreads;
import io.whimbrel.core.migration.RoutingBuckets;
import io.whimbrel.core.migration.ShadowReads;
import io.whimbrel.core.migration.TrafficController;
import io.whimbrel.core.migration.TrafficController.Decision;
import io.whimbrel.core.migration.TrafficController.Quality;
import io.whimbrel.core.migration.TrafficSignals;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.MirrorReport;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.ScheduleStatus;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Watches the searches of fields in migration: moves traffic by schedules, takes it back when a
/// gate is passed, and mirrors searches to the new version.
///
/// A schedule only asks for what an operator could ask for, through [Migrations]; it never
/// completes a migration. Its place is durable; windows are counted anew after a restart, and time
/// counts only while the server runs. A mirror is not durable. Any number of threads.
public final class Traffic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Traffic.class);

  /// Well below the second in which a trip must be done.
  private static final long TICK_MILLIS = 250;

  private static final long SAVE_MILLIS = TimeUnit.MINUTES.toMillis(1);
  private static final long QUALITY_RETRY_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final int SHADOW_THREADS = 2;
  private static final int SHADOW_WAITING_MAX = 64;
  private static final int PER_CENT = 100;
  private static final Duration MIRROR_DEADLINE_MAX = Duration.ofMinutes(1);
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(30);
  private static final String PREFIX = "schedule/";

  private final Database database;
  private final Notes notes;
  private final Evaluations evaluations;

  /// What is watched, by migration. Searches look here first; it is empty most of the time.
  private final Map<String, Watch> watches = new ConcurrentHashMap<>();

  private final ShadowReads shadows =
      new ShadowReads(SHADOW_THREADS, SHADOW_WAITING_MAX, YieldingThreads.named("whimbrel-shadow"));
  private final ScheduledExecutorService driver =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("whimbrel-traffic").daemon(true).factory());
  private final ExecutorService judge =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("whimbrel-quality").daemon(true).factory());
  private volatile boolean closing;

  /// What is known of a migration that is watched. The fields of the schedule are guarded by this.
  private static final class Watch {
    final TrafficSignals signals = new TrafficSignals();
    volatile Optional<ShadowReads.Mirror> mirror = Optional.empty();
    Optional<Drive> drive = Optional.empty();
  }

  /// A schedule that runs. Guarded by its watch.
  private static final class Drive {
    ScheduleRow row;
    final TrafficController controller;
    long lastNanos = System.nanoTime();
    long unsavedMillis;
    long backlogSinceNanos;
    boolean backlog;
    String heldBy = "";
    Optional<Quality> quality = Optional.empty();
    boolean asking;
    long askedNanos;

    Drive(ScheduleRow row) {
      this.row = row;
      this.controller = new TrafficController(row.schedule(), row.step(), row.heldMillis());
    }
  }

  Traffic(Database database, Notes notes, Evaluations evaluations) {
    this.database = database;
    this.notes = notes;
    this.evaluations = evaluations;
  }

  /// Goes on with the schedules that ran when the database was closed. Once.
  void start() {
    Map<String, byte[]> rows = database.reading(() -> notes.list(PREFIX));
    for (Map.Entry<String, byte[]> each : rows.entrySet()) {
      String migration = each.getKey().substring(PREFIX.length(), each.getKey().length() - 1);
      ScheduleRow row = database.reading(() -> ScheduleRow.decode(each.getValue()));
      if (row.state() == ScheduleStatus.State.RUNNING) {
        watch(migration).drive = Optional.of(new Drive(row));
      }
    }
    driver.scheduleWithFixedDelay(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  private Watch watch(String migration) {
    return watches.computeIfAbsent(migration, _ -> new Watch());
  }

  private static String key(String migration) {
    return PREFIX + migration + "/";
  }

  /// Tells of a search that was answered. Never waits for anything but a counter, never throws.
  void answered(String collection, SearchRequest request, SearchResult result, long nanos) {
    if (watches.isEmpty() || request.version() != 0) {
      return;
    }
    try {
      RoutingPolicy policy = database.migrations().policy(collection, request.field());
      Watch watch = watches.get(policy.migrationId());
      if (watch == null) {
        return;
      }
      boolean byNew = result.servedVersion() == policy.toVersion();
      watch.signals.answered(byNew, result.hits().size(), nanos);
      if (!byNew) {
        watch.mirror.ifPresent(
            mirror -> shadows.offer(mirror, result, nanos, candidate(collection, request, policy)));
      }
    } catch (WhimbrelException e) {
      // Dropped meanwhile: nothing to watch.
      LOG.debug("a search is not watched", e);
    }
  }

  /// Tells of a query of several stages that was answered, for each field that a version under
  /// watch answered. Such queries are not mirrored. As careful as the other.
  void answered(String collection, QueryResult result, long nanos) {
    if (watches.isEmpty()) {
      return;
    }
    long hits = result.hits().size() + result.groups().size();
    for (QueryResult.Served served : result.served()) {
      try {
        RoutingPolicy policy = database.migrations().policy(collection, served.field());
        Watch watch = watches.get(policy.migrationId());
        if (watch != null) {
          boolean byNew = served.version() == policy.toVersion();
          watch.signals.answered(byNew, (int) hits, nanos);
        }
      } catch (WhimbrelException e) {
        LOG.debug("a query is not watched", e);
      }
    }
  }

  /// Tells of a search that failed, by whatever version should have answered.
  void failed(String collection, SearchRequest request, RuntimeException failure) {
    if (watches.isEmpty() || request.version() != 0) {
      return;
    }
    try {
      RoutingPolicy policy = database.migrations().policy(collection, request.field());
      Watch watch = watches.get(policy.migrationId());
      if (watch == null) {
        return;
      }
      boolean byNew = wouldAnswer(policy, request);
      if (failure instanceof WhimbrelException refusal) {
        watch.signals.failed(byNew, refusal.code());
      } else {
        watch.signals.fault(byNew);
      }
    } catch (WhimbrelException e) {
      LOG.debug("a failed search is not watched", e);
    }
  }

  private static boolean wouldAnswer(RoutingPolicy policy, SearchRequest request) {
    if (!request.routing().key().isEmpty()) {
      int bucket = RoutingBuckets.of(policy.migrationId(), request.routing().key());
      return policy.versionOf(bucket) == policy.toVersion();
    }
    return policy.basisPoints() == RoutingPolicy.BUCKETS
        || policy.basisPoints() > 0 && takes(policy, policy.toVersion(), request.vector());
  }

  private static boolean takes(RoutingPolicy policy, int number, Vector vector) {
    return policy.versions().stream()
        .filter(version -> version.number() == number)
        .anyMatch(version ->
            vector.spaceId().equals(version.spaceId())
                || vector.spaceId().equals(version.spec().spaceId()));
  }

  /// The same search of the new version; empty when it has no vector for it.
  private Optional<ShadowReads.Candidate> candidate(
      String collection, SearchRequest request, RoutingPolicy policy) {
    int to = policy.toVersion();
    boolean possible =
        takes(policy, to, request.vector())
            || request.routing().others().stream().anyMatch(vector -> takes(policy, to, vector))
            || request.vector().spaceId().isEmpty() && isFedAlike(policy);
    if (!possible) {
      return Optional.empty();
    }
    SearchRequest other =
        new SearchRequest(
                request.field(),
                to,
                request.vector(),
                request.k(),
                request.scoreThreshold(),
                request.ef(),
                request.exact(),
                request.read())
            .withRouting(new QueryRouting("", 0, request.routing().others(), OptionalDouble.of(0)))
            .withFilter(request.filter());
    return Optional.of(cancelled -> database.searchUnwatched(collection, other, cancelled));
  }

  /// Whether both versions take the same vectors, as with a derived one.
  private static boolean isFedAlike(RoutingPolicy policy) {
    return policy.versions().stream().map(RoutingPolicy.PolicyVersion::spaceId).distinct().count()
        == 1;
  }

  /// Mirrors `percent` (0 to 100) of the searches that the old version answers, each for `deadline`
  /// (1 ms to 1 minute) at most, and begins a new report. 0 ends it, and the report stays.
  public MirrorReport mirror(String migration, int percent, Duration deadline) {
    Limits.checkRange("percent", percent, 0, PER_CENT);
    if (deadline.toMillis() < 1 || deadline.compareTo(MIRROR_DEADLINE_MAX) > 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "deadline", deadline, "1 ms to 1 minute");
    }
    Migration found = database.migrations().get(migration);
    if (percent > 0 && !found.state().writesBoth()) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE, "migration", found.state(), "a state with two versions");
    }
    Watch watch = watch(migration);
    Optional<ShadowReads.Mirror> before = watch.mirror;
    watch.mirror =
        Optional.of(
            percent == 0 && before.isPresent()
                ? before.get().stopped()
                : new ShadowReads.Mirror(percent, deadline));
    return watch.mirror.get().report();
  }

  /// What the mirror showed; empty when none was set since the database was opened.
  public Optional<MirrorReport> mirrorReport(String migration) {
    database.migrations().get(migration);
    Watch watch = watches.get(migration);
    return watch == null ? Optional.empty() : watch.mirror.map(ShadowReads.Mirror::report);
  }

  /// Moves the traffic to the first step and from there by the schedule. Refused as
  /// [Migrations#switchTraffic] is, and with MIGRATION_STATE while a schedule runs.
  public ScheduleStatus schedule(
      String migration, TrafficSchedule schedule, long expectedEpoch, ChangeNote note) {
    Migration found = database.migrations().get(migration);
    if (!schedule.gates().goldenSet().isEmpty()) {
      evaluations.get(found.spec().collection(), schedule.gates().goldenSet());
    }
    int share = schedule.steps().getFirst().basisPoints();
    Watch watch = watch(migration);
    synchronized (watch) {
      if (watch.drive.isPresent()) {
        throw WhimbrelException.of(
            ErrorCode.MIGRATION_STATE,
            "schedule",
            "of migration " + migration + " is running",
            "none; reverse or switch the traffic to end it");
      }
      database.migrations().switchTraffic(migration, share, expectedEpoch, true, note);
      // The row first: traffic that nobody guards is worse than a schedule without traffic, which
      // ends by itself.
      Drive drive = new Drive(new ScheduleRow(schedule, ScheduleStatus.State.RUNNING, 0, 0, ""));
      save(migration, drive.row);
      try {
        database.migrations().switchTraffic(migration, share, expectedEpoch, false, note);
      } catch (WhimbrelException e) {
        save(
            migration,
            drive.row.ended(ScheduleStatus.State.STOPPED, String.valueOf(e.getMessage())));
        throw e;
      }
      watch.signals.restartStep();
      watch.drive = Optional.of(drive);
      return drive.row.status("", "");
    }
  }

  /// The last schedule of a migration; empty when it never had one.
  public Optional<ScheduleStatus> scheduleStatus(String migration) {
    database.migrations().get(migration);
    Watch watch = watches.get(migration);
    if (watch != null) {
      synchronized (watch) {
        if (watch.drive.isPresent()) {
          Drive drive = watch.drive.get();
          return Optional.of(
              drive
                  .row
                  .at(drive.controller.step(), drive.controller.heldMillis())
                  .status(drive.heldBy, drive.controller.lastWindow()));
        }
      }
    }
    return database.reading(() -> {
      Optional<byte[]> row = notes.get(key(migration));
      return row.isPresent()
          ? Optional.of(ScheduleRow.decode(row.get()).status("", ""))
          : Optional.empty();
    });
  }

  /// Tells what a user thought of an answer that `version` gave. Counted while a schedule runs.
  public void recordFeedback(String migration, int version, boolean good) {
    Migration found = database.migrations().get(migration);
    if (version != found.fromVersion() && version != found.toVersion()) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_VERSION,
          "version",
          version,
          found.fromVersion() + " or " + found.toVersion());
    }
    Watch watch = watches.get(migration);
    if (watch != null) {
      watch.signals.feedback(version == found.toVersion(), good);
    }
  }

  private void tick() {
    for (Map.Entry<String, Watch> each : watches.entrySet()) {
      try {
        tick(each.getKey(), each.getValue());
      } catch (WhimbrelException e) {
        // For example an operator was faster, or the store takes no writes: decided again at the
        // next tick.
        if (!closing) {
          LOG.warn("the traffic schedule of migration {} waits", each.getKey(), e);
          hold(each.getValue(), String.valueOf(e.getMessage()));
        }
      } catch (RuntimeException e) {
        LOG.error("the traffic schedule of migration {} met a defect", each.getKey(), e);
        hold(each.getValue(), "a defect, see the log");
      }
    }
  }

  private static void hold(Watch watch, String why) {
    synchronized (watch) {
      watch.drive.ifPresent(drive -> drive.heldBy = why);
    }
  }

  private void tick(String id, Watch watch) {
    Migration migration;
    try {
      migration = database.migrations().get(id);
    } catch (WhimbrelException e) {
      if (e.code() == ErrorCode.MIGRATION_NOT_FOUND) {
        // Its collection was deleted.
        watches.remove(id);
        return;
      }
      throw e;
    }
    synchronized (watch) {
      if (watch.drive.isEmpty()) {
        if (migration.state().ended()) {
          watches.remove(id);
        }
        return;
      }
      Drive drive = watch.drive.get();
      long now = System.nanoTime();
      long passed = TimeUnit.NANOSECONDS.toMillis(now - drive.lastNanos);
      drive.lastNanos += TimeUnit.MILLISECONDS.toNanos(passed);
      if (!adopt(id, watch, drive, migration)) {
        return;
      }
      noteBacklog(drive, migration, now);
      Decision decision =
          drive.controller.tick(
              passed,
              watch.signals.from(),
              watch.signals.to(),
              new TrafficController.Surroundings(
                  migration.postponed(),
                  drive.backlog ? TimeUnit.NANOSECONDS.toMillis(now - drive.backlogSinceNanos) : 0,
                  drive.quality));
      if (drive.controller.windowClosed()) {
        watch.signals.restart();
      }
      act(id, watch, drive, migration, decision);
      askForQuality(watch, drive, migration, now);
      drive.unsavedMillis += passed;
      if (watch.drive.isPresent() && drive.unsavedMillis >= SAVE_MILLIS) {
        saveProgress(id, drive);
      }
    }
  }

  /// Looks whether the traffic is where the schedule left it. A step that was made, but not noted
  /// before a crash, is taken over; anything else was done by hand and ends the schedule.
  private boolean adopt(String id, Watch watch, Drive drive, Migration migration) {
    List<TrafficSchedule.Step> steps = drive.row.schedule().steps();
    int step = drive.controller.step();
    boolean moving =
        migration.state() == MigrationState.SHIFTING
            || migration.state() == MigrationState.SWITCHED;
    if (moving && migration.basisPoints() == steps.get(step).basisPoints()) {
      return true;
    }
    if (moving
        && step + 1 < steps.size()
        && migration.basisPoints() == steps.get(step + 1).basisPoints()) {
      moved(id, watch, drive, step + 1);
      return true;
    }
    end(
        id,
        watch,
        drive,
        ScheduleStatus.State.STOPPED,
        "the migration is "
            + migration.state()
            + " at "
            + migration.basisPoints()
            + " basis points");
    return false;
  }

  private static void noteBacklog(Drive drive, Migration migration, long now) {
    boolean backlog = migration.progress().backlog() > 0;
    if (backlog && !drive.backlog) {
      drive.backlogSinceNanos = now;
    }
    drive.backlog = backlog;
  }

  private void act(String id, Watch watch, Drive drive, Migration migration, Decision decision) {
    switch (decision) {
      case Decision.Hold(String why) -> drive.heldBy = why;
      case Decision.Advance(int step) -> {
        int share = drive.row.schedule().steps().get(step).basisPoints();
        database
            .migrations()
            .switchTraffic(
                id,
                share,
                migration.epoch(),
                false,
                ChangeNote.server("schedule, step " + (step + 1)));
        moved(id, watch, drive, step);
      }
      case Decision.Trip(String reason) -> {
        database.migrations().reverseTraffic(id, ChangeNote.server(cut("gate: " + reason)));
        LOG.warn("all reads of migration {} go back to the old version: {}", id, reason);
        end(id, watch, drive, ScheduleStatus.State.TRIPPED, reason);
      }
      case Decision.Done _ ->
          end(id, watch, drive, ScheduleStatus.State.DONE, "every step was held to its end");
    }
  }

  private static String cut(String reason) {
    return reason.substring(0, Math.min(reason.length(), 1_000));
  }

  private void moved(String id, Watch watch, Drive drive, int step) {
    drive.controller.moved(step);
    drive.quality = Optional.empty();
    drive.askedNanos = 0;
    drive.heldBy = "";
    watch.signals.restartStep();
    saveProgress(id, drive);
  }

  private void end(String id, Watch watch, Drive drive, ScheduleStatus.State state, String why) {
    int step =
        state == ScheduleStatus.State.DONE
            ? drive.row.schedule().steps().size()
            : drive.controller.step();
    drive.row = drive.row.at(step, drive.controller.heldMillis()).ended(state, cut(why));
    watch.drive = Optional.empty();
    save(id, drive.row);
  }

  private void saveProgress(String id, Drive drive) {
    drive.row = drive.row.at(drive.controller.step(), drive.controller.heldMillis());
    drive.unsavedMillis = 0;
    save(id, drive.row);
  }

  private void save(String migration, ScheduleRow row) {
    database.await(notes.put(Map.of(key(migration), row.encode())));
  }

  /// Asks the golden set once the step is due, apart from this thread: it takes seconds to minutes.
  private void askForQuality(Watch watch, Drive drive, Migration migration, long now) {
    String goldenSet = drive.row.schedule().gates().goldenSet();
    boolean rested = drive.askedNanos == 0 || now - drive.askedNanos > QUALITY_RETRY_NANOS;
    if (goldenSet.isEmpty()
        || !drive.controller.due()
        || drive.quality.isPresent()
        || drive.asking
        || !rested) {
      return;
    }
    drive.asking = true;
    drive.askedNanos = now;
    int step = drive.controller.step();
    judge.execute(() -> {
      Optional<Quality> quality = quality(migration, goldenSet);
      synchronized (watch) {
        drive.asking = false;
        if (drive.controller.step() == step) {
          drive.quality = quality;
        }
      }
    });
  }

  private Optional<Quality> quality(Migration migration, String goldenSet) {
    try {
      EvaluationReport report =
          evaluations.evaluate(
              migration.spec().collection(),
              goldenSet,
              migration.fromVersion(),
              migration.toVersion(),
              EvaluationOptions.atK(EvaluationOptions.K_DEFAULT),
              () -> closing);
      EvaluationReport.Comparison first = report.served().getFirst();
      return Optional.of(
          new Quality(
              report.verdict() == Verdict.WORSE,
              "%s, %s %+.3f"
                  .formatted(report.verdict(), first.measure().name(), first.difference())));
    } catch (RuntimeException e) {
      // The step is held, and the set is asked again.
      LOG.warn("the golden set {} gave no verdict", goldenSet, e);
      return Optional.empty();
    }
  }

  /// Ends the threads and notes how long steps were held. The store must still be open.
  @Override
  public void close() {
    closing = true;
    driver.shutdown();
    judge.shutdownNow();
    shadows.close();
    try {
      if (!driver.awaitTermination(CLOSE_WAIT.toMillis(), TimeUnit.MILLISECONDS)
          || !judge.awaitTermination(CLOSE_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("traffic is watched on after {} s", CLOSE_WAIT.toSeconds());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Map.Entry<String, Watch> each : new HashMap<>(watches).entrySet()) {
      synchronized (each.getValue()) {
        each.getValue().drive.ifPresent(drive -> saveAtClose(each.getKey(), drive));
      }
    }
  }

  private void saveAtClose(String id, Drive drive) {
    try {
      saveProgress(id, drive);
    } catch (WhimbrelException e) {
      // Read-only: the minute before is stored.
      LOG.warn("the place of the traffic schedule of migration {} is not stored", id, e);
    }
  }
}
