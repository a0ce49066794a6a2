package io.whimbrel.client;

import io.grpc.ManagedChannel;
import io.whimbrel.client.internal.Calls;
import io.whimbrel.client.internal.Channels;
import io.whimbrel.client.internal.Ingest;
import io.whimbrel.client.internal.Pages;
import io.whimbrel.client.internal.Timer;
import io.whimbrel.client.migration.Evaluations;
import io.whimbrel.client.migration.Migrations;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A connection to a Whimbrel server; connects when first needed and again whenever it must.
 *
 * <p>Safe for any number of threads; an application needs one. Methods block until the answer, a
 * failure or the deadline; an interrupt cancels the call, sets the thread's interrupt flag again
 * and throws CANCELLED. Every failure is a {@link WhimbrelException}.
 *
 * <p>Reads are repeated after a passing failure, writes too because they get a request id, all
 * within the deadline and as {@link RetryPolicy} says; creating and deleting a collection is not
 * repeated. To repeat a write yourself after a failure, for instance from another process, give it
 * a request id of your own.
 */
public final class WhimbrelClient implements AutoCloseable {
  /** The port that a server listens on unless told otherwise. */
  public static final int DEFAULT_PORT = 7700;

  private final ManagedChannel channel;
  private final Timer timer;
  private final RetryPolicy retries;
  private final Duration deadline;
  private final int requestBytesMax;
  private final WhimbrelAsyncClient async;
  private final Migrations migrations;
  private final Evaluations evaluations;

  private WhimbrelClient(Builder builder) {
    this.channel =
        Channels.open(
            builder.host, builder.port, builder.messageBytesMax, builder.tls, builder.trust);
    this.timer = new Timer();
    this.retries = builder.retries;
    this.deadline = builder.deadline;
    this.requestBytesMax = builder.requestBytesMax;
    Calls calls = new Calls(channel, timer, retries, deadline, requestBytesMax);
    this.async = new WhimbrelAsyncClient(calls, retries);
    this.migrations = new Migrations(calls);
    this.evaluations = new Evaluations(calls);
  }

  /**
   * Starts with 127.0.0.1:7700, no encryption, a deadline of a minute, requests up to 16 MiB,
   * answers up to 64 MiB and default retries.
   */
  public static Builder builder() {
    return new Builder();
  }

  /** The same calls, answered by futures. */
  public WhimbrelAsyncClient async() {
    return async;
  }

  /** Changing the embedding model of a field while reads and writes go on. */
  public Migrations migrations() {
    return migrations;
  }

  /** How good the answers of versions are, by queries whose right answers are known. */
  public Evaluations evaluations() {
    return evaluations;
  }

  /** Makes a collection; one that exists is refused with COLLECTION_EXISTS. */
  public CollectionInfo createCollection(CollectionSpec spec) {
    return Calls.await(async.createCollection(spec));
  }

  /** A collection as it stands, or COLLECTION_NOT_FOUND. */
  public CollectionInfo collection(String name) {
    return Calls.await(async.collection(name));
  }

  /** All collections as they stand. */
  public List<CollectionInfo> collections() {
    return Calls.await(async.collections());
  }

  /** Removes a collection and returns how many points were in it. */
  public long deleteCollection(String name) {
    return Calls.await(async.deleteCollection(name));
  }

  /**
   * Declares a payload index. It is built in the background; until {@link
   * CollectionInfo.PayloadIndexInfo#ready} conditions on its path read payloads.
   */
  public CollectionInfo addIndex(String collection, PayloadIndexSpec index) {
    return Calls.await(async.addIndex(collection, index));
  }

  /** Drops a payload index; conditions on its path read payloads from then on. */
  public CollectionInfo dropIndex(String collection, String path) {
    return Calls.await(async.dropIndex(collection, path));
  }

  /**
   * Declares a full-text index. It is filled in the background when there are points; text queries
   * on its path are refused with INDEX_NOT_READY until {@link CollectionInfo.TextIndexInfo#ready}.
   */
  public CollectionInfo addTextIndex(String collection, TextIndexSpec index) {
    return Calls.await(async.addTextIndex(collection, index));
  }

  /** Drops a full-text index and gives its space back. */
  public CollectionInfo dropTextIndex(String collection, String path) {
    return Calls.await(async.dropTextIndex(collection, path));
  }

  /** Adds a vector field; points that are there have no vector in it until one is written. */
  public CollectionInfo addField(String collection, FieldSpec field) {
    return Calls.await(async.addField(collection, field));
  }

  /**
   * Drops a vector field with all its vectors. Refused with MIGRATION_STATE while a migration is
   * open on it; a collection keeps one field at least.
   */
  public CollectionInfo dropField(String collection, String field) {
    return Calls.await(async.dropField(collection, field));
  }

  /**
   * Lets points expire by the least timestamp that {@code path} leads to, which needs a timestamp
   * index that is ready; an empty path ends it. No read shows an expired point, by the server's
   * clock; it is deleted in the background.
   */
  public CollectionInfo setTtl(String collection, String path) {
    return Calls.await(async.setTtl(collection, path));
  }

  /**
   * Makes all changes in one step, in order, or none; returns the aliases afterwards. An alias
   * stands for its collection in every request but the collection's deletion.
   */
  public List<Alias> changeAliases(List<AliasChange> changes) {
    return Calls.await(async.changeAliases(changes));
  }

  /** All aliases in name order. */
  public List<Alias> aliases() {
    return Calls.await(async.aliases());
  }

  /**
   * Writes points whole, all or none: payload and vectors replace what was there. For many points
   * use {@link #bulkWriter}.
   */
  public WriteResult upsert(String collection, List<Point> points, WriteOptions options) {
    return Calls.await(async.upsert(collection, points, options));
  }

  /** {@link #upsert(String, List, WriteOptions)} with default options. */
  public WriteResult upsert(String collection, List<Point> points) {
    return upsert(collection, points, WriteOptions.DEFAULT);
  }

  /** A writer for many points over one stream, owned by the caller. */
  public BulkWriter bulkWriter(String collection, BulkOptions options) {
    return new BulkWriter(
        new Ingest(channel, timer, retries, deadline, requestBytesMax, collection, options));
  }

  /** Deletes points; ids that do not exist are passed over. */
  public WriteResult delete(String collection, List<PointId> ids, WriteOptions options) {
    return Calls.await(async.delete(collection, ids, options));
  }

  /**
   * Deletes the points that meet the filter now and still do when their deletion is decided, in
   * atomic steps of 10,000. Not repeated after a failure; to call again is safe.
   */
  public WriteResult deleteMatching(String collection, Filter filter, Durability durability) {
    return Calls.await(async.deleteMatching(collection, filter, durability));
  }

  /** How many points {@link #deleteMatching} would delete now. */
  public long countToDelete(String collection, Filter filter) {
    return Calls.await(async.countToDelete(collection, filter));
  }

  /** The payload of each point becomes {@code payload}. Every id must exist. */
  public WriteResult setPayload(
      String collection, List<PointId> ids, Map<String, Value> payload, WriteOptions options) {
    return Calls.await(async.setPayload(collection, ids, payload, options));
  }

  /** Adds or replaces these payload fields of each point; the others stay. Every id must exist. */
  public WriteResult mergePayload(
      String collection, List<PointId> ids, Map<String, Value> payload, WriteOptions options) {
    return Calls.await(async.mergePayload(collection, ids, payload, options));
  }

  /** Removes these top-level payload fields of each point. Every id must exist. */
  public WriteResult deletePayloadKeys(
      String collection, List<PointId> ids, List<String> keys, WriteOptions options) {
    return Calls.await(async.deletePayloadKeys(collection, ids, keys, options));
  }

  /** Empties the payload of each point. Every id must exist. */
  public WriteResult clearPayload(String collection, List<PointId> ids, WriteOptions options) {
    return Calls.await(async.clearPayload(collection, ids, options));
  }

  /** Points in the order of {@code ids}; those that do not exist are left out. */
  public List<Point> get(String collection, List<PointId> ids, ReadOptions read) {
    return Calls.await(async.get(collection, ids, read));
  }

  /**
   * A page of points in id order.
   *
   * @param cursor {@link Page#START} or {@link Page#nextCursor} of the page before
   * @param limit 1 to 10,000; a page also ends at 8 MiB
   */
  public Page scroll(String collection, String cursor, int limit, ReadOptions read) {
    return Calls.await(async.scroll(collection, cursor, limit, read));
  }

  /**
   * A page of the points that meet the filter. A page also ends when it has looked at many points:
   * it may be empty and not the last.
   */
  public Page scroll(String collection, String cursor, int limit, Filter filter, ReadOptions read) {
    return Calls.await(async.scroll(collection, cursor, limit, filter, read));
  }

  /**
   * All points in id order, fetched page by page as the stream is read, holding one page at a time.
   * Points written or deleted meanwhile may or may not appear. Sequential; use in one thread.
   */
  public Stream<Point> scrollAll(String collection, int pageSize, ReadOptions read) {
    return Pages.stream(cursor -> scroll(collection, cursor, pageSize, read));
  }

  /** The same of one part of the collection and the points that meet the filter. */
  public Stream<Point> scrollAll(
      String collection, int pageSize, Optional<Filter> filter, Slice slice, ReadOptions read) {
    return Pages.stream(cursor -> scroll(collection, cursor, pageSize, filter, slice, read));
  }

  /** How many points the collection has. */
  public long count(String collection) {
    return Calls.await(async.count(collection));
  }

  /** How many points meet the filter. */
  public long count(String collection, Filter filter) {
    return Calls.await(async.count(collection, filter));
  }

  /** The nearest points of a vector. */
  public SearchResult search(String collection, SearchRequest request) {
    return Calls.await(async.search(collection, request));
  }

  /**
   * Several searches in one call, answered in order; one bad search refuses them all. Up to 256.
   */
  public List<SearchResult> searchBatch(String collection, List<SearchRequest> requests) {
    return Calls.await(async.searchBatch(collection, requests));
  }

  /** The best points by a query of several stages. */
  public QueryResult query(String collection, QueryRequest request) {
    return Calls.await(async.query(collection, request));
  }

  /** Several queries in one call, answered in order; one bad query refuses them all. Up to 256. */
  public List<QueryResult> queryBatch(String collection, List<QueryRequest> requests) {
    return Calls.await(async.queryBatch(collection, requests));
  }

  /**
   * How many points have each value that a payload path leads to, the {@code limit} most frequent
   * first.
   */
  public FacetResult facet(String collection, String path, Optional<Filter> filter, int limit) {
    return Calls.await(async.facet(collection, path, filter, limit));
  }

  /**
   * Near points that are no known answers, for each of up to 1,000 queries: material to train a
   * model with.
   */
  public MinedNegatives mineNegatives(String collection, NegativeMining mining) {
    return Calls.await(async.mineNegatives(collection, mining));
  }

  /** A page of one part of the collection; the pages of a chain are of one part. */
  public Page scroll(
      String collection,
      String cursor,
      int limit,
      Optional<Filter> filter,
      Slice slice,
      ReadOptions read) {
    return Calls.await(async.scroll(collection, cursor, limit, filter, slice, read));
  }

  /** Version, limits and state of the server. */
  public ServerInfo serverInfo() {
    return Calls.await(async.serverInfo());
  }

  /** What the data takes on disk and in memory. */
  public StorageStats storageStats() {
    return Calls.await(async.storageStats());
  }

  /**
   * Returns once everything acknowledged is on stable storage, with the sequence number up to which
   * that holds.
   */
  public long flush() {
    return Calls.await(async.flush());
  }

  /**
   * Cancels calls that are under way, closes the connection and waits for its threads. Closing
   * twice does nothing.
   */
  @Override
  public void close() {
    channel.shutdownNow();
    timer.close();
    try {
      boolean unused = channel.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Collects the settings of a client. Not safe for more than one thread. */
  public static final class Builder {
    private String host = "127.0.0.1";
    private int port = DEFAULT_PORT;
    private Duration deadline = Duration.ofMinutes(1);
    private int messageBytesMax = 64 << 20;
    private int requestBytesMax = 16 << 20;
    private RetryPolicy retries = RetryPolicy.DEFAULT;
    private boolean tls;
    private Optional<Path> trust = Optional.empty();

    private Builder() {}

    public Builder address(String host, int port) {
      this.host = host;
      this.port = port;
      return this;
    }

    /** {@code host} with the default port. */
    public Builder address(String host) {
      return address(host, DEFAULT_PORT);
    }

    /** The longest time of one call with all its repetitions; a minute by default. */
    public Builder deadline(Duration deadline) {
      if (deadline.isNegative() || deadline.isZero()) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT, "deadline", deadline, "more than zero");
      }
      this.deadline = deadline;
      return this;
    }

    /** The longest answer taken; 64 MiB by default. A longer one fails with LIMIT_EXCEEDED. */
    public Builder maxMessageBytes(int bytes) {
      this.messageBytesMax = Checks.atLeast("max_message_bytes", bytes, 1 << 10);
      return this;
    }

    /**
     * The longest request sent; 16 MiB by default, as servers take unless told otherwise. A longer
     * one is refused here with LIMIT_EXCEEDED.
     */
    public Builder maxRequestBytes(int bytes) {
      this.requestBytesMax = Checks.atLeast("max_request_bytes", bytes, 1 << 10);
      return this;
    }

    public Builder retries(RetryPolicy retries) {
      this.retries = retries;
      return this;
    }

    /** No encryption; the default, for a server on this machine. */
    public Builder plaintext() {
      this.tls = false;
      return this;
    }

    /** Encrypts, and trusts the certificate authorities of the Java platform. */
    public Builder tls() {
      this.tls = true;
      this.trust = Optional.empty();
      return this;
    }

    /** Encrypts, and trusts the certificates in a PEM file. */
    public Builder tls(Path trust) {
      this.tls = true;
      this.trust = Optional.of(trust);
      return this;
    }

    /**
     * Makes the client; it does not connect yet. A certificate file that cannot be read is refused.
     */
    public WhimbrelClient build() {
      return new WhimbrelClient(this);
    }
  }
}
