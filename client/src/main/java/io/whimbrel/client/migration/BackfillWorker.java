package io.whimbrel.client.migration;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Embeds the points of a migration to the end: leases them, calls the model, commits the vectors.
 *
 * <pre>{@code
 * BackfillWorker worker = BackfillWorker.builder(client, migration.id(), model::embed).build();
 * BackfillStats stats = worker.run();
 * }</pre>
 *
 * <p>Any number of workers may run at once, in any number of processes. A worker that dies loses
 * nothing: its leases run out and go to others. A broken connection is waited for. A vector that
 * was made from content that has changed meanwhile is not stored, and its point comes again.
 *
 * <p>A text that the model refuses is tried a few times and then becomes a dead letter; the others
 * of its batch do not suffer. A vector of another dimension than the new version's ends the worker,
 * since it runs the wrong model.
 */
public final class BackfillWorker {
  private static final int THREADS_MAX = 64;
  private static final int BATCH_POINTS_MAX = 1_000;

  /** After so many failures in a row the model is taken to be out of order, not the texts. */
  private static final int FAILURES_IN_A_ROW_MAX = 3;

  private static final Duration WAIT_MIN = Duration.ofMillis(20);
  private static final Duration WAIT_MAX = Duration.ofSeconds(5);

  private final Migrations migrations;
  private final String migrationId;
  private final Function<EmbeddingSpec, PointEmbedder> embedders;
  private final String name;
  private final BackfillSide side;
  private final int threads;
  private final int batchPoints;
  private final Duration lease;
  private final double pointsPerSecond;
  private final Duration patience;
  private final boolean untilDrained;
  private final Consumer<BackfillStats> onProgress;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition stopped = lock.newCondition();
  private boolean stopping;
  private long nextPointNanos = System.nanoTime();
  private @Nullable RuntimeException failure;

  private final AtomicLong stored = new AtomicLong();
  private final AtomicLong stale = new AtomicLong();
  private final AtomicLong gone = new AtomicLong();
  private final AtomicLong deadLetters = new AtomicLong();
  private final AtomicLong failures = new AtomicLong();
  private final AtomicLong brokenConnections = new AtomicLong();

  private BackfillWorker(Builder builder) {
    this.migrations = builder.client.migrations();
    this.migrationId = builder.migrationId;
    this.embedders = builder.embedders;
    this.name = builder.name;
    this.side = builder.side;
    this.threads = builder.threads;
    this.batchPoints = builder.batchPoints;
    this.lease = builder.lease;
    this.pointsPerSecond = builder.pointsPerSecond;
    this.patience = builder.patience;
    this.untilDrained = builder.untilDrained;
    this.onProgress = builder.onProgress;
  }

  /** A worker that embeds the text of points; see {@link Builder#text} for what that is. */
  public static Builder builder(WhimbrelClient client, String migrationId, TextEmbedder model) {
    return new Builder(client, migrationId, model);
  }

  /** A worker that gets the vectors of points as it likes. */
  public static Builder ofPoints(WhimbrelClient client, String migrationId, PointEmbedder source) {
    return new Builder(client, migrationId, source);
  }

  /**
   * Works until nothing is left, {@link #stop} is called, or the migration has ended; blocks. Once
   * only. Fails with what the server refuses for good, or when it is not reachable for longer than
   * the worker's patience; points that are leased then go to others.
   */
  public BackfillStats run() {
    Migration migration;
    try {
      migration = patiently(() -> migrations.get(migrationId));
    } catch (WhimbrelException e) {
      if (stopping() && passing(e)) {
        return stats();
      }
      throw e;
    }
    EmbeddingSpec spec = side == BackfillSide.FORWARD ? migration.to() : migration.from();
    PointEmbedder embedder = embedders.apply(spec);
    List<Thread> running = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      Thread thread = new Thread(() -> guard(embedder, spec), name + "-" + i);
      thread.setDaemon(true);
      thread.start();
      running.add(thread);
    }
    for (Thread thread : running) {
      join(thread);
    }
    lock.lock();
    try {
      if (failure != null) {
        throw failure;
      }
    } finally {
      lock.unlock();
    }
    return stats();
  }

  /** Asks {@link #run} to finish the batches that are being embedded, and to return. */
  public void stop() {
    lock.lock();
    try {
      stopping = true;
      stopped.signalAll();
    } finally {
      lock.unlock();
    }
  }

  public BackfillStats stats() {
    return new BackfillStats(
        stored.get(),
        stale.get(),
        gone.get(),
        deadLetters.get(),
        failures.get(),
        brokenConnections.get());
  }

  /**
   * An interrupt of the waiting caller stops the worker; the threads are waited for all the same.
   */
  private void join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        stop();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void guard(PointEmbedder embedder, EmbeddingSpec spec) {
    try {
      work(embedder, spec);
    } catch (RuntimeException e) {
      // Who was asked to stop need not wait for a server that is away: its leases run out.
      if (stopping() && e instanceof WhimbrelException refusal && passing(refusal)) {
        return;
      }
      lock.lock();
      try {
        // Those that the first failure stops may fail as well; it is the one that tells.
        failure = failure == null ? e : failure;
      } finally {
        lock.unlock();
      }
      stop();
    }
  }

  private void work(PointEmbedder embedder, EmbeddingSpec spec) {
    int batch =
        pointsPerSecond > 0 ? (int) Math.min(batchPoints, Math.ceil(pointsPerSecond)) : batchPoints;
    while (!stopping()) {
      Leases leases;
      try {
        leases = patiently(() -> migrations.lease(migrationId, side, name, batch, lease));
      } catch (WhimbrelException e) {
        if (e.code() == ErrorCode.MIGRATION_STATE && migrations.get(migrationId).state().ending()) {
          return;
        }
        throw e;
      }
      if (!leases.points().isEmpty()) {
        pace(leases.points().size());
        process(embedder, spec, leases.points());
        onProgress.accept(stats());
      } else if (leases.drained() && untilDrained) {
        return;
      } else {
        rest(clamp(leases.retryAfter()));
      }
    }
  }

  private void process(PointEmbedder embedder, EmbeddingSpec spec, List<LeasedPoint> points) {
    List<BackfillFailure> givenBack = new ArrayList<>();
    List<LeasedPoint> embedded = new ArrayList<>();
    List<Vector> vectors = new ArrayList<>();
    List<Optional<float[]>> results = embed(embedder, points, givenBack);
    for (int i = 0; i < results.size(); i++) {
      LeasedPoint point = points.get(i);
      if (results.get(i).isPresent()) {
        embedded.add(point);
        vectors.add(Vector.of(results.get(i).get()).inSpace(spec.spaceId()));
      } else if (givenBack.stream().noneMatch(back -> back.id().equals(point.id()))) {
        givenBack.add(new BackfillFailure(point.id(), "no vector", true, Duration.ZERO));
      }
    }
    if (!embedded.isEmpty()) {
      count(patiently(() -> migrations.commit(migrationId, side, name, embedded, vectors)));
    }
    if (!givenBack.isEmpty()) {
      failures.addAndGet(givenBack.stream().filter(back -> !back.reason().isEmpty()).count());
      count(patiently(() -> migrations.release(migrationId, side, name, givenBack)));
    }
  }

  /** The vectors; points without one that the embedder failed on are added to {@code givenBack}. */
  private List<Optional<float[]>> embed(
      PointEmbedder embedder, List<LeasedPoint> points, List<BackfillFailure> givenBack) {
    try {
      return checked(embedder.embed(points), points.size());
    } catch (Exception e) {
      if (points.size() == 1) {
        givenBack.add(failed(points.get(0), e));
        return List.of(Optional.empty());
      }
    }
    // One text must not cost the others of its batch an attempt.
    List<Optional<float[]>> results = new ArrayList<>();
    int inARow = 0;
    for (LeasedPoint point : points) {
      if (inARow == FAILURES_IN_A_ROW_MAX || stopping()) {
        givenBack.add(new BackfillFailure(point.id(), "", false, WAIT_MAX));
        results.add(Optional.empty());
        continue;
      }
      try {
        results.add(checked(embedder.embed(List.of(point)), 1).get(0));
        inARow = 0;
      } catch (Exception e) {
        givenBack.add(failed(point, e));
        results.add(Optional.empty());
        inARow++;
      }
    }
    return results;
  }

  private static List<Optional<float[]>> checked(List<Optional<float[]>> vectors, int expected) {
    if (vectors.size() != expected) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT,
          "embedder",
          vectors.size() + " vectors",
          expected + " vectors");
    }
    return vectors;
  }

  private static BackfillFailure failed(LeasedPoint point, Exception e) {
    if (e instanceof InterruptedException) {
      Thread.currentThread().interrupt();
      return new BackfillFailure(point.id(), "", false, Duration.ZERO);
    }
    String text = String.valueOf(e);
    Duration wait = Duration.ofMillis(200L << Math.min(10, point.attempts()));
    return new BackfillFailure(
        point.id(), text.substring(0, Math.min(text.length(), 500)), false, wait);
  }

  private void count(List<CommitResult> results) {
    for (CommitResult result : results) {
      switch (result.outcome()) {
        case STORED -> stored.incrementAndGet();
        case STALE -> stale.incrementAndGet();
        case GONE -> gone.incrementAndGet();
        case DEAD_LETTER -> deadLetters.incrementAndGet();
        case REQUEUED -> {}
      }
    }
  }

  /** Repeats what fails for a passing reason until the worker's patience is over. */
  private <T> T patiently(Supplier<T> call) {
    long started = System.nanoTime();
    while (true) {
      try {
        return call.get();
      } catch (WhimbrelException e) {
        if (!passing(e) || stopping() || System.nanoTime() - started > patience.toNanos()) {
          throw e;
        }
        brokenConnections.incrementAndGet();
        rest(e.retryAfter().orElse(Duration.ofMillis(200)));
      }
    }
  }

  private static boolean passing(WhimbrelException e) {
    return e.retryable() || e.code() == ErrorCode.DEADLINE_EXCEEDED;
  }

  /** Keeps all threads together below the rate. */
  private void pace(int points) {
    if (pointsPerSecond <= 0) {
      return;
    }
    long wait;
    lock.lock();
    try {
      long now = System.nanoTime();
      nextPointNanos = Math.max(nextPointNanos, now);
      wait = nextPointNanos - now;
      nextPointNanos += (long) (points / pointsPerSecond * 1e9);
    } finally {
      lock.unlock();
    }
    rest(Duration.ofNanos(wait));
  }

  private static Duration clamp(Duration wait) {
    return wait.compareTo(WAIT_MIN) < 0 ? WAIT_MIN : wait.compareTo(WAIT_MAX) > 0 ? WAIT_MAX : wait;
  }

  private void rest(Duration wait) {
    lock.lock();
    try {
      long nanos = wait.toNanos();
      while (!stopping && nanos > 0) {
        nanos = stopped.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      // Only an embedder interrupts these threads: it wants the work to end.
      stop();
    } finally {
      lock.unlock();
    }
  }

  private boolean stopping() {
    lock.lock();
    try {
      return stopping;
    } finally {
      lock.unlock();
    }
  }

  /** Collects the settings of a worker. Not safe for more than one thread. */
  public static final class Builder {
    private final WhimbrelClient client;
    private final String migrationId;
    private final Function<EmbeddingSpec, PointEmbedder> embedders;
    private Optional<Function<LeasedPoint, String>> text = Optional.empty();
    private String name = "worker-" + UUID.randomUUID().toString().substring(0, 8);
    private BackfillSide side = BackfillSide.FORWARD;
    private int threads = 2;
    private int batchPoints = 64;
    private Duration lease = Duration.ofMinutes(1);
    private double pointsPerSecond;
    private Duration patience = Duration.ofMinutes(10);
    private boolean untilDrained = true;
    private Consumer<BackfillStats> onProgress = stats -> {};

    private Builder(WhimbrelClient client, String migrationId, TextEmbedder model) {
      this.client = client;
      this.migrationId = migrationId;
      this.embedders = spec -> ofTexts(spec, model);
    }

    private Builder(WhimbrelClient client, String migrationId, PointEmbedder source) {
      this.client = client;
      this.migrationId = migrationId;
      this.embedders = spec -> source;
    }

    private PointEmbedder ofTexts(EmbeddingSpec spec, TextEmbedder model) {
      Function<LeasedPoint, String> source =
          text.orElse(point -> sourceText(point, spec.sourceFields()));
      return points -> {
        List<String> texts = new ArrayList<>(points.size());
        for (LeasedPoint point : points) {
          texts.add(spec.documentPrefix() + source.apply(point));
        }
        List<Optional<float[]>> vectors = new ArrayList<>(points.size());
        model.embedAll(texts).forEach(vector -> vectors.add(Optional.of(vector)));
        return vectors;
      };
    }

    /**
     * What the text of a point is; its document prefix is put before. By default the string values
     * of the version's source fields, joined by line feeds.
     */
    public Builder text(Function<LeasedPoint, String> text) {
      this.text = Optional.of(text);
      return this;
    }

    /** A name for status and logs; random by default. */
    public Builder name(String name) {
      this.name = name;
      return this;
    }

    /** Which version to fill; the new one by default. */
    public Builder side(BackfillSide side) {
      this.side = side;
      return this;
    }

    /** Batches that are embedded at a time, 1 to 64; 2 by default. */
    public Builder threads(int threads) {
      this.threads = range("threads", threads, THREADS_MAX);
      return this;
    }

    /** Points in a batch, 1 to 1,000; 64 by default. */
    public Builder batchPoints(int points) {
      this.batchPoints = range("batch_points", points, BATCH_POINTS_MAX);
      return this;
    }

    /** How long a batch may take before its points go to another worker; a minute by default. */
    public Builder lease(Duration lease) {
      range("lease_seconds", (int) Math.min(lease.toSeconds(), Integer.MAX_VALUE), 3_600);
      this.lease = lease;
      return this;
    }

    /** Never faster than this, all threads together; as fast as it goes by default. */
    public Builder pointsPerSecond(double points) {
      this.pointsPerSecond = points;
      return this;
    }

    /** How long to wait for a server that does not answer; ten minutes by default. */
    public Builder patience(Duration patience) {
      this.patience = patience;
      return this;
    }

    /** Goes on for points that old clients write, until stopped or the migration has ended. */
    public Builder keepRunning() {
      this.untilDrained = false;
      return this;
    }

    /** Called after each batch, by the worker's threads. */
    public Builder onProgress(Consumer<BackfillStats> onProgress) {
      this.onProgress = onProgress;
      return this;
    }

    public BackfillWorker build() {
      return new BackfillWorker(this);
    }

    private static int range(String field, int value, int max) {
      if (value < 1 || value > max) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT, "worker." + field, value, "1 to " + max);
      }
      return value;
    }

    private static String sourceText(LeasedPoint point, List<String> fields) {
      StringBuilder text = new StringBuilder();
      for (String field : fields) {
        if (point.source().get(field) instanceof Value.StringValue string) {
          text.append(text.length() == 0 ? "" : "\n").append(string.value());
        }
      }
      if (text.length() == 0) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT,
            "source",
            "no text in the source fields " + fields + " of point " + point.id(),
            "source fields in the version's spec, or BackfillWorker.Builder.text");
      }
      return text.toString();
    }
  }
}
