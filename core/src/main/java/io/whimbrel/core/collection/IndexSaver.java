package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Saves indexes to their files: at close when something changed, and before that each time much
/// has.
///
/// A thread of its own does it, so that neither writes nor the work on indexes wait for the disk. A
/// failed save leaves the older file, is logged and shown in the status, and is tried again after
/// as many more changes.
final class IndexSaver {
  private static final Logger LOG = LoggerFactory.getLogger(IndexSaver.class);

  /// A file is replaced after so many changed vectors, and after the share of all that follows: a
  /// large index takes long to write.
  private static final long CHANGES_MIN = 100_000;

  private static final int CHANGES_SHARE = 4;
  private static final Duration LOOK_EVERY = Duration.ofSeconds(10);

  private final IndexFiles files;
  private final Catalog catalog;
  private final long changesMin;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("whimbrel-index-saver").daemon(true).factory());

  /// What each version had when it was saved last; absent as opened. Of the saver's thread.
  private final Map<LiveVersion, State> saved = new IdentityHashMap<>();

  private record State(long changes, int pending) {
    static State of(LiveVersion version) {
      return new State(version.changes(), version.pending());
    }
  }

  IndexSaver(IndexFiles files, Catalog catalog) {
    this(files, catalog, CHANGES_MIN);
  }

  IndexSaver(IndexFiles files, Catalog catalog, long changesMin) {
    this.files = files;
    this.catalog = catalog;
    this.changesMin = changesMin;
  }

  void start() {
    thread.execute(
        () -> forAll((_, version) -> saved.put(version, new State(0, version.pending()))));
    thread.scheduleWithFixedDelay(
        this::look, LOOK_EVERY.toMillis(), LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  /// Saves what has changed much. In the saver's thread, or before it starts.
  void look() {
    forAll(this::saveWhenMuchChanged);
  }

  @FunctionalInterface
  private interface Step {
    void run(int collection, LiveVersion version);
  }

  private void forAll(Step step) {
    for (LiveCollection collection : catalog.all()) {
      collection.versions().forEach(version -> step.run(collection.number(), version));
    }
  }

  private void saveWhenMuchChanged(int collection, LiveVersion version) {
    long changes = version.changes() - stateOf(version).changes();
    if (changes >= Math.max(changesMin, version.live() / CHANGES_SHARE)) {
      save(collection, version);
    }
  }

  private State stateOf(LiveVersion version) {
    return saved.getOrDefault(version, new State(0, 0));
  }

  private void save(int collection, LiveVersion version) {
    if (!Indexes.inFiles(version.spec()) || version.hasFailed()) {
      return;
    }
    long start = System.nanoTime();
    State state = State.of(version);
    try {
      files.save(collection, version);
      version.saveFailed("");
      LOG.info(
          "saved the index of {}, {} vectors, in {} ms",
          version.title(),
          version.live(),
          (System.nanoTime() - start) / 1_000_000);
    } catch (WhimbrelException e) {
      // Closed: dropped meanwhile. What was written goes with the collection's other files.
      if (e.code() != ErrorCode.UNAVAILABLE) {
        failed(version, e);
      }
    } catch (IOException | RuntimeException e) {
      failed(version, e);
    }
    saved.put(version, state);
  }

  private static void failed(LiveVersion version, Exception e) {
    LOG.error("cannot save the index of {}; the next open has more to build", version.title(), e);
    version.saveFailed("the index could not be saved: " + e);
  }

  /// Deletes the files of a collection that was dropped.
  void dropped(LiveCollection collection) {
    try {
      thread.execute(() -> {
        collection.versions().forEach(saved::remove);
        try {
          files.delete(collection.number());
        } catch (IOException e) {
          LOG.error("cannot delete the index files of dropped \"{}\"", collection.name(), e);
        }
      });
    } catch (RejectedExecutionException e) {
      LOG.info("the index files of \"{}\" are deleted at the next start", collection.name());
    }
  }

  /// Deletes the files of a version that was dropped.
  void dropped(LiveCollection collection, LiveVersion version) {
    try {
      thread.execute(() -> {
        saved.remove(version);
        try {
          files.delete(collection.number(), version);
        } catch (IOException e) {
          LOG.error("cannot delete the index files of dropped {}", version.title(), e);
        }
      });
    } catch (RejectedExecutionException e) {
      LOG.info("the index files of {} are deleted at the next start", version.title());
    }
  }

  /// Saves what has changed and ends. No write and no work on an index runs any more.
  void stop() {
    thread.execute(() ->
        forAll((collection, version) -> {
          State last = stateOf(version);
          if (version.changes() != last.changes() || version.pending() < last.pending()) {
            save(collection, version);
          }
        }));
    thread.shutdown();
    // Waits for a save that runs and for the last ones.
    thread.close();
  }
}
