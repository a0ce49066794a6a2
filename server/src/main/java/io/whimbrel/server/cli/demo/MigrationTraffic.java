package io.whimbrel.server.cli.demo;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Hit;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.migration.RoutedCollection;
import io.whimbrel.client.migration.TextPoint;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/// Writers and readers of one collection while its model changes, and what it must hold.
///
/// Half of the writers, at least one, know the old model only until [#retireOldClients]. A writer
/// repeats a write until it is acknowledged: its ids are its own and its writes say all, so a
/// repetition cannot hurt. A reader checks each hit: the score must be that of the query and the
/// hit's text by the model of the version that answered; another would mean that spaces were mixed
/// or an old content was found. A hit that was written after the search looked is passed over.
public final class MigrationTraffic implements AutoCloseable {
  private static final double SCORE_TOLERANCE = 2e-3;
  private static final int USERS = 1_000;
  private static final int FAULTS_MAX = 5;
  private static final int PAGE = 1_000;
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofMillis(50);

  private final WhimbrelClient client;
  private final TwoModels models;
  private final String collection;
  private final RoutedCollection routed;
  private final RoutedCollection oldOnly;
  private final Duration pause;
  private final List<Thread> threads = new ArrayList<>();
  private final Map<PointId, String> expected = new ConcurrentHashMap<>();
  private final AtomicLong writes = new AtomicLong();
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong readsOfNew = new AtomicLong();
  private final AtomicLong wrong = new AtomicLong();
  private final AtomicLong failures = new AtomicLong();
  private final AtomicInteger newVersion = new AtomicInteger();
  private final List<String> faults = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean oldClients = true;
  private volatile boolean stopping;

  /// @param pause between two calls of one thread
  public MigrationTraffic(
      WhimbrelClient client, TwoModels models, String collection, Duration pause) {
    this.client = client;
    this.models = models;
    this.collection = collection;
    this.pause = pause;
    this.routed =
        RoutedCollection.builder(client, collection)
            .model(TwoModels.OLD, models::byOld)
            .model(TwoModels.NEW, models::byNew)
            .build();
    this.oldOnly =
        RoutedCollection.builder(client, collection).model(TwoModels.OLD, models::byOld).build();
  }

  /// The collection as clients with both models use it.
  public RoutedCollection routed() {
    return routed;
  }

  /// Tells that points were written before.
  public void written(Map<PointId, String> texts) {
    expected.putAll(texts);
  }

  /// Tells which version the new model answers.
  public void newVersion(int number) {
    newVersion.set(number);
  }

  /// Starts the threads. The writers share out the points that are there, and the texts that are
  /// not.
  public void start(int writers, int readers, long seed) {
    List<PointId> ids =
        expected.keySet().stream().sorted((a, b) -> a.toString().compareTo(b.toString())).toList();
    List<String> unused = new ArrayList<>(models.texts());
    unused.removeAll(List.copyOf(expected.values()));
    for (int i = 0; i < writers; i++) {
      Writer writer = new Writer(i, 2 * i < writers && writers > 1, new Random(seed + i));
      for (int j = i; j < ids.size(); j += writers) {
        writer.ids.add(ids.get(j));
      }
      for (int j = i; j < unused.size(); j += writers) {
        writer.unused.add(unused.get(j));
      }
      threads.add(Thread.ofPlatform().name("writer-" + i).daemon().start(writer));
    }
    for (int i = 0; i < readers; i++) {
      Random random = new Random(seed + writers + i);
      threads.add(Thread.ofPlatform().name("reader-" + i).daemon().start(() -> read(random)));
    }
  }

  /// From here on all writers know both models.
  public void retireOldClients() {
    oldClients = false;
  }

  public long writes() {
    return writes.get();
  }

  public long reads() {
    return reads.get();
  }

  /// Reads that the new version answered.
  public long readsOfNew() {
    return readsOfNew.get();
  }

  /// Hits that no model explains.
  public long wrong() {
    return wrong.get();
  }

  /// Calls that failed and were made again; none unless the server is stopped.
  public long failures() {
    return failures.get();
  }

  /// The first things that were wrong.
  public List<String> faults() {
    return List.copyOf(faults);
  }

  /// What the collection must hold; settled when the traffic has stopped.
  public Map<PointId, String> expected() {
    return Map.copyOf(expected);
  }

  /// Waits for the writes that are under way.
  public void stop() throws InterruptedException {
    stopping = true;
    for (Thread thread : threads) {
      thread.join();
    }
  }

  @Override
  public void close() {
    stopping = true;
  }

  /// Points that are missing, that should not be there, or that hold another text or vector than
  /// the one that was acknowledged last, by the model of the new version.
  public long lost() {
    long lost = 0;
    Map<PointId, String> left = new HashMap<>(expected);
    ReadOptions read = ReadOptions.DEFAULT.withVectors(io.whimbrel.client.Selector.ALL);
    for (var point :
        (Iterable<io.whimbrel.client.Point>) client.scrollAll(collection, PAGE, read)::iterator) {
      String text = left.remove(point.id());
      Vector vector = point.vectors().get("default");
      boolean right =
          text != null
              && Optional.of(text).equals(text(point.payload()))
              && vector != null
              && near(dot(vector.values(), models.byNew(text)), 1);
      if (!right) {
        lost++;
        fault("point " + point.id() + " should hold \"" + text + '"');
      }
    }
    left.forEach((id, text) -> fault("point " + id + " is missing, \"" + text + '"'));
    return lost + left.size();
  }

  /// Share of the true `k` nearest that a search finds, over all queries, by the version that
  /// answers `key`; nothing may write meanwhile.
  public double recall(int k, boolean byNew) {
    List<Map.Entry<PointId, String>> points = List.copyOf(expected.entrySet());
    float[][] vectors = new float[points.size()][];
    for (int i = 0; i < vectors.length; i++) {
      String text = points.get(i).getValue();
      vectors[i] = byNew ? models.byNew(text) : models.byOld(text);
    }
    long found = 0;
    for (String query : models.queries()) {
      float[] vector = byNew ? models.byNew(query) : models.byOld(query);
      double[] scores = new double[vectors.length];
      for (int i = 0; i < vectors.length; i++) {
        scores[i] = dot(vector, vectors[i]);
      }
      double[] sorted = scores.clone();
      java.util.Arrays.sort(sorted);
      // Rounding on the server must not cost a hit that is as near as the last.
      double least = sorted[sorted.length - k] - 1e-6;
      Map<PointId, Double> truth = new HashMap<>();
      for (int i = 0; i < scores.length; i++) {
        truth.put(points.get(i).getKey(), scores[i]);
      }
      found +=
          routed.search(query, "", k).hits().stream()
              .filter(hit -> truth.getOrDefault(hit.id(), Double.NEGATIVE_INFINITY) >= least)
              .count();
    }
    return found / (double) (models.queries().size() * k);
  }

  private void read(Random random) {
    while (!stopping) {
      String query = models.queries().get(random.nextInt(models.queries().size()));
      String user = "user-" + random.nextInt(USERS);
      try {
        check(query, routed.search(query, user, 10));
        reads.incrementAndGet();
      } catch (WhimbrelException e) {
        failed("search", e);
      }
      rest(pause);
    }
  }

  private void check(String query, SearchResult result) {
    boolean byNew = result.servedVersion() == newVersion.get();
    if (byNew) {
      readsOfNew.incrementAndGet();
    }
    float[] vector = byNew ? models.byNew(query) : models.byOld(query);
    for (Hit hit : result.hits()) {
      if (Long.compareUnsigned(hit.seq(), result.seq()) > 0) {
        continue;
      }
      String text = text(hit.payload()).orElse("");
      double score =
          models.texts().isEmpty() || text.isEmpty()
              ? Double.NaN
              : dot(vector, byNew ? models.byNew(text) : models.byOld(text));
      if (!near(hit.score(), score)) {
        wrong.incrementAndGet();
        fault(
            "version "
                + result.servedVersion()
                + " scored "
                + hit.score()
                + " for point "
                + hit.id()
                + ", its text says "
                + score);
      }
    }
    if (result.hits().isEmpty()) {
      wrong.incrementAndGet();
      fault("no hits by version " + result.servedVersion());
    }
  }

  /// One writer: changes texts, deletes points and brings them back.
  private final class Writer implements Runnable {
    private final int number;
    private final boolean oldAtFirst;
    private final Random random;
    private final List<PointId> ids = new ArrayList<>();
    private final ArrayDeque<String> unused = new ArrayDeque<>();
    private int made;

    Writer(int number, boolean oldAtFirst, Random random) {
      this.number = number;
      this.oldAtFirst = oldAtFirst;
      this.random = random;
    }

    @Override
    public void run() {
      while (!stopping) {
        PointId id = ids.isEmpty() ? newId() : ids.get(random.nextInt(ids.size()));
        int choice = random.nextInt(10);
        String before = expected.get(id);
        if (choice == 0 && before != null) {
          acknowledged(() -> client.delete(collection, List.of(id), WriteOptions.DEFAULT));
          expected.remove(id);
          unused.add(before);
        } else if (choice == 1 && !unused.isEmpty()) {
          upsert(newId(), null);
        } else if (choice == 2 && before != null) {
          // The content stays: costs no embedding.
          acknowledged(() ->
              client.mergePayload(
                  collection,
                  List.of(id),
                  Map.of("price", new Value.IntValue(random.nextInt(100))),
                  WriteOptions.DEFAULT));
        } else if (!unused.isEmpty()) {
          upsert(id, before);
        }
        writes.incrementAndGet();
        rest(pause);
      }
    }

    private PointId newId() {
      PointId id = PointId.of("new-" + number + "-" + made++);
      ids.add(id);
      return id;
    }

    private void upsert(PointId id, @org.jspecify.annotations.Nullable String before) {
      String text = unused.remove();
      RoutedCollection by = oldAtFirst && oldClients ? oldOnly : routed;
      TextPoint point = TextPoint.of(id, TwoModels.TEXT, text);
      acknowledged(() -> by.upsert(List.of(point)));
      expected.put(id, text);
      if (before != null) {
        unused.add(before);
      }
    }

    /// Repeats until acknowledged. Once begun, a write is seen to its end even while the traffic
    /// stops, since it may have happened.
    private void acknowledged(Runnable write) {
      while (true) {
        try {
          write.run();
          return;
        } catch (WhimbrelException e) {
          failed("write", e);
          if (!passing(e)) {
            throw e;
          }
        }
      }
    }
  }

  private static boolean passing(WhimbrelException e) {
    return e.retryable()
        || e.code() == ErrorCode.DEADLINE_EXCEEDED
        // The collection is just being opened anew, or the old client was retired this moment.
        || e.code() == ErrorCode.ROUTING_STALE
        || e.code() == ErrorCode.OLD_SPACE;
  }

  private void failed(String what, WhimbrelException e) {
    failures.incrementAndGet();
    if (!passing(e)) {
      wrong.incrementAndGet();
      fault(what + " refused: " + e.code() + " " + e.getMessage());
    }
    rest(PAUSE_AFTER_FAILURE);
  }

  private void fault(String text) {
    if (faults.size() < FAULTS_MAX) {
      faults.add(text);
    }
  }

  private static Optional<String> text(Map<String, Value> payload) {
    return payload.get(TwoModels.TEXT) instanceof Value.StringValue(String text)
        ? Optional.of(text)
        : Optional.empty();
  }

  private static boolean near(double a, double b) {
    return Math.abs(a - b) <= SCORE_TOLERANCE;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
      aa += (double) a[i] * a[i];
      bb += (double) b[i] * b[i];
    }
    return sum / Math.sqrt(aa * bb);
  }

  private static void rest(Duration time) {
    if (time.isZero()) {
      return;
    }
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
