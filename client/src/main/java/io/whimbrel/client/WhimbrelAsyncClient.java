package io.whimbrel.client;

import io.whimbrel.client.internal.Calls;
import io.whimbrel.client.internal.CollectionWire;
import io.whimbrel.client.internal.FilterWire;
import io.whimbrel.client.internal.PointWire;
import io.whimbrel.client.internal.QueryTreeWire;
import io.whimbrel.client.internal.QueryWire;
import io.whimbrel.client.internal.ValueWire;
import io.whimbrel.proto.v1.AddFieldRequest;
import io.whimbrel.proto.v1.AddIndexRequest;
import io.whimbrel.proto.v1.AddTextIndexRequest;
import io.whimbrel.proto.v1.AdminGrpc;
import io.whimbrel.proto.v1.ChangeAliasesRequest;
import io.whimbrel.proto.v1.CollectionsGrpc;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.CountResponse;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionResponse;
import io.whimbrel.proto.v1.DeleteRequest;
import io.whimbrel.proto.v1.DropFieldRequest;
import io.whimbrel.proto.v1.DropIndexRequest;
import io.whimbrel.proto.v1.DropTextIndexRequest;
import io.whimbrel.proto.v1.FacetRequest;
import io.whimbrel.proto.v1.FlushRequest;
import io.whimbrel.proto.v1.FlushResponse;
import io.whimbrel.proto.v1.GetCollectionRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.GetServerInfoRequest;
import io.whimbrel.proto.v1.GetServerInfoResponse;
import io.whimbrel.proto.v1.GetStorageStatsRequest;
import io.whimbrel.proto.v1.GetStorageStatsResponse;
import io.whimbrel.proto.v1.Limit;
import io.whimbrel.proto.v1.ListAliasesRequest;
import io.whimbrel.proto.v1.ListCollectionsRequest;
import io.whimbrel.proto.v1.PathList;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.QueryGrpc;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SetTtlRequest;
import io.whimbrel.proto.v1.UpdatePayloadRequest;
import io.whimbrel.proto.v1.UpsertRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/**
 * The calls of {@link WhimbrelClient}, answered by futures. Got from {@link WhimbrelClient#async}
 * and closed with it.
 *
 * <p>Safe for any number of threads. A future completes in a thread of the client, so do not wait
 * for another future in a continuation; it fails with a {@link WhimbrelException} only. Cancelling
 * a future cancels the call; a write may still have happened. A value that cannot be sent is
 * refused by the method itself, before there is a future.
 */
public final class WhimbrelAsyncClient {
  private final Calls calls;
  private final boolean namesWrites;

  WhimbrelAsyncClient(Calls calls, RetryPolicy retries) {
    this.calls = calls;
    this.namesWrites = retries.attemptsMax() > 1;
  }

  /** See {@link WhimbrelClient#createCollection}. */
  public CompletableFuture<CollectionInfo> createCollection(CollectionSpec spec) {
    return calls.call(
        CollectionsGrpc.getCreateMethod(),
        CreateCollectionRequest.newBuilder().setSpec(CollectionWire.encode(spec)).build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#collection}. */
  public CompletableFuture<CollectionInfo> collection(String name) {
    return calls.call(
        CollectionsGrpc.getGetMethod(),
        GetCollectionRequest.newBuilder().setName(name).build(),
        true,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#collections}. */
  public CompletableFuture<List<CollectionInfo>> collections() {
    return calls.call(
        CollectionsGrpc.getListMethod(),
        ListCollectionsRequest.getDefaultInstance(),
        true,
        answer -> answer.getCollectionsList().stream().map(CollectionWire::decode).toList());
  }

  /** See {@link WhimbrelClient#deleteCollection}. */
  public CompletableFuture<Long> deleteCollection(String name) {
    return calls.call(
        CollectionsGrpc.getDeleteMethod(),
        DeleteCollectionRequest.newBuilder().setName(name).build(),
        false,
        DeleteCollectionResponse::getPoints);
  }

  /** See {@link WhimbrelClient#addIndex}. */
  public CompletableFuture<CollectionInfo> addIndex(String collection, PayloadIndexSpec index) {
    return calls.call(
        CollectionsGrpc.getAddIndexMethod(),
        AddIndexRequest.newBuilder()
            .setCollection(collection)
            .setIndex(CollectionWire.encode(index))
            .build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#dropIndex}. */
  public CompletableFuture<CollectionInfo> dropIndex(String collection, String path) {
    return calls.call(
        CollectionsGrpc.getDropIndexMethod(),
        DropIndexRequest.newBuilder().setCollection(collection).setPath(path).build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#addTextIndex}. */
  public CompletableFuture<CollectionInfo> addTextIndex(String collection, TextIndexSpec index) {
    return calls.call(
        CollectionsGrpc.getAddTextIndexMethod(),
        AddTextIndexRequest.newBuilder()
            .setCollection(collection)
            .setIndex(CollectionWire.encode(index))
            .build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#dropTextIndex}. */
  public CompletableFuture<CollectionInfo> dropTextIndex(String collection, String path) {
    return calls.call(
        CollectionsGrpc.getDropTextIndexMethod(),
        DropTextIndexRequest.newBuilder().setCollection(collection).setPath(path).build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#addField}. */
  public CompletableFuture<CollectionInfo> addField(String collection, FieldSpec field) {
    return calls.call(
        CollectionsGrpc.getAddFieldMethod(),
        AddFieldRequest.newBuilder()
            .setCollection(collection)
            .setField(CollectionWire.encode(field))
            .build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#dropField}. */
  public CompletableFuture<CollectionInfo> dropField(String collection, String field) {
    return calls.call(
        CollectionsGrpc.getDropFieldMethod(),
        DropFieldRequest.newBuilder().setCollection(collection).setField(field).build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#setTtl}. */
  public CompletableFuture<CollectionInfo> setTtl(String collection, String path) {
    return calls.call(
        CollectionsGrpc.getSetTtlMethod(),
        SetTtlRequest.newBuilder().setCollection(collection).setPath(path).build(),
        false,
        answer -> CollectionWire.decode(answer.getCollection()));
  }

  /** See {@link WhimbrelClient#changeAliases}. */
  public CompletableFuture<List<Alias>> changeAliases(List<AliasChange> changes) {
    return calls.call(
        CollectionsGrpc.getChangeAliasesMethod(),
        ChangeAliasesRequest.newBuilder()
            .addAllChanges(changes.stream().map(CollectionWire::encode).toList())
            .build(),
        false,
        answer -> CollectionWire.aliases(answer.getAliasesList()));
  }

  /** See {@link WhimbrelClient#aliases}. */
  public CompletableFuture<List<Alias>> aliases() {
    return calls.call(
        CollectionsGrpc.getListAliasesMethod(),
        ListAliasesRequest.newBuilder().build(),
        true,
        answer -> CollectionWire.aliases(answer.getAliasesList()));
  }

  /** See {@link WhimbrelClient#upsert}. */
  public CompletableFuture<WriteResult> upsert(
      String collection, List<Point> points, WriteOptions options) {
    String requestId = requestId(options);
    UpsertRequest.Builder request =
        UpsertRequest.newBuilder()
            .setCollection(collection)
            .setOptions(PointWire.encode(options, requestId));
    points.forEach(point -> request.addPoints(PointWire.encode(point, options.ifSeq())));
    return calls.call(
        PointsGrpc.getUpsertMethod(), request.build(), !requestId.isEmpty(), PointWire::decode);
  }

  /** See {@link WhimbrelClient#delete}. */
  public CompletableFuture<WriteResult> delete(
      String collection, List<PointId> ids, WriteOptions options) {
    String requestId = requestId(options);
    DeleteRequest.Builder request =
        DeleteRequest.newBuilder()
            .setCollection(collection)
            .addAllIds(ValueWire.encodeIds(ids))
            .setOptions(PointWire.encode(options, requestId));
    options.ifSeq().ifPresent(request::setIfSeq);
    return calls.call(
        PointsGrpc.getDeleteMethod(), request.build(), !requestId.isEmpty(), PointWire::decode);
  }

  /** See {@link WhimbrelClient#deleteMatching}. */
  public CompletableFuture<WriteResult> deleteMatching(
      String collection, Filter filter, Durability durability) {
    return deleteMatching(collection, filter, durability, false);
  }

  private CompletableFuture<WriteResult> deleteMatching(
      String collection, Filter filter, Durability durability, boolean dryRun) {
    DeleteRequest request =
        DeleteRequest.newBuilder()
            .setCollection(collection)
            .setFilter(FilterWire.encode(filter))
            .setOptions(PointWire.encode(WriteOptions.DEFAULT.withDurability(durability), ""))
            .setDryRun(dryRun)
            .build();
    // A repetition would answer with what the first attempt left.
    return calls.call(PointsGrpc.getDeleteMethod(), request, dryRun, PointWire::decode);
  }

  /** See {@link WhimbrelClient#countToDelete}. */
  public CompletableFuture<Long> countToDelete(String collection, Filter filter) {
    return deleteMatching(collection, filter, Durability.SYNC, true)
        .thenApply(WriteResult::affected);
  }

  /** See {@link WhimbrelClient#setPayload}. */
  public CompletableFuture<WriteResult> setPayload(
      String collection, List<PointId> ids, Map<String, Value> payload, WriteOptions options) {
    return updatePayload(
        collection,
        ids,
        UpdatePayloadRequest.newBuilder().setSet(ValueWire.encodeObject(payload)),
        options);
  }

  /** See {@link WhimbrelClient#mergePayload}. */
  public CompletableFuture<WriteResult> mergePayload(
      String collection, List<PointId> ids, Map<String, Value> payload, WriteOptions options) {
    return updatePayload(
        collection,
        ids,
        UpdatePayloadRequest.newBuilder().setMerge(ValueWire.encodeObject(payload)),
        options);
  }

  /** See {@link WhimbrelClient#deletePayloadKeys}. */
  public CompletableFuture<WriteResult> deletePayloadKeys(
      String collection, List<PointId> ids, List<String> keys, WriteOptions options) {
    return updatePayload(
        collection,
        ids,
        UpdatePayloadRequest.newBuilder().setDeleteKeys(PathList.newBuilder().addAllNames(keys)),
        options);
  }

  /** See {@link WhimbrelClient#clearPayload}. */
  public CompletableFuture<WriteResult> clearPayload(
      String collection, List<PointId> ids, WriteOptions options) {
    return updatePayload(
        collection, ids, UpdatePayloadRequest.newBuilder().setClear(true), options);
  }

  private CompletableFuture<WriteResult> updatePayload(
      String collection,
      List<PointId> ids,
      UpdatePayloadRequest.Builder change,
      WriteOptions options) {
    String requestId = requestId(options);
    options.ifSeq().ifPresent(change::setIfSeq);
    UpdatePayloadRequest request =
        change
            .setCollection(collection)
            .addAllIds(ValueWire.encodeIds(ids))
            .setOptions(PointWire.encode(options, requestId))
            .build();
    return calls.call(
        PointsGrpc.getUpdatePayloadMethod(), request, !requestId.isEmpty(), PointWire::decode);
  }

  /** See {@link WhimbrelClient#get}. */
  public CompletableFuture<List<Point>> get(
      String collection, List<PointId> ids, ReadOptions read) {
    return calls.call(
        PointsGrpc.getGetMethod(),
        GetRequest.newBuilder()
            .setCollection(collection)
            .addAllIds(ValueWire.encodeIds(ids))
            .setWithPayload(PointWire.payloadSelector(read.payload()))
            .setWithVectors(PointWire.vectorSelector(read.vectors()))
            .setMinSeq(read.minSeq())
            .build(),
        true,
        answer -> PointWire.decodePoints(answer.getPointsList()));
  }

  /** See {@link WhimbrelClient#scroll}. */
  public CompletableFuture<Page> scroll(
      String collection, String cursor, int limit, ReadOptions read) {
    return scroll(collection, cursor, limit, Optional.empty(), Slice.ALL, read);
  }

  /** See {@link WhimbrelClient#scroll(String, String, int, Filter, ReadOptions)}. */
  public CompletableFuture<Page> scroll(
      String collection, String cursor, int limit, Filter filter, ReadOptions read) {
    return scroll(collection, cursor, limit, Optional.of(filter), Slice.ALL, read);
  }

  /** See {@link WhimbrelClient#scroll(String, String, int, Optional, Slice, ReadOptions)}. */
  public CompletableFuture<Page> scroll(
      String collection,
      String cursor,
      int limit,
      Optional<Filter> filter,
      Slice slice,
      ReadOptions read) {
    ScrollRequest request =
        PointWire.scroll(collection, filter, slice, read)
            .setLimit(Checks.atLeast("limit", limit, 1))
            .setCursor(PointWire.encodeCursor(cursor))
            .build();
    return calls.call(PointsGrpc.getScrollMethod(), request, true, PointWire::decode);
  }

  /** See {@link WhimbrelClient#count}. */
  public CompletableFuture<Long> count(String collection) {
    return calls.call(
        PointsGrpc.getCountMethod(),
        CountRequest.newBuilder().setCollection(collection).build(),
        true,
        CountResponse::getCount);
  }

  /** See {@link WhimbrelClient#count(String, Filter)}. */
  public CompletableFuture<Long> count(String collection, Filter filter) {
    return calls.call(
        PointsGrpc.getCountMethod(),
        CountRequest.newBuilder()
            .setCollection(collection)
            .setFilter(FilterWire.encode(filter))
            .build(),
        true,
        CountResponse::getCount);
  }

  /** See {@link WhimbrelClient#search}. */
  public CompletableFuture<SearchResult> search(String collection, SearchRequest request) {
    return calls.call(
        QueryGrpc.getSearchMethod(),
        QueryWire.encode(collection, request),
        true,
        QueryWire::decode);
  }

  /** See {@link WhimbrelClient#searchBatch}. */
  public CompletableFuture<List<SearchResult>> searchBatch(
      String collection, List<SearchRequest> requests) {
    SearchBatchRequest.Builder batch = SearchBatchRequest.newBuilder();
    requests.forEach(request -> batch.addSearches(QueryWire.encode(collection, request)));
    return calls.call(
        QueryGrpc.getSearchBatchMethod(),
        batch.build(),
        true,
        answer -> answer.getResponsesList().stream().map(QueryWire::decode).toList());
  }

  /** See {@link WhimbrelClient#query}. */
  public CompletableFuture<QueryResult> query(String collection, QueryRequest request) {
    return calls.call(
        QueryGrpc.getSearchMethod(),
        QueryTreeWire.encode(collection, request),
        true,
        QueryTreeWire::decode);
  }

  /** See {@link WhimbrelClient#queryBatch}. */
  public CompletableFuture<List<QueryResult>> queryBatch(
      String collection, List<QueryRequest> requests) {
    SearchBatchRequest.Builder batch = SearchBatchRequest.newBuilder();
    requests.forEach(request -> batch.addSearches(QueryTreeWire.encode(collection, request)));
    return calls.call(
        QueryGrpc.getSearchBatchMethod(),
        batch.build(),
        true,
        answer -> answer.getResponsesList().stream().map(QueryTreeWire::decode).toList());
  }

  /** See {@link WhimbrelClient#facet}. */
  public CompletableFuture<FacetResult> facet(
      String collection, String path, Optional<Filter> filter, int limit) {
    FacetRequest.Builder request =
        FacetRequest.newBuilder()
            .setCollection(collection)
            .setPath(path)
            .setLimit(Checks.atLeast("limit", limit, 1));
    filter.map(FilterWire::encode).ifPresent(request::setFilter);
    return calls.call(QueryGrpc.getFacetMethod(), request.build(), true, QueryTreeWire::decode);
  }

  /** See {@link WhimbrelClient#mineNegatives}. */
  public CompletableFuture<MinedNegatives> mineNegatives(String collection, NegativeMining mining) {
    return calls.call(
        QueryGrpc.getMineNegativesMethod(),
        QueryTreeWire.encode(collection, mining),
        true,
        QueryTreeWire::decode);
  }

  /** See {@link WhimbrelClient#serverInfo}. */
  public CompletableFuture<ServerInfo> serverInfo() {
    return calls.call(
        AdminGrpc.getGetServerInfoMethod(),
        GetServerInfoRequest.getDefaultInstance(),
        true,
        WhimbrelAsyncClient::serverInfo);
  }

  private static ServerInfo serverInfo(GetServerInfoResponse answer) {
    return new ServerInfo(
        answer.getVersion(),
        answer.getDatabaseId(),
        Duration.ofSeconds(answer.getUptime().getSeconds(), answer.getUptime().getNanos()),
        answer.getKernels(),
        answer.getSeq(),
        answer.getReadOnlyReason(),
        answer.getLimitsList().stream()
            .collect(Collectors.toMap(Limit::getName, Limit::getValue, (first, second) -> second)));
  }

  /** See {@link WhimbrelClient#storageStats}. */
  public CompletableFuture<StorageStats> storageStats() {
    return calls.call(
        AdminGrpc.getGetStorageStatsMethod(),
        GetStorageStatsRequest.getDefaultInstance(),
        true,
        WhimbrelAsyncClient::storageStats);
  }

  private static StorageStats storageStats(GetStorageStatsResponse answer) {
    return new StorageStats(
        answer.getDiskBytes(),
        answer.getIndexBytes(),
        answer.getCollectionsList().stream()
            .map(c ->
                new StorageStats.CollectionStorage(
                    c.getCollection(), c.getPoints(), c.getIndexBytes()))
            .toList());
  }

  /** See {@link WhimbrelClient#flush}. */
  public CompletableFuture<Long> flush() {
    return calls.call(
        AdminGrpc.getFlushMethod(), FlushRequest.getDefaultInstance(), true, FlushResponse::getSeq);
  }

  /** A write that may be repeated must have a name, or the repetition could write twice. */
  private String requestId(WriteOptions options) {
    return options.requestId().isEmpty() && namesWrites
        ? UUID.randomUUID().toString()
        : options.requestId();
  }
}
