package io.whimbrel.core.engine;

import io.whimbrel.core.collection.Notes;
import io.whimbrel.core.collection.VersionComparer;
import io.whimbrel.core.memory.YieldingThreads;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.EmbeddedAgain;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.VerificationReport;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.StorageException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Compares both versions of a migration in the background, one migration after the other.
///
/// A comparison has a durable cursor: stopped, by an operator or with the server, it goes on where
/// it was. Any number of threads.
public final class Verifications implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Verifications.class);

  /// Comparisons that run or wait for their turn.
  private static final int RUNNING_MAX = 16;

  /// Points of one step: what one view of the store sees.
  private static final int STEP_POINTS = 4_096;

  /// How often the cursor becomes durable.
  private static final long SAVE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final int SAMPLE_MAX = 1_000;
  private static final double SAME_MODEL_COSINE = 0.999;
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(30);

  private final Database database;
  private final Notes notes;
  private final VersionComparer comparer;
  private final Map<String, Comparison> running = new ConcurrentHashMap<>();
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(YieldingThreads.named("whimbrel-verify"));

  /// A comparison under way: it says RUNNING until its end is stored. `row` is replaced by its
  /// thread.
  private static final class Comparison {
    final CompletableFuture<Void> left = new CompletableFuture<>();
    volatile VDiffRow row;
    volatile boolean stop;

    Comparison(VDiffRow row) {
      this.row = row;
    }
  }

  Verifications(Database database, Notes notes, VersionComparer comparer) {
    this.database = database;
    this.notes = notes;
    this.comparer = comparer;
  }

  /// Begins to compare from the start. Without faults, in state VERIFYING, the migration becomes
  /// READY at the end. Refuses with MIGRATION_STATE while a comparison of this migration runs or
  /// without two versions.
  public VDiff start(String migration, ChangeNote note) {
    Migration found = database.migrations().get(migration);
    if (!found.state().writesBoth()) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE, "migration", found.state(), "a state with two versions");
    }
    return run(
        migration, VDiffRow.begin(found.progress().live(), System.currentTimeMillis(), note));
  }

  /// Goes on with a comparison that was stopped or has failed; a running one just runs.
  public VDiff resume(String migration) {
    Comparison present = running.get(migration);
    if (present != null) {
      return present.row.diff();
    }
    VDiffRow row = stored(migration).orElseThrow(() -> none(migration));
    return row.diff().state() == VDiff.State.COMPLETED ? row.diff() : run(migration, row.running());
  }

  private VDiff run(String migration, VDiffRow row) {
    Comparison comparison = new Comparison(row);
    if (running.size() >= RUNNING_MAX) {
      throw WhimbrelException.of(
          ErrorCode.OVERLOADED, "vdiff", RUNNING_MAX + " are running", "fewer");
    }
    if (running.putIfAbsent(migration, comparison) != null) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "vdiff",
          "of migration " + migration + " is running",
          "none; stop it first");
    }
    try {
      save(migration, row);
      worker.execute(() -> compare(migration, comparison));
    } catch (RuntimeException e) {
      running.remove(migration);
      throw e;
    }
    return row.diff();
  }

  /// As far as it has come; empty when the migration was never compared.
  public Optional<VDiff> get(String migration) {
    database.migrations().get(migration);
    Comparison present = running.get(migration);
    return present != null
        ? Optional.of(present.row.diff())
        : stored(migration).map(VDiffRow::diff);
  }

  /// Ends a comparison where it is; it can be resumed. Waits for the step on its way, for half a
  /// minute at most.
  public VDiff stop(String migration) {
    Comparison present = running.get(migration);
    if (present != null) {
      present.stop = true;
      present
          .left
          .copy()
          .completeOnTimeout(null, CLOSE_WAIT.toMillis(), TimeUnit.MILLISECONDS)
          .join();
    }
    return get(migration).orElseThrow(() -> none(migration));
  }

  /// Forgets the comparison of a migration. Refused while it runs.
  public void delete(String migration) {
    if (running.containsKey(migration)) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE, "vdiff", "running", "a comparison that was stopped");
    }
    database.migrations().get(migration);
    database.await(notes.remove(key(migration)));
  }

  /// Compares vectors that the caller has embedded again, with the new model and from the text of
  /// now, with those stored: 1 to 1,000. A cosine below 0.999 is a fault of kind OTHER_MODEL, and
  /// is added to the comparison if it has ended. Points that are gone, or wait for their vector,
  /// are passed over.
  public List<VDiff.Fault> sample(String migration, List<EmbeddedAgain> sample) {
    Limits.checkRange("sample", sample.size(), 1, SAMPLE_MAX);
    Migration found = database.migrations().get(migration);
    String field = found.spec().field();
    Map<PointId, Vector> stored = new HashMap<>();
    List<PointId> ids = sample.stream().map(EmbeddedAgain::id).toList();
    ReadOptions read =
        new ReadOptions(
            Selector.NONE,
            new Selector.Include(List.of(field)),
            0,
            Map.of(field, found.toVersion()));
    for (Point point : database.get(found.spec().collection(), ids, read)) {
      Vector vector = point.vectors().get(field);
      if (vector != null) {
        stored.put(point.id(), vector);
      }
    }
    List<VDiff.Fault> faults = new ArrayList<>();
    for (EmbeddedAgain again : sample) {
      Vector vector = stored.get(again.id());
      if (vector == null) {
        continue;
      }
      if (vector.dimension() != again.vector().dimension()) {
        throw WhimbrelException.of(
            ErrorCode.DIMENSION_MISMATCH,
            "sample[" + again.id() + "] dimension",
            again.vector().dimension(),
            vector.dimension() + ", version " + found.toVersion());
      }
      double cosine = cosine(vector.values(), again.vector().values());
      // A cosine that is no number is no match.
      if (!(cosine >= SAME_MODEL_COSINE)) {
        faults.add(
            new VDiff.Fault(
                VDiff.Kind.OTHER_MODEL,
                again.id().toString(),
                String.format(Locale.ROOT, "cosine %.4f", cosine)));
      }
    }
    if (!faults.isEmpty() && !running.containsKey(migration)) {
      stored(migration).ifPresent(row -> save(migration, row.with(0, row.nextId(), faults)));
    }
    return faults;
  }

  private static double cosine(float[] a, float[] b) {
    double dot = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      dot += (double) a[i] * b[i];
      squaresA += (double) a[i] * a[i];
      squaresB += (double) b[i] * b[i];
    }
    return dot / Math.sqrt(squaresA * squaresB);
  }

  private void compare(String migration, Comparison comparison) {
    VDiffRow ended;
    try {
      ended = walk(migration, comparison);
      if (ended.diff().state() == VDiff.State.COMPLETED) {
        tell(migration, ended);
      }
    } catch (WhimbrelException | StorageException e) {
      LOG.warn("the comparison of migration {} failed", migration, e);
      ended = failed(comparison, String.valueOf(e.getMessage()));
    } catch (RuntimeException | Error e) {
      LOG.error("the comparison of migration {} met a defect", migration, e);
      ended = failed(comparison, "a defect, see the log");
    }
    try {
      save(migration, ended);
    } catch (RuntimeException e) {
      // The row that is stored says RUNNING from an earlier place, which reads as STOPPED there.
      LOG.warn("the end of the comparison of migration {} is not stored", migration, e);
    } finally {
      running.remove(migration, comparison);
      comparison.left.complete(null);
    }
  }

  private static VDiffRow failed(Comparison comparison, String why) {
    return comparison.row.ended(VDiff.State.FAILED, System.currentTimeMillis(), why);
  }

  private VDiffRow walk(String migration, Comparison comparison) throws StorageException {
    long saved = System.nanoTime();
    while (!comparison.stop) {
      VDiffRow row = comparison.row;
      VersionComparer.Step step = comparer.step(migration, row.nextId(), STEP_POINTS);
      row = row.with(step.checked(), step.nextId(), step.faults());
      if (step.nextId() < 0) {
        return row.ended(VDiff.State.COMPLETED, System.currentTimeMillis(), "");
      }
      comparison.row = row;
      if (System.nanoTime() - saved > SAVE_NANOS) {
        save(migration, row);
        saved = System.nanoTime();
      }
    }
    return comparison.row.ended(VDiff.State.STOPPED, System.currentTimeMillis(), "");
  }

  private void tell(String migration, VDiffRow row) {
    VDiff diff = row.diff();
    if (!diff.clean() || database.migrations().get(migration).state() == MigrationState.VERIFYING) {
      database
          .migrations()
          .verified(
              migration,
              new VerificationReport(diff.checked(), diff.faultCount(), diff.faults().toString()),
              row.note());
    }
  }

  private Optional<VDiffRow> stored(String migration) {
    return database.reading(() -> {
      Optional<byte[]> row = notes.get(key(migration));
      return row.isPresent() ? Optional.of(VDiffRow.decode(row.get())) : Optional.empty();
    });
  }

  private void save(String migration, VDiffRow row) {
    database.await(notes.put(Map.of(key(migration), row.encode())));
  }

  private static String key(String migration) {
    return "vdiff/" + migration + "/";
  }

  private static WhimbrelException none(String migration) {
    return WhimbrelException.of(
        ErrorCode.MIGRATION_STATE,
        "vdiff",
        "none of migration " + migration,
        "a comparison that was started");
  }

  /// Stops what runs; it can be resumed at the next open. The store must still be open.
  @Override
  public void close() {
    running.values().forEach(comparison -> comparison.stop = true);
    worker.shutdown();
    try {
      if (!worker.awaitTermination(CLOSE_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("a comparison runs on after {} s", CLOSE_WAIT.toSeconds());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
