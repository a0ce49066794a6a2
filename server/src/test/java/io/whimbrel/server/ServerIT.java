package io.whimbrel.server;

import static io.whimbrel.server.RunningServer.point;
import static io.whimbrel.server.RunningServer.search;
import static io.whimbrel.server.RunningServer.upsert;
import static io.whimbrel.server.RunningServer.vector;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.whimbrel.proto.v1.*;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerIT {
  @TempDir Path data;

  @Test
  void whatIsWrittenIsFoundAndGivenBackAsItCame() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of())) {
      server.create("docs", Metric.METRIC_DOT);
      Point a = point("a", vector(1, 0, 0));
      Point b =
          point("b", vector(0, 2, 0)).toBuilder().setId(PointId.newBuilder().setNumber(-1)).build();
      WriteResponse written = server.points.upsert(upsert("docs", a, b));
      assertThat(written.getAffected()).isEqualTo(2);
      assertThat(written.getDurability()).isEqualTo(Durability.DURABILITY_SYNC);

      SearchResponse found =
          server.query.search(
              search("docs", 10, vector(1, 1, 0)).toBuilder()
                  .setMinSeq(written.getSeq())
                  .setWithVectors(VectorSelector.newBuilder().setAll(true))
                  .build());
      assertThat(found.getHitsList()).extracting(Hit::getId).containsExactly(b.getId(), a.getId());
      assertThat(found.getHits(0).getScore()).isEqualTo(2);
      assertThat(found.getHits(0).getPayloadMap()).isEqualTo(b.getPayloadMap());
      assertThat(found.getHits(0).getVectorsOrThrow("default").getPacked())
          .isEqualTo(b.getVectorsOrThrow("default").getPacked());
      assertThat(found.getServedVersion()).isEqualTo(1);
      assertThat(found.getSeq()).isGreaterThanOrEqualTo(written.getSeq());

      Collection collection =
          server
              .collections
              .get(GetCollectionRequest.newBuilder().setName("docs").build())
              .getCollection();
      assertThat(collection.getPoints()).isEqualTo(2);
      assertThat(collection.getFields(0).getVersions(0).getSpec().getSpaceId()).isNotEmpty();

      SearchBatchResponse batch =
          server.query.searchBatch(
              SearchBatchRequest.newBuilder()
                  .addSearches(search("docs", 1, vector(1, 0, 0)))
                  .addSearches(search("docs", 1, vector(0, 1, 0)))
                  .build());
      assertThat(batch.getResponses(0).getHits(0).getId()).isEqualTo(a.getId());
      assertThat(batch.getResponses(1).getHits(0).getId()).isEqualTo(b.getId());

      ScrollResponse first =
          server.points.scroll(
              ScrollRequest.newBuilder().setCollection("docs").setLimit(1).build());
      ScrollResponse second =
          server.points.scroll(
              ScrollRequest.newBuilder()
                  .setCollection("docs")
                  .setLimit(1)
                  .setCursor(first.getNextCursor())
                  .build());
      assertThat(List.of(first.getPoints(0).getId(), second.getPoints(0).getId()))
          .containsExactly(b.getId(), a.getId());

      var _ =
          server.points.updatePayload(
              UpdatePayloadRequest.newBuilder()
                  .setCollection("docs")
                  .addIds(a.getId())
                  .setClear(true)
                  .build());
      assertThat(
              server
                  .points
                  .get(GetRequest.newBuilder().setCollection("docs").addIds(a.getId()).build())
                  .getPoints(0)
                  .getPayloadMap())
          .isEmpty();
      assertThat(
              server
                  .points
                  .delete(
                      DeleteRequest.newBuilder().setCollection("docs").addIds(a.getId()).build())
                  .getAffected())
          .isEqualTo(1);
      assertThat(
              server
                  .collections
                  .delete(DeleteCollectionRequest.newBuilder().setName("docs").build())
                  .getPoints())
          .isEqualTo(1);
    }
  }

  @Test
  void anOperatorSeesTheServer() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of("search-threads", "3"))) {
      server.create("docs", Metric.METRIC_DOT);
      var _ = server.points.upsert(upsert("docs", point("a", vector(1, 0, 0))));

      GetServerInfoResponse info =
          server.admin.getServerInfo(GetServerInfoRequest.getDefaultInstance());
      assertThat(info.getVersion()).isNotEmpty();
      assertThat(info.getKernels()).isNotEmpty();
      assertThat(info.getReadOnlyReason()).isEmpty();
      assertThat(info.getLimitsList())
          .contains(Limit.newBuilder().setName("search_threads").setValue(3).build());
      GetStorageStatsResponse stats =
          server.admin.getStorageStats(GetStorageStatsRequest.getDefaultInstance());
      assertThat(stats.getDiskBytes()).isPositive();
      assertThat(stats.getCollections(0).getPoints()).isEqualTo(1);
      assertThat(server.admin.flush(FlushRequest.getDefaultInstance()).getSeq())
          .isEqualTo(info.getSeq());
      for (String service : List.of("", "whimbrel.v1.Points")) {
        assertThat(
                HealthGrpc.newBlockingStub(server.channel)
                    .check(HealthCheckRequest.newBuilder().setService(service).build())
                    .getStatus())
            .isEqualTo(ServingStatus.SERVING);
      }
    }
  }

  @Test
  void callsBeyondTheBoundAreRefusedWithARetryHint() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of("calls-max", "1"))) {
      server.create("docs", Metric.METRIC_DOT);
      Answers<IngestResponse> answers = new Answers<>();
      StreamObserver<IngestRequest> open = PointsGrpc.newStub(server.channel).ingest(answers);
      open.onNext(
          IngestRequest.newBuilder()
              .setCollection("docs")
              .addPoints(point("a", vector(1, 2, 3)))
              .build());
      assertThat(answers.next().hasWritten()).isTrue();

      StatusRuntimeException e =
          catchThrowableOfType(
              StatusRuntimeException.class,
              () -> server.query.search(search("docs", 1, vector(1, 2, 3))));
      assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      ErrorInfo info = RunningServer.errorInfo(e);
      assertThat(info.getReason()).isEqualTo("OVERLOADED");
      assertThat(
              io.grpc.protobuf.StatusProto.fromThrowable(e).getDetailsList().stream()
                  .anyMatch(any -> any.is(com.google.rpc.RetryInfo.class)))
          .isTrue();
      open.onCompleted();
      assertThat(answers.end()).isEmpty();
    }
  }

  @Test
  void connectionsBeyondTheBoundAreClosed() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of("connections-max", "1"))) {
      server.create("docs", Metric.METRIC_DOT);
      ManagedChannel second =
          NettyChannelBuilder.forAddress("127.0.0.1", server.server.port()).usePlaintext().build();
      try {
        StatusRuntimeException e =
            catchThrowableOfType(
                StatusRuntimeException.class,
                () ->
                    CollectionsGrpc.newBlockingStub(second)
                        .list(ListCollectionsRequest.getDefaultInstance()));
        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      } finally {
        second.shutdownNow();
      }
    }
  }

  @Test
  void bytesThatAreNoMessageAreTheClientsFault() throws Exception {
    MethodDescriptor.Marshaller<byte[]> raw =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
          }

          @Override
          public byte[] parse(InputStream stream) {
            return new byte[0];
          }
        };
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(QueryGrpc.getSearchMethod().getFullMethodName())
            .setRequestMarshaller(raw)
            .setResponseMarshaller(raw)
            .build();
    try (RunningServer server = new RunningServer(data, Map.of())) {
      StatusRuntimeException e =
          catchThrowableOfType(
              StatusRuntimeException.class,
              () ->
                  ClientCalls.blockingUnaryCall(
                      server.channel, method, CallOptions.DEFAULT, new byte[] {-1, -1, -1}));
      assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(RunningServer.errorInfo(e).getReason()).isEqualTo("INVALID_ARGUMENT");
    }
  }

  @Test
  void callsTravelEncryptedWithACertificate() throws Exception {
    Path certificate = data.resolve("certificate.pem");
    Path key = data.resolve("key.pem");
    writeSelfSigned(certificate, key);
    Map<String, String> flags =
        Map.of(
            "tls-certificate", certificate.toString(),
            "tls-key", key.toString(),
            "data", data.resolve("db").toString(),
            "port", "0");
    try (WhimbrelServer server = WhimbrelServer.start(ServerConfig.load(flags, Map.of()))) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("localhost", server.port())
              .sslContext(GrpcSslContexts.forClient().trustManager(certificate.toFile()).build())
              .build();
      try {
        assertThat(
                CollectionsGrpc.newBlockingStub(channel)
                    .list(ListCollectionsRequest.getDefaultInstance())
                    .getCollectionsList())
            .isEmpty();
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private void writeSelfSigned(Path certificate, Path key) throws Exception {
    Path store = data.resolve("store.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=dns:localhost,ip:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keystore",
                store.toString())
            .inheritIO()
            .start();
    assertThat(keytool.waitFor()).isZero();
    KeyStore keys = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
    Files.writeString(certificate, pem("CERTIFICATE", keys.getCertificate("server").getEncoded()));
    Files.writeString(
        key, pem("PRIVATE KEY", keys.getKey("server", "changeit".toCharArray()).getEncoded()));
  }

  private static String pem(String kind, byte[] bytes) {
    return "-----BEGIN %s-----%n%s%n-----END %s-----%n"
        .formatted(kind, Base64.getMimeEncoder().encodeToString(bytes), kind);
  }
}
