package io.whimbrel.core.collection;

import io.whimbrel.core.model.Alias;
import io.whimbrel.core.model.AliasChange;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.ChangeRecord;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadIndexesRecord;
import io.whimbrel.core.store.Progress;
import io.whimbrel.core.store.Stamp;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.Totals;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one thread that changes the database: total order, one fsync for all that wait, no locks
/// around the store.
///
/// Every request is a queue entry; a group of waiting writes becomes one `WriteBatch`. The queue is
/// bounded by bytes: a writer is held back while it is full and refused with OVERLOADED after a
/// time. A storage failure makes the outcome of the group unknown and ends writing until the next
/// open; reads go on.
public final class Sequencer {
  private static final Logger LOG = LoggerFactory.getLogger(Sequencer.class);
  private static final long GROUP_BYTES_MAX = 8L << 20;
  private static final int GROUP_REQUESTS_MAX = 1024;
  private static final int PERMIT_BYTES = 1024;
  private static final long STAMP_EVERY_MILLIS = 1000;
  private static final long ADVANCE_EVERY_MILLIS = 50;

  /// The collection of a change that is of none.
  private static final int NO_COLLECTION = 0;

  /// How the sequencer waits and holds back.
  ///
  /// @param queueBytesMax bytes of waiting writes before writers are held back
  /// @param writeWaitMax how long a writer is held back before it is refused
  /// @param asyncFlush longest time until an ASYNC write is on stable storage
  public record Options(long queueBytesMax, Duration writeWaitMax, Duration asyncFlush) {}

  private sealed interface Request {
    /// A request that shares a `WriteBatch` with its neighbours, with the queue permits it holds.
    sealed interface Grouped extends Request {
      int permits();

      long bytes();

      CompletableFuture<?> answer();
    }

    /// One mutation.
    record Write(
        PreparedWrite write,
        WriteOptions options,
        int permits,
        CompletableFuture<WriteResult> answer)
        implements Grouped {
      @Override
      public long bytes() {
        return write.bytes();
      }
    }

    /// Work on the points of a migration.
    record Backfill(
        PreparedBackfill backfill, int permits, CompletableFuture<List<CommitResult>> answer)
        implements Grouped {
      @Override
      public long bytes() {
        return backfill.bytes();
      }
    }

    /// A step that has the sequencer to itself.
    record Run(Runnable step) implements Request {}

    record Create(CollectionSpec spec, CompletableFuture<LiveCollection> answer)
        implements Request {}

    record Drop(String name, CompletableFuture<Long> answer) implements Request {}

    record AddIndex(
        LiveCollection collection, PayloadIndexSpec spec, CompletableFuture<LiveCollection> answer)
        implements Request {}

    record DropIndex(
        LiveCollection collection, FieldPath path, CompletableFuture<LiveCollection> answer)
        implements Request {}

    record AddText(
        LiveCollection collection, TextIndexSpec spec, CompletableFuture<LiveCollection> answer)
        implements Request {}

    record DropText(
        LiveCollection collection, FieldPath path, CompletableFuture<LiveCollection> answer)
        implements Request {}

    record InstallIndex(LiveCollection collection, PayloadIndexes.Builder builder)
        implements Request {}

    record ForgetDropped(int collection) implements Request {}

    record Flush(CompletableFuture<Long> answer) implements Request {}

    record Stop() implements Request {}
  }

  private final Store store;
  private final Catalog catalog;
  private final Indexes indexes;
  private final Options options;
  private final Path directory;
  private final UUID databaseId;
  private final RequestMemory requests;
  private final IndexWorkers workers;
  private final IndexSaver saver;
  private final TextWorkers textWorkers;
  private final Visibility visibility;
  private final PayloadIndexBuilds indexBuilds;
  private final MigrationSteps steps;
  private final FieldSteps fieldSteps;
  private final LinkedBlockingQueue<Request> queue = new LinkedBlockingQueue<>();
  private final Semaphore queuePermits;
  private final int queuePermitsMax;
  private final Thread thread;

  /// Answers leave in order on a thread of their own, so that a slow reader of answers does not
  /// hold the store back.
  private final ExecutorService answers =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("whimbrel-answers").daemon(true).factory());

  private final ScheduledExecutorService maintenance =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("whimbrel-maintenance").daemon(true).factory());

  // Of the sequencer thread.
  private Progress progress;
  private long logStart;
  private long firstUnsyncedNanos;
  private boolean unsynced;

  // Written by the sequencer thread (the reason also by maintenance), read by all.
  private final Object visible = new Object();
  private volatile long visibleSeq;
  private volatile long syncedSeq;
  private volatile String readOnlyReason = "";
  private volatile boolean stopping;

  // Of the maintenance thread.
  private long stampedSeq;

  Sequencer(
      Store store,
      Path directory,
      UUID databaseId,
      Catalog catalog,
      Indexes indexes,
      RequestMemory requests,
      IndexWorkers workers,
      IndexSaver saver,
      TextWorkers textWorkers,
      Visibility visibility,
      Progress progress,
      long logStart,
      Options options) {
    this.store = store;
    this.directory = directory;
    this.databaseId = databaseId;
    this.catalog = catalog;
    this.indexes = indexes;
    this.requests = requests;
    this.workers = workers;
    this.saver = saver;
    this.textWorkers = textWorkers;
    this.visibility = visibility;
    this.indexBuilds = new PayloadIndexBuilds(visibility, this::submitInstall);
    this.progress = progress;
    this.logStart = logStart;
    this.options = options;
    this.visibleSeq = progress.seq();
    this.syncedSeq = progress.seq();
    this.stampedSeq = progress.seq();
    this.queuePermitsMax = (int) Math.max(1, options.queueBytesMax() / PERMIT_BYTES);
    this.queuePermits = new Semaphore(queuePermitsMax, true);
    this.steps = new MigrationSteps(this, store, catalog);
    this.fieldSteps = new FieldSteps(this, store, catalog);
    this.thread = Thread.ofPlatform().name("whimbrel-sequencer").unstarted(this::run);
  }

  void start(List<Integer> droppedCollections) throws StorageException {
    textWorkers.start();
    thread.start();
    maintenance.scheduleWithFixedDelay(
        this::stamp, STAMP_EVERY_MILLIS, STAMP_EVERY_MILLIS, TimeUnit.MILLISECONDS);
    droppedCollections.forEach(this::removeLater);
    catalog.all().forEach(collection -> collection.versions().forEach(workers::wake));
    saver.start();
    steps.resume();
    fieldSteps.resume();
    maintenance.scheduleWithFixedDelay(
        this::advance, ADVANCE_EVERY_MILLIS, ADVANCE_EVERY_MILLIS, TimeUnit.MILLISECONDS);
  }

  /// Indexes are built without a request, so somebody has to look.
  private void advance() {
    if (steps.wantsAdvance()) {
      run(() -> {
        steps.advance();
        return true;
      });
    }
  }

  MigrationSteps steps() {
    return steps;
  }

  /// Checks the mutation, waits for room in the queue and submits it. An upsert also waits a while
  /// when the indexes of the collection are far behind. The future completes after the write is as
  /// durable as asked and visible to reads.
  public CompletableFuture<WriteResult> write(
      LiveCollection collection, Mutation mutation, WriteOptions writeOptions) {
    refuseUnlessWriting();
    PreparedWrite write = PreparedWrite.of(collection, mutation);
    if (mutation instanceof Mutation.Upsert) {
      workers.awaitRoom(collection);
    }
    textWorkers.awaitRoom(collection);
    int permits = acquireFor(write.bytes());
    CompletableFuture<WriteResult> answer = new CompletableFuture<>();
    submit(new Request.Write(write, writeOptions, permits, answer), answer);
    return answer;
  }

  /// Waits for room in the queue and submits. The future completes after what was stored is on
  /// stable storage and visible.
  CompletableFuture<List<CommitResult>> backfill(PreparedBackfill backfill) {
    refuseUnlessWriting();
    workers.awaitRoom(backfill.collection());
    int permits = acquireFor(backfill.bytes());
    CompletableFuture<List<CommitResult>> answer = new CompletableFuture<>();
    submit(new Request.Backfill(backfill, permits, answer), answer);
    return answer;
  }

  /// Runs `step` in the sequencer thread, between two groups of writes.
  <T> CompletableFuture<T> run(Step<T> step) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    submit(new Request.Run(() -> answer(answer, step)), answer);
    return answer;
  }

  private int acquireFor(long bytes) {
    int permits = (int) Math.min(queuePermitsMax, 1 + bytes / PERMIT_BYTES);
    acquire(permits);
    return permits;
  }

  public CompletableFuture<LiveCollection> create(CollectionSpec spec) {
    CompletableFuture<LiveCollection> answer = new CompletableFuture<>();
    submit(new Request.Create(spec, answer), answer);
    return answer;
  }

  /// Makes all changes in one step, or none.
  public CompletableFuture<List<Alias>> changeAliases(List<AliasChange> changes) {
    return run(() -> changeAliasesNow(changes));
  }

  private List<Alias> changeAliasesNow(List<AliasChange> changes) throws StorageException {
    refuseUnlessWriting();
    SortedMap<String, LiveCollection> aliases = catalog.changed(changes);
    try (Batch batch = store.batch()) {
      for (AliasChange change : changes) {
        LiveCollection collection = aliases.get(change.alias());
        if (collection == null) {
          batch.delete(Table.SYSTEM, Keys.alias(change.alias()));
        } else {
          byte[] number = ByteBuffer.allocate(Integer.BYTES).putInt(collection.number()).array();
          batch.put(Table.SYSTEM, Keys.alias(change.alias()), number);
        }
      }
      writeCatalogChange(
          batch,
          NO_COLLECTION,
          new Progress(progress.seq() + 1, progress.nextInternalId(), progress.nextCollection()));
    }
    catalog.replaceAliases(aliases);
    written(true);
    return catalog.aliases();
  }

  /// Returns the number of points that were in the collection, which goes with its aliases.
  public CompletableFuture<Long> drop(String name) {
    CompletableFuture<Long> answer = new CompletableFuture<>();
    submit(new Request.Drop(name, answer), answer);
    return answer;
  }

  /// Declares a payload index; it is built in the background when there are points.
  public CompletableFuture<LiveCollection> addIndex(
      LiveCollection collection, PayloadIndexSpec spec) {
    CompletableFuture<LiveCollection> answer = new CompletableFuture<>();
    submit(new Request.AddIndex(collection, spec, answer), answer);
    return answer;
  }

  public CompletableFuture<LiveCollection> dropIndex(LiveCollection collection, FieldPath path) {
    CompletableFuture<LiveCollection> answer = new CompletableFuture<>();
    submit(new Request.DropIndex(collection, path, answer), answer);
    return answer;
  }

  /// Declares a full-text index; it is filled in the background when there are points.
  public CompletableFuture<LiveCollection> addText(LiveCollection collection, TextIndexSpec spec) {
    CompletableFuture<LiveCollection> answer = new CompletableFuture<>();
    submit(new Request.AddText(collection, spec, answer), answer);
    return answer;
  }

  public CompletableFuture<LiveCollection> dropText(LiveCollection collection, FieldPath path) {
    CompletableFuture<LiveCollection> answer = new CompletableFuture<>();
    submit(new Request.DropText(collection, path, answer), answer);
    return answer;
  }

  TextWorkers textWorkers() {
    return textWorkers;
  }

  /// Adds a vector field; points have no vector there until one is written.
  public CompletableFuture<LiveCollection> addField(LiveCollection collection, FieldSpec spec) {
    return fieldSteps.add(collection, spec);
  }

  /// Drops a vector field, and gives its space back in the background.
  public CompletableFuture<LiveCollection> dropField(LiveCollection collection, String field) {
    return fieldSteps.drop(collection, field);
  }

  /// Says by which payload path points expire; empty for none.
  public CompletableFuture<LiveCollection> expireBy(
      LiveCollection collection, Optional<FieldPath> path) {
    return fieldSteps.expireBy(collection, path);
  }

  private void submitInstall(LiveCollection collection, PayloadIndexes.Builder builder) {
    synchronized (queue) {
      if (!stopping) {
        queue.add(new Request.InstallIndex(collection, builder));
      }
    }
  }

  /// Returns the sequence number up to which everything is on stable storage.
  public CompletableFuture<Long> flush() {
    CompletableFuture<Long> answer = new CompletableFuture<>();
    submit(new Request.Flush(answer), answer);
    return answer;
  }

  private void acquire(int permits) {
    try {
      if (!queuePermits.tryAcquire(
          permits, options.writeWaitMax().toMillis(), TimeUnit.MILLISECONDS)) {
        throw WhimbrelException.of(
            ErrorCode.OVERLOADED,
            "write queue",
            options.queueBytesMax()
                + " bytes waiting for "
                + options.writeWaitMax().toMillis()
                + " ms",
            "room for the request; try again later");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw WhimbrelException.of(ErrorCode.CANCELLED, "write", "interrupted while waiting", e);
    }
  }

  private void submit(Request request, CompletableFuture<?> answer) {
    // A request queued after Stop would never be answered.
    synchronized (queue) {
      if (!stopping) {
        queue.add(request);
        return;
      }
    }
    answer.completeExceptionally(closing());
  }

  private static WhimbrelException closing() {
    return WhimbrelException.of(
        ErrorCode.UNAVAILABLE, "database", "closing", "a database that stays open");
  }

  private void refuseUnlessWriting() {
    String reason = readOnlyReason();
    if (!reason.isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.READ_ONLY,
          "database",
          "read-only after a storage failure (" + reason + ")",
          "a restart once the cause is mended");
    }
  }

  private void run() {
    while (true) {
      Request request = next();
      switch (request) {
        case Request.Grouped first -> {
          commit(gather(first));
          advanceNow();
        }
        case Request.Run run -> run.step().run();
        case Request.Create create -> answer(create.answer(), () -> createNow(create.spec()));
        case Request.Drop drop -> answer(drop.answer(), () -> dropNow(drop.name()));
        case Request.AddIndex add ->
            answer(add.answer(), () -> addIndexNow(add.collection(), add.spec()));
        case Request.DropIndex drop ->
            answer(drop.answer(), () -> dropIndexNow(drop.collection(), drop.path()));
        case Request.AddText add ->
            answer(add.answer(), () -> addTextNow(add.collection(), add.spec()));
        case Request.DropText drop ->
            answer(drop.answer(), () -> dropTextNow(drop.collection(), drop.path()));
        case Request.InstallIndex install -> installNow(install);
        case Request.Flush flush -> answer(flush.answer(), this::flushNow);
        case Request.ForgetDropped dropped -> forgetNow(dropped.collection());
        case Request.Stop _ -> {
          return;
        }
      }
    }
  }

  private void advanceNow() {
    try {
      if (readOnlyReason().isEmpty() && steps.wantsAdvance()) {
        steps.advance();
      }
    } catch (StorageException | RuntimeException | Error e) {
      stopWriting(e, true);
    }
  }

  /// The next request; syncs ASYNC writes in time while there is none.
  private Request next() {
    while (true) {
      if (unsynced && nanosUntilSync() <= 0) {
        syncNow();
      }
      try {
        Request request =
            unsynced ? queue.poll(nanosUntilSync(), TimeUnit.NANOSECONDS) : queue.take();
        if (request != null) {
          return request;
        }
      } catch (InterruptedException e) {
        // Nobody but stop() ends this thread, and stop() does it through the queue.
        LOG.warn("the sequencer ignores an interrupt");
      }
    }
  }

  private long nanosUntilSync() {
    return firstUnsyncedNanos + options.asyncFlush().toNanos() - System.nanoTime();
  }

  private List<Request.Grouped> gather(Request.Grouped first) {
    List<Request.Grouped> group = new ArrayList<>();
    group.add(first);
    long bytes = first.bytes();
    while (group.size() < GROUP_REQUESTS_MAX
        && bytes < GROUP_BYTES_MAX
        && queue.peek() instanceof Request.Grouped more) {
      queue.remove();
      group.add(more);
      bytes += more.bytes();
    }
    return group;
  }

  private void commit(List<Request.Grouped> group) {
    List<Runnable> successes = new ArrayList<>(group.size());
    boolean writing = false;
    try (View view = store.view();
        Batch batch = store.batch()) {
      refuseUnlessWriting();
      WriteGroup writeGroup =
          new WriteGroup(
              view,
              batch,
              catalog,
              requests,
              progress,
              logStart,
              (int) options.asyncFlush().toMillis());
      boolean sync = false;
      for (Request.Grouped request : group) {
        try {
          switch (request) {
            case Request.Write write -> {
              WriteResult result =
                  writeGroup.decide(write.write(), write.options(), System.currentTimeMillis());
              successes.add(() -> succeed(write.answer(), result));
              sync |= write.options().durability() == Durability.SYNC;
            }
            case Request.Backfill backfill -> {
              List<CommitResult> results = writeGroup.decide(backfill.backfill());
              successes.add(() -> succeed(backfill.answer(), results));
              sync = true;
            }
          }
        } catch (WhimbrelException e) {
          fail(request.answer(), e);
        }
      }
      if (writeGroup.changed()) {
        writeGroup.finish();
        writeGroup.stage();
        writing = true;
        store.write(batch, sync);
        visibility.publishing();
        writeGroup.publish();
        progress = writeGroup.progress();
        logStart = writeGroup.logStart();
        written(sync);
      }
      // Without rows as well: a commit that is STALE ends its lease.
      writeGroup.tidy(workers::wake, textWorkers::wake);
      successes.forEach(Runnable::run);
    } catch (WhimbrelException e) {
      group.forEach(request -> fail(request.answer(), e));
    } catch (StorageException | RuntimeException | Error e) {
      WhimbrelException failure = stopWriting(e, writing);
      group.forEach(request -> fail(request.answer(), failure));
    } finally {
      queuePermits.release(group.stream().mapToInt(Request.Grouped::permits).sum());
    }
  }

  /// Notes that everything up to `progress` is written and visible.
  private void written(boolean sync) {
    if (sync) {
      unsynced = false;
      syncedSeq = progress.seq();
    } else if (!unsynced) {
      unsynced = true;
      firstUnsyncedNanos = System.nanoTime();
    }
    visibility.published(progress.seq());
    synchronized (visible) {
      visibleSeq = progress.seq();
      visible.notifyAll();
    }
  }

  private void syncNow() {
    try {
      store.sync();
      unsynced = false;
      syncedSeq = progress.seq();
    } catch (StorageException e) {
      unsynced = false;
      stopWriting(e, true);
    }
  }

  private LiveCollection createNow(CollectionSpec spec) throws StorageException {
    refuseUnlessWriting();
    catalog.refuseTaken("name", spec.name());
    Limits.checkRange("collections", catalog.all().size() + 1L, 1, Limits.COLLECTIONS_MAX);
    long seq = progress.seq() + 1;
    int number = progress.nextCollection();
    CollectionRecord collectionRecord = CollectionRecord.create(spec, seq);
    PayloadIndexesRecord declared = PayloadIndexesRecord.create(spec.indexes(), spec.texts());
    try (Batch batch = store.batch()) {
      batch.put(Table.SYSTEM, Keys.collection(number), collectionRecord.encode());
      batch.put(Table.SYSTEM, Keys.totals(number), Totals.EMPTY.encode());
      if (!declared.equals(PayloadIndexesRecord.NONE)) {
        batch.put(Table.SYSTEM, Keys.payloadIndexes(number), declared.encode());
      }
      writeCatalogChange(batch, number, new Progress(seq, progress.nextInternalId(), number + 1));
    }
    LiveCollection collection =
        new LiveCollection(number, collectionRecord, spec.indexes(), Totals.EMPTY, indexes::create);
    collection.replaceDeclared(declared);
    collection.replaceTexts(
        declared.texts().stream()
            .map(text -> textWorkers.make(number, spec.name(), text.number(), text.spec()))
            .toList());
    collection.versions().forEach(version -> version.publish(seq));
    catalog.add(collection);
    written(true);
    collection.texts().forEach(text -> textWorkers.declared(collection, text));
    return collection;
  }

  private long dropNow(String name) throws StorageException {
    refuseUnlessWriting();
    LiveCollection collection = catalog.requireOwn("name", name);
    int number = collection.number();
    try (Batch batch = store.batch()) {
      batch.delete(Table.SYSTEM, Keys.collection(number));
      batch.delete(Table.SYSTEM, Keys.totals(number));
      batch.delete(Table.SYSTEM, Keys.payloadIndexes(number));
      for (String alias : catalog.aliasesOf(collection)) {
        batch.delete(Table.SYSTEM, Keys.alias(alias));
      }
      for (char kind : new char[] {'M', 'Q'}) {
        batch.deleteRange(
            Table.SYSTEM, Keys.migrations(kind, number), Keys.migrations(kind, number + 1));
      }
      batch.put(Table.SYSTEM, Keys.dropped(number), new byte[0]);
      writeCatalogChange(
          batch,
          number,
          new Progress(progress.seq() + 1, progress.nextInternalId(), progress.nextCollection()));
    }
    catalog.remove(collection);
    collection.close();
    saver.dropped(collection);
    collection.texts().forEach(textWorkers::dropped);
    written(true);
    removeLater(number);
    return collection.totals().points().count();
  }

  private LiveCollection addIndexNow(LiveCollection collection, PayloadIndexSpec spec)
      throws StorageException {
    refuseUnlessWriting();
    requireHeld(collection);
    PayloadIndexes payload = collection.payload();
    List<PayloadIndexSpec> specs = new ArrayList<>(payload.snapshot().declared().values());
    if (payload.snapshot().declared().containsKey(spec.path().steps())) {
      throw WhimbrelException.of(
          ErrorCode.INDEX_EXISTS,
          "path",
          '"' + spec.path().text() + '"',
          "a path without an index");
    }
    specs.add(spec);
    Limits.checkRange("indexes", specs.size(), 0, Limits.PAYLOAD_INDEXES_MAX);
    writeIndexes(collection, collection.declared().withIndexes(specs));
    visibility.publishing();
    PayloadIndexes.Builder builder = payload.declare(spec);
    if (payload.snapshot().points().isEmpty()) {
      payload.install(builder);
      written(true);
    } else {
      written(true);
      indexBuilds.start(collection, spec, builder);
    }
    return collection;
  }

  private LiveCollection dropIndexNow(LiveCollection collection, FieldPath path)
      throws StorageException {
    refuseUnlessWriting();
    requireHeld(collection);
    PayloadIndexes payload = collection.payload();
    if (!payload.snapshot().declared().containsKey(path.steps())) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_INDEX,
          "path",
          '"' + path.text() + '"',
          "the path of an index of collection \"" + collection.name() + '"');
    }
    if (collection.expiresBy().filter(ttl -> ttl.steps().equals(path.steps())).isPresent()) {
      throw WhimbrelException.of(
          ErrorCode.UNSAFE,
          "path",
          '"' + path.text() + "\", by which points expire",
          "an index that nothing needs; end the expiry first");
    }
    List<PayloadIndexSpec> specs =
        payload.snapshot().declared().values().stream()
            .filter(spec -> !spec.path().steps().equals(path.steps()))
            .toList();
    writeIndexes(collection, collection.declared().withIndexes(specs));
    visibility.publishing();
    payload.drop(path);
    written(true);
    return collection;
  }

  private void installNow(Request.InstallIndex install) {
    if (catalog.holds(install.collection())) {
      visibility.publishing();
      install.collection().payload().install(install.builder());
      visibility.published(progress.seq());
    }
  }

  /// Refuses a collection that was dropped.
  void requireHeld(LiveCollection collection) {
    if (!catalog.holds(collection)) {
      throw WhimbrelException.of(
          ErrorCode.COLLECTION_NOT_FOUND,
          "collection",
          '"' + collection.name() + '"',
          "the collection the request was made for; it was deleted");
    }
  }

  private LiveCollection addTextNow(LiveCollection collection, TextIndexSpec spec)
      throws StorageException {
    refuseUnlessWriting();
    requireHeld(collection);
    List<LiveText> texts = new ArrayList<>(collection.texts());
    if (texts.stream().anyMatch(text -> text.spec().path().steps().equals(spec.path().steps()))) {
      throw WhimbrelException.of(
          ErrorCode.INDEX_EXISTS,
          "path",
          '"' + spec.path().text() + '"',
          "a path without a text index");
    }
    Limits.checkRange("texts", texts.size() + 1L, 0, Limits.TEXT_INDEXES_MAX);
    PayloadIndexesRecord declared = collection.declared();
    LiveText text =
        textWorkers.make(collection.number(), collection.name(), declared.nextText(), spec);
    writeIndexes(collection, declared.withText(spec));
    visibility.publishing();
    texts.add(text);
    collection.replaceTexts(texts);
    written(true);
    textWorkers.declared(collection, text);
    return collection;
  }

  private LiveCollection dropTextNow(LiveCollection collection, FieldPath path)
      throws StorageException {
    refuseUnlessWriting();
    requireHeld(collection);
    LiveText text = collection.text("path", path);
    writeIndexes(collection, collection.declared().withoutText(text.number()));
    visibility.publishing();
    collection.replaceTexts(collection.texts().stream().filter(other -> other != text).toList());
    written(true);
    textWorkers.dropped(text);
    return collection;
  }

  private void writeIndexes(LiveCollection collection, PayloadIndexesRecord declared)
      throws StorageException {
    try (Batch batch = store.batch()) {
      batch.put(Table.SYSTEM, Keys.payloadIndexes(collection.number()), declared.encode());
      writeCatalogChange(
          batch,
          collection.number(),
          new Progress(progress.seq() + 1, progress.nextInternalId(), progress.nextCollection()));
    }
    collection.replaceDeclared(declared);
  }

  /// Writes rows of a step and makes `collection` look as they say; returns the versions that are
  /// no longer in use, for the caller to give back. Sequencer thread.
  ///
  /// @param layout what is in force afterwards
  List<LiveVersion> change(LiveCollection collection, Rows rows, LiveCollection.Layout layout)
      throws StorageException {
    refuseUnlessWriting();
    try (Batch batch = store.batch()) {
      rows.addTo(batch);
      writeCatalogChange(
          batch,
          collection.number(),
          new Progress(progress.seq() + 1, progress.nextInternalId(), progress.nextCollection()));
    }
    visibility.publishing();
    List<LiveVersion> gone = collection.replaceLayout(layout);
    for (LiveVersion version : gone) {
      version.close();
      saver.dropped(collection, version);
    }
    written(true);
    return gone;
  }

  /// Adds rows to a batch.
  @FunctionalInterface
  interface Rows {
    void addTo(Batch batch) throws StorageException;
  }

  /// Sequence number of the next write. Sequencer thread.
  long nextSeq() {
    return progress.seq() + 1;
  }

  /// The internal id of the next new point. Sequencer thread.
  long nextInternalId() {
    return progress.nextInternalId();
  }

  /// Runs in the background what may take long; not at all when the database is closing.
  void later(Runnable work) {
    try {
      maintenance.execute(work);
    } catch (RejectedExecutionException e) {
      LOG.info("closing; background work goes on after the next start");
    }
  }

  private void writeCatalogChange(Batch batch, int collection, Progress next)
      throws StorageException {
    batch.put(Table.LOG, Keys.log(next.seq()), new ChangeRecord(collection, new long[0]).encode());
    batch.put(Table.SYSTEM, Keys.PROGRESS, next.encode());
    store.write(batch, true);
    progress = next;
  }

  private long flushNow() throws StorageException {
    refuseUnlessWriting();
    store.sync();
    unsynced = false;
    syncedSeq = progress.seq();
    return progress.seq();
  }

  private void removeLater(int collection) {
    try {
      maintenance.execute(() -> remove(collection));
    } catch (RejectedExecutionException e) {
      LOG.info(
          "collection {} is dropped; its space is given back after the next start", collection);
    }
  }

  /// Gives the space of a dropped collection back. A crash in between leaves the `X` row, and the
  /// next open starts again.
  private void remove(int collection) {
    try {
      byte[] from = Keys.collectionPrefix(collection);
      byte[] to = Keys.collectionPrefix(collection + 1);
      for (Table table : List.of(Table.VECTORS, Table.POINTS, Table.IDS, Table.MIGRATION)) {
        store.removeRange(table, from, to);
      }
      synchronized (queue) {
        if (!stopping) {
          queue.add(new Request.ForgetDropped(collection));
        }
      }
    } catch (StorageException e) {
      LOG.error("cannot give back the space of dropped collection {}", collection, e);
    }
  }

  private void forgetNow(int collection) {
    try (Batch batch = store.batch()) {
      batch.delete(Table.SYSTEM, Keys.dropped(collection));
      store.write(batch, true);
    } catch (StorageException e) {
      stopWriting(e, true);
    }
  }

  private void stamp() {
    long seq = syncedSeq;
    if (seq > stampedSeq) {
      try {
        new Stamp(databaseId, seq).write(directory);
        stampedSeq = seq;
      } catch (StorageException e) {
        stopWriting(e, true);
      }
    }
  }

  @FunctionalInterface
  interface Step<T> {
    T run() throws StorageException;
  }

  private <T> void answer(CompletableFuture<T> answer, Step<T> step) {
    try {
      succeed(answer, step.run());
    } catch (WhimbrelException e) {
      fail(answer, e);
    } catch (StorageException | RuntimeException | Error e) {
      fail(answer, stopWriting(e, true));
    }
  }

  private <T> void succeed(CompletableFuture<T> answer, T value) {
    answers.execute(() -> answer.complete(value));
  }

  private void fail(CompletableFuture<?> answer, WhimbrelException failure) {
    answers.execute(() -> answer.completeExceptionally(failure));
  }

  /// Ends writing for the life of this process: memory and store may differ from here on.
  private WhimbrelException stopWriting(Throwable cause, boolean outcomeUnknown) {
    LOG.error("a write failed; the database is read-only until it is opened again", cause);
    readOnlyReason = String.valueOf(cause.getMessage());
    visibility.breakOff();
    return WhimbrelException.of(
        outcomeUnknown ? ErrorCode.OUTCOME_UNKNOWN : ErrorCode.READ_ONLY,
        "write",
        outcomeUnknown
            ? "the store failed; the write may or may not be there, repeat it with the same"
                + " request_id after a restart"
            : "the store failed; nothing was written",
        cause);
  }

  /// Empty while writes are taken.
  public String readOnlyReason() {
    String reason = readOnlyReason;
    return reason.isEmpty() ? store.backgroundError() : reason;
  }

  public long visibleSeq() {
    return visibleSeq;
  }

  Visibility visibility() {
    return visibility;
  }

  /// Waits until the write `seq` is visible, up to `wait`; false when it is not by then.
  public boolean awaitVisible(long seq, Duration wait) {
    if (visibleSeq >= seq) {
      return true;
    }
    long deadline = System.nanoTime() + wait.toNanos();
    synchronized (visible) {
      while (visibleSeq < seq) {
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (millis <= 0) {
          return false;
        }
        try {
          visible.wait(millis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
    }
    return true;
  }

  /// Waits until `isSo` after some write or step, up to `wait`.
  void awaitChange(BooleanSupplier isSo, Duration wait) {
    long deadline = System.nanoTime() + wait.toNanos();
    synchronized (visible) {
      while (!isSo.getAsBoolean() && !stopping) {
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (millis <= 0) {
          return;
        }
        try {
          visible.wait(millis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw WhimbrelException.of(ErrorCode.CANCELLED, "wait", "interrupted while waiting", e);
        }
      }
    }
  }

  /// Finishes everything that was submitted, saves the indexes, syncs, stamps and ends the threads.
  public void stop() {
    synchronized (queue) {
      stopping = true;
      queue.add(new Request.Stop());
    }
    synchronized (visible) {
      visible.notifyAll();
    }
    joinUninterruptibly(thread);
    indexBuilds.stop();
    workers.stop();
    saver.stop();
    textWorkers.stop();
    if (unsynced) {
      syncNow();
    }
    maintenance.execute(this::stamp);
    shutDown(maintenance);
    shutDown(answers);
  }

  private static void shutDown(ExecutorService executor) {
    // ExecutorService.close waits for what was submitted; both queues only hold short work or one
    // compaction.
    executor.close();
  }

  static void joinUninterruptibly(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
