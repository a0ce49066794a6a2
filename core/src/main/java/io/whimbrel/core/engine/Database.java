package io.whimbrel.core.engine;

import io.whimbrel.core.collection.Expirer;
import io.whimbrel.core.collection.LiveCollection;
import io.whimbrel.core.collection.Notes;
import io.whimbrel.core.collection.PointReader;
import io.whimbrel.core.collection.QueryRunner;
import io.whimbrel.core.collection.Recovery;
import io.whimbrel.core.collection.Sequencer;
import io.whimbrel.core.collection.VersionComparer;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.migration.RecentLatency;
import io.whimbrel.core.model.Alias;
import io.whimbrel.core.model.AliasChange;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.DatabaseStatus;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FacetCounts;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MinedNegatives;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Slice;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.store.Store;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The embeddable database: one data directory, any number of collections.
///
/// Safe for any number of threads. A refusal is a `WhimbrelException`; it has changed nothing,
/// except under OUTCOME_UNKNOWN. A finished write is visible to every later read, and a write is
/// seen whole or not at all.
///
/// ```java
/// try (Database database = Database.open(Path.of("data"))) {
///   database.createCollection(CollectionSpec.of("docs", EmbeddingSpec.flat(ModelId.UNNAMED, 3, Metric.COSINE)));
///   PointWrite point = PointWrite.of(PointId.of("a"), Map.of(), Vector.of(1, 0, 0));
///   database.write("docs", new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
///   SearchResult result = database.search("docs", SearchRequest.of(Vector.of(1, 0, 0), 10));
/// }
/// ```
public final class Database implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);
  private static final Duration MIN_SEQ_WAIT_MAX = Duration.ofSeconds(5);
  private static final String STORE_DIRECTORY = "rocksdb";

  private final Store store;
  private final Kernels kernels;
  private final Recovery.Opened opened;
  private final Expirer expirer;
  private final PointReader reader;
  private final QueryRunner queries;
  private final Migrations migrations;
  private final Evaluations evaluations;
  private final Verifications verifications;
  private final Traffic traffic;
  private final RecentLatency latency = new RecentLatency(System::nanoTime);
  private final AtomicBoolean closed = new AtomicBoolean();

  private Database(Store store, Kernels kernels, Recovery.Opened opened, InstantSource clock) {
    this.store = store;
    this.kernels = kernels;
    this.opened = opened;
    this.expirer = new Expirer(opened.catalog(), opened.sequencer(), clock);
    this.reader = new PointReader(store, opened.sequencer(), expirer);
    this.queries = new QueryRunner(opened.sequencer(), expirer);
    this.migrations = new Migrations(this, opened.migrations());
    migrations.searchP99(latency::p99);
    Notes notes = new Notes(opened.sequencer(), store);
    this.evaluations = new Evaluations(this, notes);
    this.verifications =
        new Verifications(this, notes, new VersionComparer(opened.sequencer(), store));
    this.traffic = new Traffic(this, notes, evaluations);
  }

  /// Opens or makes the database in `directory` with default options.
  public static Database open(Path directory) throws IOException {
    return open(directory, DatabaseOptions.DEFAULT);
  }

  /// Opens or makes the database in `directory`. Fails with DATA_LOSS when acknowledged writes are
  /// missing, with `IOException` when the files cannot be read or another process has them open.
  /// Loads all vectors: about a second for a gigabyte.
  public static Database open(Path directory, DatabaseOptions options) throws IOException {
    Kernels kernels = KernelProvider.best();
    KernelProvider.WarmUp warmUp = KernelProvider.warmUp(kernels);
    LOG.info(
        "kernels: {}, {} after {} ms; {}",
        kernels.describe(),
        warmUp.fast() ? "fast" : "not all fast",
        warmUp.nanos() / 1_000_000,
        Region.hugePages());
    Store store =
        Store.open(
            directory.resolve(STORE_DIRECTORY),
            options.blockCacheBytes(),
            options.acceptDataLoss());
    Database database;
    try {
      Recovery.Opened opened =
          new Recovery(store, directory, kernels, options.acceptDataLoss(), options.indexThreads())
              .open(
                  new Sequencer.Options(
                      options.writeQueueBytesMax(), options.writeWaitMax(), options.asyncFlush()));
      database = new Database(store, kernels, opened, options.clock());
    } catch (IOException | RuntimeException e) {
      store.close();
      throw e;
    }
    try {
      database.evaluations.sweep();
      database.traffic.start();
      database.expirer.start();
      return database;
    } catch (RuntimeException e) {
      database.close();
      throw e;
    }
  }

  public CollectionInfo createCollection(CollectionSpec spec) {
    for (int i = 0; i < spec.fields().size(); i++) {
      refuseUnsupported("spec.fields[" + i + "].spec", spec.fields().get(i).spec(), false);
    }
    return info(await(opened.sequencer().create(spec)));
  }

  /// Refuses a spec that no index serves yet. `path` is the request field; `derivable` where there
  /// is a version to derive from.
  void refuseUnsupported(String path, EmbeddingSpec embedding, boolean derivable) {
    MultiVectorSpecs.check(path, embedding);
    if (embedding.origin() == Origin.DERIVED && !derivable) {
      throw WhimbrelException.unimplemented(
          path + ".origin", embedding.origin(), "CLIENT; a derived version comes by a migration");
    }
    if (embedding.origin() == Origin.PROVIDER) {
      throw WhimbrelException.unimplemented(
          path + ".origin",
          embedding.origin(),
          derivable ? "CLIENT or DERIVED" : Origin.CLIENT.name());
    }
  }

  public CollectionInfo describe(String collection) {
    return info(require(collection));
  }

  /// All collections in name order.
  public List<CollectionInfo> collections() {
    refuseIfClosed();
    return opened.catalog().all().stream().map(this::info).toList();
  }

  /// Deletes a collection; returns the number of points that were in it. Its space is given back in
  /// the background.
  public long deleteCollection(String collection) {
    refuseIfClosed();
    long points = await(opened.sequencer().drop(collection));
    evaluations.sweep();
    return points;
  }

  /// All aliases in name order.
  public List<Alias> aliases() {
    refuseIfClosed();
    return opened.catalog().aliases();
  }

  /// Makes all changes in one step, in order, or none; returns the aliases afterwards. From then on
  /// every request that names an alias is one to its collection, except for the deletion of a
  /// collection, which takes its own name only and drops its aliases too.
  public List<Alias> changeAliases(List<AliasChange> changes) {
    refuseIfClosed();
    Limits.checkRange("changes", changes.size(), 1, Limits.ALIAS_CHANGES_MAX);
    return await(opened.sequencer().changeAliases(List.copyOf(changes)));
  }

  /// Submits a write. Holds the caller back while the write queue is full, then refuses with
  /// OVERLOADED; other refusals that can be told at once are thrown too. The future completes once
  /// the write is as durable as asked and visible, or fails with a `WhimbrelException`.
  public CompletableFuture<WriteResult> write(
      String collection, Mutation mutation, WriteOptions options) {
    return opened.sequencer().write(require(collection), mutation, options);
  }

  /// Points in the order of `ids`; absent ones are left out.
  public List<Point> get(String collection, List<PointId> ids, ReadOptions read) {
    awaitSeq(read.minSeq());
    return reading(() -> reader.get(require(collection), ids, read));
  }

  /// A page of up to `limit` points in id order; `cursor` is empty or from the page before. A page
  /// also ends at 8 MiB.
  public Page scroll(String collection, byte[] cursor, int limit, ReadOptions read) {
    return scroll(collection, cursor, limit, Filter.ALL, read);
  }

  /// Of the points that meet the filter. A page also ends when it has looked at many points: it may
  /// be empty and still have a cursor.
  public Page scroll(String collection, byte[] cursor, int limit, Filter filter, ReadOptions read) {
    return scroll(collection, cursor, limit, filter, Slice.ALL, read);
  }

  /// Of one part of the collection; a chain of pages stays with one. Every part looks at the ids of
  /// all points, and reads its own.
  public Page scroll(
      String collection, byte[] cursor, int limit, Filter filter, Slice slice, ReadOptions read) {
    awaitSeq(read.minSeq());
    return reading(() -> reader.scroll(require(collection), cursor, limit, filter, slice, read));
  }

  /// Number of points, once the write `minSeq` is visible.
  public long count(String collection, long minSeq) {
    awaitSeq(minSeq);
    LiveCollection live = require(collection);
    CollectionInfo info = info(live);
    return info.ttl().isEmpty()
        ? info.points()
        : reading(() -> reader.count(live, Filter.ALL, () -> false));
  }

  /// Number of points that meet the filter, once the write `minSeq` is visible.
  public long count(String collection, Filter filter, long minSeq, BooleanSupplier cancelled) {
    awaitSeq(minSeq);
    return reading(() -> reader.count(require(collection), filter, cancelled));
  }

  /// Deletes the points that meet the filter now, and still do when their deletion is decided, in
  /// atomic steps of 10,000. The answer is that of the last step, with the points of all.
  public WriteResult deleteMatching(
      String collection, Filter filter, Durability durability, BooleanSupplier cancelled) {
    LiveCollection live = require(collection);
    WriteOptions options = new WriteOptions("", durability);
    List<WriteResult> steps = new ArrayList<>();
    reading(() -> {
      reader.forEachMatch(
          live,
          filter,
          cancelled,
          ids ->
              steps.add(
                  await(
                      opened
                          .sequencer()
                          .write(
                              live,
                              new Mutation.Delete(ids, OptionalLong.empty(), filter),
                              options))));
      return steps;
    });
    if (steps.isEmpty()) {
      return new WriteResult(seq(), 0, durability, 0, false);
    }
    WriteResult last = steps.getLast();
    long affected = steps.stream().mapToLong(WriteResult::affected).sum();
    return new WriteResult(
        last.seq(), affected, last.durability(), last.durableWithinMillis(), false);
  }

  /// Declares a payload index. It is built in the background; conditions on its path read payloads
  /// until it is ready.
  public CollectionInfo addIndex(String collection, PayloadIndexSpec spec) {
    return info(await(opened.sequencer().addIndex(require(collection), spec)));
  }

  /// Adds a vector field to a collection in use: its points have no vector there until one is
  /// written.
  public CollectionInfo addField(String collection, FieldSpec field) {
    refuseUnsupported("field.spec", field.spec(), false);
    return info(await(opened.sequencer().addField(require(collection), field)));
  }

  /// Drops a vector field with all its vectors, and gives its space back in the background. Refused
  /// with MIGRATION_STATE while a migration is open on it; a collection keeps one field at least.
  public CollectionInfo dropField(String collection, String field) {
    return info(await(opened.sequencer().dropField(require(collection), field)));
  }

  /// Lets points expire by the least timestamp that a path leads to, which needs a timestamp index
  /// that is ready; or no more, without a path. From its moment on no read shows an expired point,
  /// by the clock of this machine; it is deleted in the background.
  public CollectionInfo expireBy(String collection, Optional<FieldPath> path) {
    return info(await(opened.sequencer().expireBy(require(collection), path)));
  }

  /// Deletes what has expired now, and not only in the background.
  void deleteExpired() {
    expirer.look();
  }

  /// Declares a full-text index. It is filled in the background when there are points; text queries
  /// are refused with INDEX_NOT_READY until it is ready.
  public CollectionInfo addText(String collection, TextIndexSpec spec) {
    return info(await(opened.sequencer().addText(require(collection), spec)));
  }

  /// Drops a full-text index and gives its space back.
  public CollectionInfo dropText(String collection, FieldPath path) {
    return info(await(opened.sequencer().dropText(require(collection), path)));
  }

  public CollectionInfo dropIndex(String collection, FieldPath path) {
    return info(await(opened.sequencer().dropIndex(require(collection), path)));
  }

  public SearchResult search(String collection, SearchRequest request) {
    return search(collection, request, () -> false);
  }

  public SearchResult search(String collection, SearchRequest request, BooleanSupplier cancelled) {
    return search(collection, request, cancelled, System.nanoTime());
  }

  /// Runs in the caller's thread; `cancelled` is asked regularly and ends the search with
  /// CANCELLED. `arrivedNanos`, of [System#nanoTime], is when it came: throttles and gates look at
  /// the time since, which the search may have spent waiting for a thread. To wait for `min_seq`
  /// does not count.
  public SearchResult search(
      String collection, SearchRequest request, BooleanSupplier cancelled, long arrivedNanos) {
    long start = afterSeq(request.read().minSeq(), arrivedNanos);
    SearchResult result;
    try {
      result = searchUnwatched(collection, request, cancelled);
    } catch (RuntimeException e) {
      traffic.failed(collection, request, e);
      throw e;
    }
    long nanos = System.nanoTime() - start;
    latency.record(nanos);
    traffic.answered(collection, request, result, nanos);
    return result;
  }

  /// A search of what is visible now, which schedules and mirrors do not see.
  SearchResult searchUnwatched(
      String collection, SearchRequest request, BooleanSupplier cancelled) {
    return reading(() -> searchLive(collection, request, cancelled));
  }

  private SearchResult searchLive(String name, SearchRequest request, BooleanSupplier cancelled)
      throws IOException {
    LiveCollection collection = require(name);
    try {
      return reader.search(collection, request, cancelled);
    } catch (WhimbrelException e) {
      // Dropped under the search: say so, in the words of a search that came a moment later.
      if (e.code() == ErrorCode.UNAVAILABLE && require(name) != collection) {
        return searchLive(name, request, cancelled);
      }
      throw e;
    }
  }

  public QueryResult query(String collection, QueryRequest request) {
    return query(collection, request, () -> false);
  }

  public QueryResult query(String collection, QueryRequest request, BooleanSupplier cancelled) {
    return query(collection, request, cancelled, System.nanoTime());
  }

  /// A query of several stages, otherwise like [#search].
  public QueryResult query(
      String collection, QueryRequest request, BooleanSupplier cancelled, long arrivedNanos) {
    long start = afterSeq(request.read().minSeq(), arrivedNanos);
    QueryResult result = reading(() -> queryLive(collection, request, cancelled));
    long nanos = System.nanoTime() - start;
    latency.record(nanos);
    traffic.answered(collection, result, nanos);
    return result;
  }

  /// How many points have each value of a payload path, of those that meet the filter; the `limit`
  /// most frequent.
  public FacetCounts facet(
      String collection,
      FieldPath path,
      Filter filter,
      int limit,
      long minSeq,
      BooleanSupplier cancelled) {
    awaitSeq(minSeq);
    return reading(() -> queries.facet(require(collection), path, filter, limit, cancelled));
  }

  /// Near points that are no known answers, for each of up to 1,000 queries. Fewer are asked when
  /// many negatives are wanted of each; the answer says where to go on.
  public MinedNegatives mineNegatives(
      String collection,
      NegativeMining mining,
      List<NegativeMining.Query> queriesToAsk,
      BooleanSupplier cancelled) {
    Limits.checkRange("queries", queriesToAsk.size(), 1, Limits.MINING_QUERIES_MAX);
    Limits.checkRange(
        "queries * negatives",
        (long) queriesToAsk.size() * mining.negatives(),
        1,
        Limits.MINED_POINTS_MAX);
    return reading(() -> queries.mine(require(collection), mining, queriesToAsk, 0, cancelled));
  }

  /// The same for the queries of a golden set from number `from` on; what it judges 1 or more is
  /// positive.
  public MinedNegatives mineNegatives(
      String collection,
      NegativeMining mining,
      String goldenSet,
      int from,
      BooleanSupplier cancelled) {
    List<NegativeMining.Query> golden = evaluations.miningQueries(collection, mining, goldenSet);
    return reading(() -> queries.mine(require(collection), mining, golden, from, cancelled));
  }

  private QueryResult queryLive(String name, QueryRequest request, BooleanSupplier cancelled)
      throws IOException {
    LiveCollection collection = require(name);
    try {
      return queries.query(collection, request, cancelled);
    } catch (WhimbrelException e) {
      // As in a search.
      if (e.code() == ErrorCode.UNAVAILABLE && require(name) != collection) {
        return queryLive(name, request, cancelled);
      }
      throw e;
    }
  }

  /// Moves vector fields from one version to the next.
  public Migrations migrations() {
    return migrations;
  }

  /// Golden sets, and the comparison of versions by them.
  public Evaluations evaluations() {
    return evaluations;
  }

  /// Comparison of both versions of a migration, point by point.
  public Verifications verifications() {
    return verifications;
  }

  /// Traffic schedules with their gates, and mirrored searches.
  public Traffic traffic() {
    return traffic;
  }

  public DatabaseStatus status() {
    refuseIfClosed();
    return new DatabaseStatus(
        opened.databaseId().toString(),
        kernels.describe(),
        seq(),
        opened.sequencer().readOnlyReason(),
        reading(store::diskBytes),
        collections());
  }

  /// Sequence number of the last visible write.
  public long seq() {
    return opened.sequencer().visibleSeq();
  }

  /// Returns the sequence number up to which everything is on stable storage.
  public long flush() {
    refuseIfClosed();
    return await(opened.sequencer().flush());
  }

  private CollectionInfo info(LiveCollection collection) {
    return opened.catalog().info(collection, expirer.waiting(collection));
  }

  private LiveCollection require(String collection) {
    refuseIfClosed();
    return opened.catalog().require(collection);
  }

  /// Waits for a write to be visible; returns the time of arrival, put off by so long.
  private long afterSeq(long minSeq, long arrivedNanos) {
    long asked = System.nanoTime();
    awaitSeq(minSeq);
    return arrivedNanos + System.nanoTime() - asked;
  }

  private void awaitSeq(long minSeq) {
    refuseIfClosed();
    if (!opened.sequencer().awaitVisible(minSeq, MIN_SEQ_WAIT_MAX)) {
      throw WhimbrelException.of(
          ErrorCode.DEADLINE_EXCEEDED,
          "min_seq",
          minSeq,
          "a write that is visible within " + MIN_SEQ_WAIT_MAX.toSeconds() + " s; now at " + seq());
    }
  }

  @FunctionalInterface
  interface Read<T> {
    T run() throws IOException;
  }

  <T> T reading(Read<T> read) {
    try {
      return read.run();
    } catch (IOException e) {
      refuseIfClosed();
      throw WhimbrelException.of(
          ErrorCode.DATA_LOSS, "database", String.valueOf(e.getMessage()), e);
    }
  }

  <T> T await(CompletableFuture<T> answer) {
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof WhimbrelException refusal) {
        throw refusal;
      }
      throw e;
    }
  }

  void refuseIfClosed() {
    if (closed.get()) {
      throw WhimbrelException.of(ErrorCode.UNAVAILABLE, "database", "closed", "an open database");
    }
  }

  /// Finishes submitted writes and running reads, then closes. Once only; later calls are refused
  /// with UNAVAILABLE.
  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      throw new IllegalStateException("the database is closed twice");
    }
    expirer.stop();
    traffic.close();
    verifications.close();
    opened.migrations().close();
    opened.sequencer().stop();
    opened.catalog().closeAll();
    store.close();
  }
}
