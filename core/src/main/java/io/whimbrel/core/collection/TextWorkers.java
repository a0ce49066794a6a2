package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.ChangeRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import io.whimbrel.core.text.TextIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What is done for text indexes in the background: filling them from the store, moving published
/// changes from memory into their files, committing these.
///
/// Files are caches below `DIR/text`, one directory for each index. A commit that can be trusted is
/// brought up to date by the change log: what changed since is read from the store. Without one, or
/// when the log does not reach back so far, all points are read.
final class TextWorkers {
  private static final Logger LOG = LoggerFactory.getLogger(TextWorkers.class);

  /// How long a published change waits for its turn, so that many move at once.
  private static final long GATHER_MILLIS = 50;

  /// A search looks at this many changes in memory at most; it moves more before it begins.
  private static final int SEARCHED_PENDING_MAX = 256;

  /// With more changes, or more bytes of them, than this a writer waits until they have moved.
  private static final int PENDING_MAX = 10_000;

  private static final long PENDING_BYTES_MAX = 32L << 20;

  /// Moved changes after which the files are committed; and how often they are anyway.
  private static final long COMMIT_CHANGES = 50_000;

  private static final Duration COMMIT_EVERY = Duration.ofSeconds(30);

  /// Changed points that are read while the database opens; more are read in the background.
  private static final int OPENING_POINTS_MAX = 10_000;

  /// Changed points up to which reading them is cheaper than reading all.
  private static final int CHANGED_POINTS_MAX = 1_000_000;

  /// Points between two looks for changes and for the end.
  private static final int PIECE_POINTS = 512;

  private final Path directory;
  private final UUID databaseId;
  private final Catalog catalog;
  private final Visibility visibility;
  private final Set<LiveText> waiting = ConcurrentHashMap.newKeySet();
  private final ScheduledThreadPoolExecutor mover =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().name("whimbrel-text").daemon(true).factory());
  private final ExecutorService filler =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("whimbrel-text-fill").daemon(true).factory());

  private volatile boolean stopping;

  TextWorkers(Path dataDirectory, UUID databaseId, Catalog catalog, Visibility visibility) {
    this.directory = dataDirectory.resolve("text");
    this.databaseId = databaseId;
    this.catalog = catalog;
    this.visibility = visibility;
    mover.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /// An index that is not opened yet. `number` is given once in its collection.
  LiveText make(int collection, String name, int number, TextIndexSpec spec) {
    String stem = stem(collection, number);
    return new LiveText(
        collection,
        "\"%s\", text index \"%s\"".formatted(name, spec.path().text()),
        number,
        spec,
        new TextIndex(directory.resolve(stem), spec.analyzer(), databaseId + " " + stem));
  }

  private static String stem(int collection, int number) {
    return collection + "-" + number;
  }

  /// Opens the indexes of all collections. Those with much to read are not ready yet when it
  /// returns. Before the sequencer starts.
  void start() {
    deleteOrphans();
    for (LiveCollection collection : catalog.all()) {
      collection.texts().forEach(text -> openOrFill(collection, text));
    }
    mover.scheduleWithFixedDelay(
        this::commitAll, COMMIT_EVERY.toMillis(), COMMIT_EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  /// A new index. One of an empty collection is ready when this returns. Sequencer, with the
  /// collection published.
  void declared(LiveCollection collection, LiveText text) {
    if (collection.payload().snapshot().points().isEmpty()) {
      openOrFill(collection, text);
    } else {
      text.filling("it is new");
      fillLater(collection, text);
    }
  }

  private void openOrFill(LiveCollection collection, LiveText text) {
    text.work.lock();
    try {
      if (!fill(collection, text, OPENING_POINTS_MAX)) {
        fillLater(collection, text);
      }
    } finally {
      text.work.unlock();
    }
  }

  private void fillLater(LiveCollection collection, LiveText text) {
    try {
      filler.execute(() -> {
        text.work.lock();
        try {
          fill(collection, text, Integer.MAX_VALUE);
        } finally {
          text.work.unlock();
        }
        wake(text);
      });
    } catch (RejectedExecutionException e) {
      LOG.info("closing; {} is filled at the next start", text.title());
    }
  }

  /// Opens the index and reads what it lacks; false when that is more than `pointsMax` points. A
  /// failure is put down in the status. Holds `work`.
  private boolean fill(LiveCollection collection, LiveText text, int pointsMax) {
    try (Visibility.Moment moment = visibility.now(collection, List.of())) {
      StringBuilder reason = new StringBuilder();
      TextIndex index = text.index();
      index.reset(false);
      long committed = index.open(moment.seq(), reason);
      long @Nullable [] changed =
          committed == 0 ? null : changedSince(moment.view(), collection, committed, moment.seq());
      if (changed == null && committed > 0) {
        reason.append("too much changed since it was committed");
        index.reset(true);
        index.open(moment.seq(), new StringBuilder());
      }
      long points = moment.payload().points().count();
      if ((changed == null ? points : changed.length) > pointsMax) {
        text.filling(reason.isEmpty() ? "much changed since it was committed" : reason.toString());
        LOG.info("{} is filled in the background: {}", text.title(), text.note());
        return false;
      }
      index.startFilling(moment.seq());
      boolean whole =
          changed == null
              ? fillAll(moment, collection, text)
              : fillChanged(moment, collection, text, changed);
      if (whole) {
        index.finishFilling();
        text.committedSeq = moment.seq();
        text.filling("");
        if (points > 0) {
          LOG.info(
              "{}: {} of {} points read",
              text.title(),
              changed == null ? points : changed.length,
              points);
        }
      }
      return true;
    } catch (IOException | RuntimeException e) {
      if (!text.isDropped() && !stopping) {
        failed(text, e);
      }
      return true;
    }
  }

  private static void failed(LiveText text, Exception e) {
    LOG.error("{} cannot be searched before the next start", text.title(), e);
    text.failed("it failed: " + e);
    try {
      // Changes would pile up in memory.
      text.index().close();
    } catch (IOException | RuntimeException second) {
      LOG.warn("cannot close {}", text.title(), second);
    }
  }

  /// The points that writes after `committed` changed, ascending; null when there are too many, or
  /// when the log does not reach back so far.
  private static long @Nullable [] changedSince(
      View view, LiveCollection collection, long committed, long seq) throws StorageException {
    if (committed == seq) {
      return new long[0];
    }
    long[] ids = new long[64];
    int count = 0;
    try (Scan log = view.scan(Table.LOG, Keys.log(committed + 1), Keys.log(Long.MAX_VALUE))) {
      boolean first = true;
      while (log.advance()) {
        if (first && Keys.logSeqOf(log.key()) != committed + 1) {
          return null;
        }
        first = false;
        ChangeRecord change = ChangeRecord.decode(log.valueBytes());
        if (change.collection() == collection.number()) {
          for (long id : change.internalIds()) {
            if (count == ids.length) {
              ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count++] = id;
          }
          if (count > CHANGED_POINTS_MAX) {
            return null;
          }
        }
      }
      if (first) {
        return null;
      }
    }
    return Arrays.stream(ids, 0, count).sorted().distinct().toArray();
  }

  private boolean fillAll(Visibility.Moment moment, LiveCollection collection, LiveText text)
      throws IOException {
    byte[] from = Keys.collectionPrefix(collection.number());
    byte[] to = Keys.collectionPrefix(collection.number() + 1);
    try (Scan points = moment.view().scan(Table.POINTS, from, to)) {
      for (int count = 1; points.advance(); count++) {
        if (count % PIECE_POINTS == 0 && !goesOn(text)) {
          return false;
        }
        long id = Keys.internalIdOf(points.key());
        text.index().fill(id, text.texts(PointRecord.decode(points.valueBytes())), true);
      }
    }
    return goesOn(text);
  }

  private boolean fillChanged(
      Visibility.Moment moment, LiveCollection collection, LiveText text, long[] ids)
      throws IOException {
    for (int from = 0; from < ids.length; from += PIECE_POINTS) {
      if (!goesOn(text)) {
        return false;
      }
      int to = Math.min(ids.length, from + PIECE_POINTS);
      List<byte[]> keys = new ArrayList<>(to - from);
      for (int i = from; i < to; i++) {
        keys.add(Keys.point(collection.number(), ids[i]));
      }
      List<byte @Nullable []> records = moment.view().multiGet(Table.POINTS, keys);
      for (int i = from; i < to; i++) {
        byte[] bytes = records.get(i - from);
        List<String> texts = bytes == null ? List.of() : text.texts(PointRecord.decode(bytes));
        text.index().fill(ids[i], texts, false);
      }
    }
    return goesOn(text);
  }

  private boolean goesOn(LiveText text) throws IOException {
    if (stopping || text.isDropped()) {
      return false;
    }
    text.index().moveWhileFilling();
    return true;
  }

  /// Says that changes were published. Any thread.
  void wake(LiveText text) {
    if (text.index().pending() > 0 && waiting.add(text)) {
      try {
        mover.schedule(() -> move(text), GATHER_MILLIS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        LOG.debug("closing; changes of {} are found in the store again", text.title());
      }
    }
  }

  private void move(LiveText text) {
    waiting.remove(text);
    // A thread that holds it moves what there is, or wakes us.
    if (text.work.tryLock()) {
      try {
        moveNow(text);
      } finally {
        text.work.unlock();
      }
    }
  }

  /// Holds `work`.
  private void moveNow(LiveText text) {
    if (!text.index().isReady() || text.isDropped() || text.hasFailed()) {
      return;
    }
    try {
      long seq = visibility.seq();
      text.movedSinceCommit += text.index().work();
      if (text.movedSinceCommit >= COMMIT_CHANGES) {
        commit(text, seq);
      }
    } catch (IOException | RuntimeException e) {
      failed(text, e);
    }
  }

  /// Holds `work`. `seq` was visible before.
  private static void commit(LiveText text, long seq) throws IOException {
    text.index().commit(seq);
    text.movedSinceCommit = 0;
    text.committedSeq = seq;
  }

  /// Before a search looks at the index: moves what makes the search slow.
  void freshen(LiveText text) {
    if (text.index().isReady() && text.index().pending() > SEARCHED_PENDING_MAX) {
      await(text);
    }
  }

  /// Before a write: holds the writer back while much has piled up.
  void awaitRoom(LiveCollection collection) {
    for (LiveText text : collection.texts()) {
      if (hasMuch(text)) {
        await(text);
      }
    }
  }

  /// Waits until what is pending now has moved. The mover does it: a caller that is interrupted
  /// would close the files under everybody.
  private void await(LiveText text) {
    try {
      mover.submit(() -> move(text)).get();
    } catch (RejectedExecutionException e) {
      LOG.debug("closing; changes of {} are found in memory", text.title());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw WhimbrelException.of(ErrorCode.CANCELLED, "text index", "interrupted while waiting", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("moving changes of " + text.title() + " failed", e);
    }
  }

  private static boolean hasMuch(LiveText text) {
    return text.index().isReady()
        && (text.index().pending() > PENDING_MAX
            || text.index().pendingBytes() > PENDING_BYTES_MAX);
  }

  /// Bounds what the next start has to read again. In the mover's thread.
  private void commitAll() {
    catalog.all().stream()
        .flatMap(collection -> collection.texts().stream())
        .forEach(text -> {
          if (text.work.tryLock()) {
            try {
              long seq = visibility.seq();
              if (text.index().isReady()
                  && !text.hasFailed()
                  && (text.movedSinceCommit > 0
                      || seq - text.committedSeq > WriteGroup.LOG_ROWS_MAX / 4)) {
                commit(text, seq);
              }
            } catch (IOException | RuntimeException e) {
              failed(text, e);
            } finally {
              text.work.unlock();
            }
          }
        });
  }

  /// A search found the files damaged: fills the index anew. Any thread.
  void distrust(LiveCollection collection, LiveText text, IOException e) {
    LOG.error("{} is damaged and is filled anew", text.title(), e);
    text.filling("it was damaged: " + e.getMessage());
    filler.execute(() -> {
      text.work.lock();
      try {
        if (text.index().isReady()) {
          text.index().reset(true);
        }
      } catch (IOException failure) {
        failed(text, failure);
      } finally {
        text.work.unlock();
      }
    });
    fillLater(collection, text);
  }

  /// Gives the space of an index back that nobody finds any more.
  void dropped(LiveText text) {
    text.drop();
    try {
      filler.execute(() -> {
        text.work.lock();
        try {
          text.index().close();
          text.index().delete();
        } catch (IOException e) {
          LOG.error("cannot delete the files of dropped {}", text.title(), e);
        } finally {
          text.work.unlock();
        }
      });
    } catch (RejectedExecutionException e) {
      LOG.info("the files of {} are deleted at the next start", text.title());
    }
  }

  private void deleteOrphans() {
    Set<String> known =
        catalog.all().stream()
            .flatMap(collection -> collection.texts().stream())
            .map(text -> stem(text.collection(), text.number()))
            .collect(Collectors.toSet());
    if (!Files.isDirectory(directory)) {
      return;
    }
    try {
      List<Path> found;
      try (Stream<Path> listed = Files.list(directory)) {
        found = listed.toList();
      }
      for (Path path : found) {
        if (!known.contains(path.getFileName().toString())) {
          TextIndex.deleteDirectory(path);
        }
      }
    } catch (IOException e) {
      LOG.warn("cannot delete text indexes that are of no use any more", e);
    }
  }

  /// Commits and closes every index and ends. The sequencer has ended; reads that run finish.
  void stop() {
    stopping = true;
    filler.close();
    // Not interrupted: that would close the files it writes. What is scheduled is not run any more.
    mover.close();
    Collection<LiveText> texts =
        catalog.all().stream().flatMap(collection -> collection.texts().stream()).toList();
    for (LiveText text : texts) {
      text.work.lock();
      try {
        long seq = visibility.seq();
        if (text.index().isReady() && !text.hasFailed()) {
          text.movedSinceCommit += text.index().work();
          if (text.movedSinceCommit > 0 || text.committedSeq < seq) {
            commit(text, seq);
          }
        }
        text.index().close();
      } catch (IOException | RuntimeException e) {
        LOG.error("cannot commit {}; the next start has more to read", text.title(), e);
      } finally {
        text.work.unlock();
      }
    }
  }
}
