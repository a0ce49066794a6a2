package io.whimbrel.core.engine;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionException;

/// The process that [MigrationCrashIT] kills: writers, backfill workers and an operator who takes
/// one migration after the other through all its states.
///
/// Writer `w` owns the points `w-0` to `w-(POINTS - 1)`. Its n-th write gives one batch of them the
/// text of generation n, with vectors for both versions or for the old one only, or changes the
/// text alone (the upper half of the writers), or deletes the batch. A line `try w n op first`
/// comes before; then `ack w n`, or `nak w n` when it was refused.
final class MigrationCrashWriter {
  static final int WRITERS = 8;
  static final int WORKERS = 2;
  static final int POINTS = 20;
  static final int BATCH = 5;
  static final String COLLECTION = "crash";
  static final ChangeNote NOTE = new ChangeNote("operator", "on and on");

  private MigrationCrashWriter() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Path directory = Path.of(args[0]);
    long seed = Long.parseLong(args[1]);
    long firstGeneration = Long.parseLong(args[2]);
    PrintStream out = System.out;
    // Killed, not closed: no try-with-resources.
    Database database = Database.open(directory);
    if (database.collections().isEmpty()) {
      database.createCollection(CollectionSpec.of(COLLECTION, spec(0)));
    }
    out.println("ready");
    List<Thread> threads = new ArrayList<>();
    for (int w = 0; w < WRITERS; w++) {
      int writer = w;
      SplittableRandom random = new SplittableRandom(seed * 31 + w);
      threads.add(
          Thread.ofPlatform().start(() -> write(database, out, writer, random, firstGeneration)));
    }
    for (int w = 0; w < WORKERS; w++) {
      threads.add(Thread.ofPlatform().start(() -> work(database)));
    }
    SplittableRandom random = new SplittableRandom(seed);
    threads.add(Thread.ofPlatform().start(() -> operate(database, out, random)));
    for (Thread thread : threads) {
      thread.join();
    }
  }

  static EmbeddingSpec spec(int number) {
    return MovingDocs.spec("model-" + number, 8, new IndexSpec.Flat());
  }

  static PointId id(int writer, int point) {
    return PointId.of(writer + "-" + point);
  }

  static String text(int writer, int point, long generation) {
    return writer + " " + point + " " + generation;
  }

  private static void write(
      Database database, PrintStream out, int writer, SplittableRandom random, long generation) {
    boolean[] present = new boolean[POINTS];
    // Whoever reads may be gone before the kill.
    for (long n = generation; !out.checkError(); n++) {
      int first = random.nextInt(POINTS / BATCH) * BATCH;
      boolean updates = writer >= WRITERS / 2 && present[first];
      String op =
          switch (random.nextInt(8)) {
            case 0 -> "delete";
            case 1, 2 -> updates ? "update" : "old";
            case 3 -> "old";
            default -> "dual";
          };
      // One line, one write to the pipe: the parent reads whole lines or nothing.
      out.println("try %d %d %s %d".formatted(writer, n, op, first));
      try {
        database
            .write(COLLECTION, mutation(database, op, writer, first, n), WriteOptions.DEFAULT)
            .join();
        present[first] = !op.equals("delete");
        out.println("ack %d %d".formatted(writer, n));
      } catch (CompletionException | WhimbrelException e) {
        // The migration moved on between the policy and the write.
        out.println("nak %d %d".formatted(writer, n));
      }
    }
    Runtime.getRuntime().halt(1);
  }

  private static Mutation mutation(Database database, String op, int writer, int first, long n) {
    List<PointId> ids = new ArrayList<>();
    List<PointWrite> points = new ArrayList<>();
    RoutingPolicy policy = database.migrations().policy(COLLECTION, "default");
    for (int i = first; i < first + BATCH; i++) {
      String text = text(writer, i, n);
      List<Vector> vectors = new ArrayList<>();
      for (RoutingPolicy.PolicyVersion version : policy.versions()) {
        if (version.takesWrites()
            && (op.equals("dual") || version.number() == policy.fromVersion())) {
          vectors.add(MovingDocs.embed(version.spec(), text));
        }
      }
      ids.add(id(writer, i));
      points.add(PointWrite.of(id(writer, i), MovingDocs.payload(text), vectors));
    }
    return switch (op) {
      case "delete" -> new Mutation.Delete(ids, OptionalLong.empty());
      // All points of a batch get one text, since an update gives all the same.
      case "update" ->
          new Mutation.UpdatePayload(
              ids,
              new Mutation.PayloadChange.Merge(MovingDocs.payload(text(writer, first, n))),
              OptionalLong.empty());
      default -> new Mutation.Upsert(points);
    };
  }

  private static void work(Database database) {
    while (true) {
      try {
        for (Migration migration : database.migrations().list(COLLECTION)) {
          if (migration.state().writesBoth()) {
            work(database, migration, 7);
          }
        }
      } catch (CompletionException | WhimbrelException e) {
        // It ended meanwhile; the next one comes.
      }
    }
  }

  /// One batch; tells whether there was one.
  static boolean work(Database database, Migration migration, int points) {
    List<BackfillCommit> commits = new ArrayList<>();
    for (BackfillLease lease :
        database
            .migrations()
            .lease(migration.id(), BackfillSide.FORWARD, points, Duration.ofMinutes(5))
            .leases()) {
      Value text = Objects.requireNonNull(lease.source().get("text"));
      commits.add(
          new BackfillCommit(
              lease.id(),
              lease.seq(),
              lease.contentHash(),
              MovingDocs.embed(migration.spec().to(), ((Value.StringValue) text).value())));
    }
    if (commits.isEmpty()) {
      return false;
    }
    database.migrations().commit(migration.id(), BackfillSide.FORWARD, commits).join();
    return true;
  }

  private static void operate(Database database, PrintStream out, SplittableRandom random) {
    while (true) {
      try {
        List<Migration> all = database.migrations().list(COLLECTION);
        Migration open = all.stream().filter(m -> !m.state().ended()).findFirst().orElse(null);
        if (open == null) {
          open =
              database
                  .migrations()
                  .create(
                      MigrationSpec.of(COLLECTION, "default", spec(all.size() + 1)),
                      random.nextBoolean(),
                      NOTE);
        }
        out.println("state " + step(database, open, random));
      } catch (CompletionException | WhimbrelException e) {
        // Refused for now, for example with points in the backlog: look again.
      }
    }
  }

  private static MigrationState step(Database database, Migration open, SplittableRandom random) {
    Migrations migrations = database.migrations();
    String id = open.id();
    if (random.nextInt(20) == 0 && open.state().leadsTo(MigrationState.CANCELLING)) {
      return migrations.cancel(id, false, NOTE).state();
    }
    return switch (open.state()) {
      case PLANNED -> migrations.start(id, NOTE).state();
      case INDEXING, VERIFYING -> migrations.skipVerification(id, NOTE).state();
      case READY, SHIFTING, ROLLED_BACK ->
          migrations.switchTraffic(id, random.nextInt(5) * 2_500, 0, false, NOTE).state();
      case SWITCHED ->
          random.nextInt(4) == 0
              ? migrations.reverseTraffic(id, NOTE).state()
              : migrations.complete(id, COLLECTION, false, false, NOTE).state();
      case FAILED -> migrations.resume(id, NOTE).state();
      case DUAL_WRITE, BACKFILLING, COMPLETING, CANCELLING, COMPLETED, CANCELLED ->
          migrations.await(id, open.revision(), Duration.ofMillis(100)).state();
    };
  }
}
