package io.whimbrel.server.grpc;

import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.proto.v1.AddIndexRequest;
import io.whimbrel.proto.v1.AddIndexResponse;
import io.whimbrel.proto.v1.CollectionsGrpc;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.CreateCollectionResponse;
import io.whimbrel.proto.v1.DeleteCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionResponse;
import io.whimbrel.proto.v1.DropIndexRequest;
import io.whimbrel.proto.v1.DropIndexResponse;
import io.whimbrel.proto.v1.GetCollectionRequest;
import io.whimbrel.proto.v1.GetCollectionResponse;
import io.whimbrel.proto.v1.ListCollectionsRequest;
import io.whimbrel.proto.v1.ListCollectionsResponse;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.SpecWire;

/// Collections and their vector fields.
final class CollectionsService extends CollectionsGrpc.CollectionsImplBase {
  private final Database database;
  private final WorkPool pool;

  CollectionsService(Database database, WorkPool pool) {
    this.database = database;
    this.pool = pool;
  }

  @Override
  public void create(
      CreateCollectionRequest request, StreamObserver<CreateCollectionResponse> call) {
    Calls.answer(
        pool,
        call,
        () ->
            CreateCollectionResponse.newBuilder()
                .setCollection(
                    SpecWire.message(database.createCollection(SpecWire.create(request))))
                .build());
  }

  @Override
  public void get(GetCollectionRequest request, StreamObserver<GetCollectionResponse> call) {
    Calls.answer(
        pool,
        call,
        () ->
            GetCollectionResponse.newBuilder()
                .setCollection(SpecWire.message(database.describe(SpecWire.name(request))))
                .build());
  }

  @Override
  public void list(ListCollectionsRequest request, StreamObserver<ListCollectionsResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.check(request);
          ListCollectionsResponse.Builder answer = ListCollectionsResponse.newBuilder();
          database.collections().forEach(c -> answer.addCollections(SpecWire.message(c)));
          return answer.build();
        });
  }

  @Override
  public void delete(
      DeleteCollectionRequest request, StreamObserver<DeleteCollectionResponse> call) {
    Calls.answer(
        pool,
        call,
        () ->
            DeleteCollectionResponse.newBuilder()
                .setPoints(database.deleteCollection(SpecWire.name(request)))
                .build());
  }

  @Override
  public void addIndex(AddIndexRequest request, StreamObserver<AddIndexResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.AddIndex add = SpecWire.addIndex(request);
          return AddIndexResponse.newBuilder()
              .setCollection(SpecWire.message(database.addIndex(add.collection(), add.index())))
              .build();
        });
  }

  @Override
  public void dropIndex(DropIndexRequest request, StreamObserver<DropIndexResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.DropIndex drop = SpecWire.dropIndex(request);
          return DropIndexResponse.newBuilder()
              .setCollection(SpecWire.message(database.dropIndex(drop.collection(), drop.path())))
              .build();
        });
  }
}
