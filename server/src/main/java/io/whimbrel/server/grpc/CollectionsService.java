package io.whimbrel.server.grpc;

import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.proto.v1.AddFieldRequest;
import io.whimbrel.proto.v1.AddFieldResponse;
import io.whimbrel.proto.v1.AddIndexRequest;
import io.whimbrel.proto.v1.AddIndexResponse;
import io.whimbrel.proto.v1.AddTextIndexRequest;
import io.whimbrel.proto.v1.AddTextIndexResponse;
import io.whimbrel.proto.v1.ChangeAliasesRequest;
import io.whimbrel.proto.v1.ChangeAliasesResponse;
import io.whimbrel.proto.v1.CollectionsGrpc;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.CreateCollectionResponse;
import io.whimbrel.proto.v1.DeleteCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionResponse;
import io.whimbrel.proto.v1.DropFieldRequest;
import io.whimbrel.proto.v1.DropFieldResponse;
import io.whimbrel.proto.v1.DropIndexRequest;
import io.whimbrel.proto.v1.DropIndexResponse;
import io.whimbrel.proto.v1.DropTextIndexRequest;
import io.whimbrel.proto.v1.DropTextIndexResponse;
import io.whimbrel.proto.v1.GetCollectionRequest;
import io.whimbrel.proto.v1.GetCollectionResponse;
import io.whimbrel.proto.v1.ListAliasesRequest;
import io.whimbrel.proto.v1.ListAliasesResponse;
import io.whimbrel.proto.v1.ListCollectionsRequest;
import io.whimbrel.proto.v1.ListCollectionsResponse;
import io.whimbrel.proto.v1.SetTtlRequest;
import io.whimbrel.proto.v1.SetTtlResponse;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.AliasWire;
import io.whimbrel.server.wire.SpecWire;
import io.whimbrel.server.wire.TextWire;

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

  @Override
  public void addTextIndex(AddTextIndexRequest request, StreamObserver<AddTextIndexResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          TextWire.AddText asked = TextWire.add(request);
          return AddTextIndexResponse.newBuilder()
              .setCollection(SpecWire.message(database.addText(asked.collection(), asked.index())))
              .build();
        });
  }

  @Override
  public void dropTextIndex(
      DropTextIndexRequest request, StreamObserver<DropTextIndexResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          TextWire.DropText asked = TextWire.drop(request);
          return DropTextIndexResponse.newBuilder()
              .setCollection(SpecWire.message(database.dropText(asked.collection(), asked.path())))
              .build();
        });
  }

  @Override
  public void addField(AddFieldRequest request, StreamObserver<AddFieldResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.AddField asked = SpecWire.addField(request);
          return AddFieldResponse.newBuilder()
              .setCollection(SpecWire.message(database.addField(asked.collection(), asked.field())))
              .build();
        });
  }

  @Override
  public void dropField(DropFieldRequest request, StreamObserver<DropFieldResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.DropField asked = SpecWire.dropField(request);
          return DropFieldResponse.newBuilder()
              .setCollection(
                  SpecWire.message(database.dropField(asked.collection(), asked.field())))
              .build();
        });
  }

  @Override
  public void setTtl(SetTtlRequest request, StreamObserver<SetTtlResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          SpecWire.SetTtl asked = SpecWire.setTtl(request);
          return SetTtlResponse.newBuilder()
              .setCollection(SpecWire.message(database.expireBy(asked.collection(), asked.path())))
              .build();
        });
  }

  @Override
  public void changeAliases(
      ChangeAliasesRequest request, StreamObserver<ChangeAliasesResponse> call) {
    Calls.answer(
        pool,
        call,
        () ->
            ChangeAliasesResponse.newBuilder()
                .addAllAliases(
                    AliasWire.messages(database.changeAliases(AliasWire.changes(request))))
                .build());
  }

  @Override
  public void listAliases(ListAliasesRequest request, StreamObserver<ListAliasesResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          AliasWire.check(request);
          return ListAliasesResponse.newBuilder()
              .addAllAliases(AliasWire.messages(database.aliases()))
              .build();
        });
  }
}
