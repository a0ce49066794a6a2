package io.whimbrel.server;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.whimbrel.proto.v1.AdminGrpc;
import io.whimbrel.proto.v1.CollectionSpec;
import io.whimbrel.proto.v1.CollectionsGrpc;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.EmbeddingSpec;
import io.whimbrel.proto.v1.FieldSpec;
import io.whimbrel.proto.v1.Metric;
import io.whimbrel.proto.v1.Model;
import io.whimbrel.proto.v1.NearestQuery;
import io.whimbrel.proto.v1.Point;
import io.whimbrel.proto.v1.PointId;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.QueryGrpc;
import io.whimbrel.proto.v1.QueryNode;
import io.whimbrel.proto.v1.SearchRequest;
import io.whimbrel.proto.v1.UpsertRequest;
import io.whimbrel.proto.v1.Value;
import io.whimbrel.proto.v1.Vector;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// A real server on a free loopback port with a connection to it, for the ITs.
final class RunningServer implements AutoCloseable {
  static final int DIMENSION = 3;

  final WhimbrelServer server;
  final ManagedChannel channel;
  final CollectionsGrpc.CollectionsBlockingStub collections;
  final PointsGrpc.PointsBlockingStub points;
  final QueryGrpc.QueryBlockingStub query;
  final AdminGrpc.AdminBlockingStub admin;

  RunningServer(Path data, Map<String, String> flags) throws IOException {
    Map<String, String> all = new HashMap<>(flags);
    all.put("data", data.toString());
    all.put("port", "0");
    server = WhimbrelServer.start(ServerConfig.load(all, Map.of()));
    channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.port())
            .usePlaintext()
            .maxInboundMessageSize(32 << 20)
            .build();
    collections = CollectionsGrpc.newBlockingStub(channel);
    points = PointsGrpc.newBlockingStub(channel);
    query = QueryGrpc.newBlockingStub(channel);
    admin = AdminGrpc.newBlockingStub(channel);
  }

  @Override
  public void close() {
    try {
      channel.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      server.stop();
    }
  }

  /// Makes collection `name` with the one field "default" of three dimensions.
  void create(String name, Metric metric) {
    var _ = collections.create(createRequest(name, spec(metric)));
  }

  static EmbeddingSpec spec(Metric metric) {
    return EmbeddingSpec.newBuilder()
        .setModel(Model.newBuilder().setProvider("test").setName("tiny").setRevision("1"))
        .setDimension(DIMENSION)
        .setMetric(metric)
        .build();
  }

  static CreateCollectionRequest createRequest(String name, EmbeddingSpec spec) {
    return CreateCollectionRequest.newBuilder()
        .setSpec(
            CollectionSpec.newBuilder()
                .setName(name)
                .addFields(FieldSpec.newBuilder().setSpec(spec)))
        .build();
  }

  static UpsertRequest upsert(String collection, Point... points) {
    return UpsertRequest.newBuilder()
        .setCollection(collection)
        .addAllPoints(java.util.List.of(points))
        .build();
  }

  static SearchRequest search(String collection, int k, Vector vector) {
    return SearchRequest.newBuilder()
        .setCollection(collection)
        .setK(k)
        .setQuery(QueryNode.newBuilder().setNearest(NearestQuery.newBuilder().setVector(vector)))
        .build();
  }

  static Point point(String id, Vector vector) {
    return Point.newBuilder()
        .setId(id(id))
        .putPayload("name", Value.newBuilder().setStringValue(id).build())
        .putVectors("default", vector)
        .build();
  }

  static PointId id(String text) {
    return PointId.newBuilder().setText(text).build();
  }

  static Vector vector(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return Vector.newBuilder().setPacked(ByteString.copyFrom(bytes)).build();
  }

  /// The `ErrorInfo` of a failed call; the default instance when it has none.
  static ErrorInfo errorInfo(StatusRuntimeException e) throws IOException {
    for (var any : StatusProto.fromThrowable(e).getDetailsList()) {
      if (any.is(ErrorInfo.class)) {
        return any.unpack(ErrorInfo.class);
      }
    }
    return ErrorInfo.getDefaultInstance();
  }
}
