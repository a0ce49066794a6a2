package io.whimbrel.core.collection;

import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.store.BacklogCounters;
import io.whimbrel.core.store.BacklogRecord;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PayloadIndexesRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Progress;
import io.whimbrel.core.store.RequestRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.Stamp;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.Totals;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Opens what is on disk: checks that nothing acknowledged is missing, then loads what searches
/// need.
///
/// 1. The stamp beside the store must not be ahead of it, and must name the same database.
/// 2. The change log must have no gap and must end where the store's progress stands.
/// 3. Per collection, ids, points and vectors must be as many as the totals say, with the same
///    hash; and the rows of an open migration as many as its counters say.
///
/// Any difference is DATA_LOSS, unless `acceptDataLoss`: then it is logged and what is there
/// becomes the truth.
public final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  /// Points between two steps of building payload indexes.
  private static final int PAYLOAD_STEP_POINTS = 65_536;

  private final Store store;
  private final Path directory;
  private final Indexes indexes;
  private final boolean acceptDataLoss;
  private final int indexThreads;

  /// What an open database consists of.
  public record Opened(
      UUID databaseId, Catalog catalog, Sequencer sequencer, MigrationDesk migrations) {}

  public Recovery(
      Store store, Path directory, Kernels kernels, boolean acceptDataLoss, int indexThreads) {
    this.store = store;
    this.directory = directory;
    this.indexes = new Indexes(kernels);
    this.acceptDataLoss = acceptDataLoss;
    this.indexThreads = indexThreads;
  }

  public Opened open(Sequencer.Options options) throws StorageException {
    Progress progress;
    Map<Integer, CollectionRecord> records = new TreeMap<>();
    Map<Integer, Totals> totals = new TreeMap<>();
    Map<Integer, PayloadIndexesRecord> payloadIndexes = new TreeMap<>();
    Map<String, RequestRecord> requests = new HashMap<>();
    Map<Integer, Map<Long, MigrationRecord>> migrations = new HashMap<>();
    Map<Integer, Map<Long, BacklogCounters>> counters = new HashMap<>();
    Map<String, Integer> aliases = new TreeMap<>();
    List<Integer> dropped = new ArrayList<>();
    long logStart;
    try (View view = store.view()) {
      Optional<byte[]> progressRow = view.get(Table.SYSTEM, Keys.PROGRESS);
      progress = progressRow.isPresent() ? Progress.decode(progressRow.get()) : Progress.START;
      forEach(
          view,
          'C',
          (key, value) -> records.put(Keys.collectionOf(key), CollectionRecord.decode(value)));
      forEach(view, 'K', (key, value) -> totals.put(Keys.collectionOf(key), Totals.decode(value)));
      forEach(
          view,
          'I',
          (key, value) ->
              payloadIndexes.put(Keys.collectionOf(key), PayloadIndexesRecord.decode(value)));
      forEach(
          view,
          'R',
          (key, value) -> requests.put(Keys.requestOf(key), RequestRecord.decode(value)));
      forEach(
          view,
          'M',
          (key, value) ->
              migrations
                  .computeIfAbsent(Keys.collectionOf(key), _ -> new TreeMap<>())
                  .put(Keys.migrationOf(key), MigrationRecord.decode(value)));
      forEach(
          view,
          'Q',
          (key, value) ->
              counters
                  .computeIfAbsent(Keys.collectionOf(key), _ -> new TreeMap<>())
                  .put(Keys.migrationOf(key), BacklogCounters.decode(value)));
      forEach(
          view,
          'A',
          (key, value) -> aliases.put(Keys.aliasOf(key), ByteBuffer.wrap(value).getInt()));
      forEach(view, 'X', (key, value) -> dropped.add(Keys.collectionOf(key)));
      logStart = checkLog(view, progress);
    }
    UUID databaseId = checkStamp(progress);
    List<LiveCollection> collections = new ArrayList<>();
    for (Map.Entry<Integer, CollectionRecord> entry : records.entrySet()) {
      int number = entry.getKey();
      Totals expected = totals.get(number);
      if (expected == null) {
        dataLoss("collection \"" + entry.getValue().name() + "\" has no totals");
        expected = Totals.EMPTY;
      }
      PayloadIndexesRecord declared =
          payloadIndexes.getOrDefault(number, PayloadIndexesRecord.NONE);
      Map<Long, BacklogCounters> ofCollection =
          new HashMap<>(counters.getOrDefault(number, Map.of()));
      Map<Long, MigrationRecord> moving = migrations.getOrDefault(number, Map.of());
      for (MigrationRecord migration : moving.values()) {
        if (migration.state().writesBoth()) {
          BacklogCounters counted = ofCollection.get(migration.number());
          ofCollection.put(
              migration.number(), counted(number, entry.getValue().name(), migration, counted));
        }
      }
      LiveCollection collection =
          new LiveCollection(
              number,
              entry.getValue(),
              declared.indexes(),
              expected,
              moving,
              ofCollection,
              indexes::create);
      collection.replaceDeclared(declared);
      collections.add(collection);
    }
    IndexFiles files = new IndexFiles(directory, databaseId, indexes);
    deleteOrphans(files, collections);
    loadAll(files, collections, progress.seq());
    Catalog catalog = new Catalog(collections);
    catalog.replaceAliases(named(collections, aliases));
    Visibility visibility = new Visibility(store, progress.seq());
    TextWorkers textWorkers = new TextWorkers(directory, databaseId, catalog, visibility);
    for (LiveCollection collection : collections) {
      collection.replaceTexts(
          collection.declared().texts().stream()
              .map(text ->
                  textWorkers.make(
                      collection.number(), collection.name(), text.number(), text.spec()))
              .toList());
    }
    Sequencer sequencer =
        new Sequencer(
            store,
            directory,
            databaseId,
            catalog,
            indexes,
            new RequestMemory(requests),
            new IndexWorkers(indexThreads),
            new IndexSaver(files, catalog),
            textWorkers,
            visibility,
            progress,
            logStart,
            options);
    sequencer.start(dropped);
    return new Opened(databaseId, catalog, sequencer, new MigrationDesk(sequencer, store, catalog));
  }

  private SortedMap<String, LiveCollection> named(
      List<LiveCollection> collections, Map<String, Integer> aliases) {
    SortedMap<String, LiveCollection> named = new TreeMap<>();
    aliases.forEach((alias, number) -> {
      collections.stream()
          .filter(collection -> collection.number() == number)
          .findFirst()
          .ifPresentOrElse(
              collection -> named.put(alias, collection),
              () -> dataLoss("the collection of alias \"" + alias + "\" is missing"));
    });
    return named;
  }

  /// The counters of a migration, compared with the rows they count.
  private BacklogCounters counted(
      int collection, String name, MigrationRecord migration, @Nullable BacklogCounters expected)
      throws StorageException {
    long forward;
    long reverse;
    long dead = 0;
    long waived = 0;
    try (View view = store.view()) {
      forward = count(view, collection, migration, MovingRows.FORWARD);
      reverse = count(view, collection, migration, MovingRows.REVERSE);
      try (Scan rows = scan(view, collection, migration, MovingRows.DEAD)) {
        while (rows.advance()) {
          if (BacklogRecord.decode(rows.valueBytes()).waived()) {
            waived++;
          } else {
            dead++;
          }
        }
      }
    }
    BacklogCounters stored = expected == null ? BacklogCounters.EMPTY : expected;
    BacklogCounters found =
        new BacklogCounters(stored.live(), forward, reverse, dead, waived, stored.listed());
    if (!found.equals(expected)) {
      dataLoss(
          "migration %s of collection \"%s\" has %s, %s were acknowledged"
              .formatted(migration.id(), name, found, expected));
    }
    return found;
  }

  private static long count(View view, int collection, MigrationRecord migration, char kind)
      throws StorageException {
    long count = 0;
    try (Scan rows = scan(view, collection, migration, kind)) {
      while (rows.advance()) {
        count++;
      }
    }
    return count;
  }

  private static Scan scan(View view, int collection, MigrationRecord migration, char kind) {
    return view.scan(
        Table.MIGRATION,
        Keys.inMotion(collection, migration.number(), kind, 0),
        Keys.inMotion(collection, migration.number(), (char) (kind + 1), 0));
  }

  @FunctionalInterface
  private interface Row {
    void accept(byte[] key, byte[] value) throws StorageException;
  }

  private static void forEach(View view, char kind, Row row) throws StorageException {
    try (Scan scan = view.scan(Table.SYSTEM, Keys.system(kind), Keys.system((char) (kind + 1)))) {
      while (scan.advance()) {
        row.accept(scan.keyBytes(), scan.valueBytes());
      }
    }
  }

  /// Returns the first sequence number that the change log still has.
  private long checkLog(View view, Progress progress) throws StorageException {
    long first = 0;
    long last = 0;
    try (Scan scan = view.scan(Table.LOG, Keys.log(0), Keys.log(Long.MAX_VALUE))) {
      while (scan.advance()) {
        long seq = Keys.logSeqOf(scan.key());
        if (first == 0) {
          first = seq;
        } else if (seq != last + 1) {
          dataLoss("the change log jumps from write " + last + " to " + seq);
        }
        last = seq;
      }
    }
    if (last != progress.seq()) {
      dataLoss("the change log ends at write " + last + ", the store at " + progress.seq());
    }
    return Math.max(1, first);
  }

  private UUID checkStamp(Progress progress) throws StorageException {
    Optional<Stamp> stamp = Stamp.read(directory);
    if (stamp.isEmpty() && progress.seq() > 0) {
      dataLoss("the file STAMP is missing");
    }
    if (stamp.isPresent() && stamp.get().seq() > progress.seq()) {
      dataLoss(
          "the store ends at write %d, but write %d was acknowledged; %d acknowledged writes are missing"
              .formatted(progress.seq(), stamp.get().seq(), stamp.get().seq() - progress.seq()));
    }
    if (stamp.isPresent() && stamp.get().seq() <= progress.seq()) {
      return stamp.get().databaseId();
    }
    UUID databaseId = stamp.map(Stamp::databaseId).orElseGet(UUID::randomUUID);
    new Stamp(databaseId, progress.seq()).write(directory);
    return databaseId;
  }

  private void dataLoss(String what) {
    if (!acceptDataLoss) {
      throw WhimbrelException.of(
          ErrorCode.DATA_LOSS,
          directory.toString(),
          what,
          "every acknowledged write; restore a backup, or open with accept-data-loss to go on with"
              + " what is there");
    }
    LOG.warn("accepted as asked: {} in {}", what, directory);
  }

  /// Verifies and loads collections, as many scans at once as there are processors.
  private void loadAll(IndexFiles files, List<LiveCollection> collections, long seq)
      throws StorageException {
    int threads = Runtime.getRuntime().availableProcessors();
    try (ExecutorService pool =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().name("whimbrel-load-", 0).factory())) {
      List<Future<Tallied>> points = new ArrayList<>();
      List<Map<LiveVersion, Future<Tallied>>> vectors = new ArrayList<>();
      for (LiveCollection collection : collections) {
        Map<LiveVersion, Future<Tallied>> ofCollection = new LinkedHashMap<>();
        collection
            .versions()
            .forEach(version ->
                ofCollection.put(
                    version, pool.submit(() -> load(files, collection.number(), version, seq))));
        vectors.add(ofCollection);
        points.add(pool.submit(() -> loadPoints(collection)));
      }
      for (int i = 0; i < collections.size(); i++) {
        LiveCollection collection = collections.get(i);
        Map<PointRecord.VectorRef, Totals.Tally> found = new HashMap<>();
        for (Map.Entry<LiveVersion, Future<Tallied>> entry : vectors.get(i).entrySet()) {
          found.put(entry.getKey().ref(), get(entry.getValue()).tally());
        }
        Tallied foundPoints = get(points.get(i));
        check(collection, foundPoints, new Totals(foundPoints.tally(), found));
      }
    }
  }

  /// @param ids rows of `IDS`; only counted beside points
  private record Tallied(Totals.Tally tally, long ids) {}

  private void check(LiveCollection collection, Tallied points, Totals found) {
    Totals expected = collection.totals();
    if (points.ids() != found.points().count()) {
      dataLoss(
          "collection \"%s\" has %d ids and %d points"
              .formatted(collection.name(), points.ids(), found.points().count()));
    }
    compare(collection, "points", expected.points(), found.points());
    found
        .vectors()
        .forEach((ref, tally) ->
            compare(
                collection,
                "vectors of field " + ref.field() + " version " + ref.version(),
                expected.vectorsOf(ref),
                tally));
    collection.replaceTotals(found);
  }

  private void compare(
      LiveCollection collection, String what, Totals.Tally expected, Totals.Tally found) {
    if (!expected.equals(found)) {
      dataLoss(
          "collection \"%s\" has %d %s, %d were acknowledged%s"
              .formatted(
                  collection.name(),
                  found.count(),
                  what,
                  expected.count(),
                  expected.count() == found.count() ? " and others" : ""));
    }
  }

  private static void deleteOrphans(IndexFiles files, List<LiveCollection> collections) {
    try {
      files.deleteOrphans(collections);
    } catch (IOException e) {
      LOG.warn("cannot delete index files that are of no use any more", e);
    }
  }

  /// Counts the stored vectors of a version and loads them, into the index from its file if there
  /// is one that can be trusted.
  private Tallied load(IndexFiles files, int collection, LiveVersion version, long seq)
      throws StorageException {
    boolean inFiles = Indexes.inFiles(version.spec());
    String reason = "there is no index file";
    if (inFiles) {
      try {
        long fileSeq = openFile(files, collection, version, seq);
        if (fileSeq > 0) {
          return load(collection, version, fileSeq, seq);
        }
      } catch (VersionLoader.Doubt e) {
        reason = "its file was set aside: " + e.getMessage();
        setAside(files, collection, version);
        version.replaceIndex(indexes.create(version.spec()));
      }
    }
    try {
      Tallied tallied = load(collection, version, 0, seq);
      if (inFiles && version.live() > 0) {
        LOG.warn("the index of {} is built anew: {}", version.title(), reason);
        version.rebuilding(reason);
      }
      return tallied;
    } catch (VersionLoader.Doubt e) {
      throw new IllegalStateException("an empty index cannot be in doubt", e);
    }
  }

  /// Gives the version the index of its file; returns the last change in it, 0 when there is no
  /// file.
  private static long openFile(IndexFiles files, int collection, LiveVersion version, long seq)
      throws VersionLoader.Doubt {
    Optional<VectorIndex> opened;
    try {
      opened = files.open(collection, version);
    } catch (IOException e) {
      throw new VersionLoader.Doubt(String.valueOf(e.getMessage()), e);
    }
    if (opened.isEmpty()) {
      return 0;
    }
    version.replaceIndex(opened.get());
    long fileSeq = version.seq();
    if (fileSeq < 1 || fileSeq > seq) {
      throw new VersionLoader.Doubt("it has write " + fileSeq + ", the store ends at " + seq);
    }
    return fileSeq;
  }

  private static void setAside(IndexFiles files, int collection, LiveVersion version) {
    try {
      files.setAside(collection, version);
    } catch (IOException e) {
      LOG.warn(
          "cannot set aside the index file of {}; the next save replaces it", version.title(), e);
    }
  }

  private Tallied load(int collection, LiveVersion version, long fileSeq, long seq)
      throws StorageException, VersionLoader.Doubt {
    Totals.Tally tally = Totals.Tally.EMPTY;
    PointRecord.VectorRef ref = version.ref();
    VersionLoader loader = new VersionLoader(version, fileSeq, seq);
    try (View view = store.view();
        Scan rows =
            view.scan(
                Table.VECTORS,
                Keys.vector(collection, ref.field(), ref.version(), 0),
                Keys.vector(collection, ref.field(), ref.version() + 1, 0))) {
      while (rows.advance()) {
        long internalId = Keys.internalIdOf(rows.key());
        ByteBuffer row = rows.value();
        loader.take(internalId, VectorRecord.seqOf(row), version.form().floats(row));
        tally = tally.plus(internalId, 0);
      }
    }
    long changed = loader.finish();
    if (fileSeq > 0) {
      LOG.info(
          "opened the index of {} as of write {}: {} vectors, {} of them replaced or removed since",
          version.title(),
          fileSeq,
          tally.count(),
          changed);
    }
    return new Tallied(tally, tally.count());
  }

  /// Counts the stored points and loads what filters ask of them.
  private Tallied loadPoints(LiveCollection collection) throws StorageException {
    Totals.Tally tally = Totals.Tally.EMPTY;
    long ids = 0;
    byte[] from = Keys.collectionPrefix(collection.number());
    byte[] to = Keys.collectionPrefix(collection.number() + 1);
    PayloadIndexes payload = collection.payload();
    try (View view = store.view()) {
      try (Scan points = view.scan(Table.POINTS, from, to)) {
        while (points.advance()) {
          long id = Keys.internalIdOf(points.key());
          PointRecord point = PointRecord.decode(points.valueBytes());
          tally = tally.plus(id, point.seq());
          payload.change(id, Optional.empty(), Optional.of(point));
          if (tally.count() % PAYLOAD_STEP_POINTS == 0) {
            payload.publish(payload.prepare());
          }
        }
      }
      payload.publish(payload.prepare());
      // Points may still name a dropped version.
      payload.keepVersions(
          collection.versions().map(LiveVersion::ref).collect(Collectors.toUnmodifiableSet()));
      try (Scan rows = view.scan(Table.IDS, from, to)) {
        while (rows.advance()) {
          ids++;
        }
      }
    }
    return new Tallied(tally, ids);
  }

  private static Tallied get(Future<Tallied> future) throws StorageException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException("interrupted while loading", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StorageException storage) {
        throw storage;
      }
      throw new IllegalStateException("loading failed", e.getCause());
    }
  }
}
