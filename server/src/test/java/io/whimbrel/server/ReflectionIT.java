package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.DynamicMessage;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.whimbrel.proto.v1.Metric;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A client that knows nothing of our messages asks the server for them and calls it.
class ReflectionIT {
  @TempDir Path data;

  @Test
  void aClientWithoutOurProtosCanCall() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of())) {
      server.create("docs", Metric.METRIC_DOT);
      var _ =
          server.points.upsert(
              RunningServer.upsert(
                  "docs", RunningServer.point("a", RunningServer.vector(1, 2, 3))));
      ManagedChannel stranger =
          NettyChannelBuilder.forAddress("127.0.0.1", server.server.port()).usePlaintext().build();
      try {
        assertThat(services(stranger))
            .contains(
                "whimbrel.v1.Collections",
                "whimbrel.v1.Points",
                "whimbrel.v1.Query",
                "whimbrel.v1.Admin",
                "grpc.health.v1.Health");

        MethodDescriptor list = method(stranger, "whimbrel.v1.Collections", "List");
        DynamicMessage collections =
            call(stranger, list, DynamicMessage.newBuilder(list.getInputType()).build());
        DynamicMessage first =
            (DynamicMessage)
                collections.getRepeatedField(
                    list.getOutputType().findFieldByName("collections"), 0);
        assertThat(first.getField(first.getDescriptorForType().findFieldByName("name")))
            .isEqualTo("docs");

        MethodDescriptor count = method(stranger, "whimbrel.v1.Points", "Count");
        DynamicMessage question =
            DynamicMessage.newBuilder(count.getInputType())
                .setField(count.getInputType().findFieldByName("collection"), "docs")
                .build();
        DynamicMessage answer = call(stranger, count, question);
        assertThat(answer.getField(count.getOutputType().findFieldByName("count"))).isEqualTo(1L);
      } finally {
        stranger.shutdownNow();
      }
    }
  }

  @Test
  void reflectionIsOffWhereOtherMachinesReachTheServer() throws Exception {
    try (RunningServer server =
        new RunningServer(data, Map.of("host", "0.0.0.0", "insecure", "true"))) {
      assertThat(
              io.whimbrel.proto.v1.CollectionsGrpc.newBlockingStub(server.channel)
                  .list(io.whimbrel.proto.v1.ListCollectionsRequest.getDefaultInstance())
                  .getCollectionsList())
          .isEmpty();
      assertThat(
              ask(server.channel, ServerReflectionRequest.newBuilder().setListServices("").build())
                  .exceptionNow())
          .hasMessageContaining("UNIMPLEMENTED");
    }
  }

  private static List<String> services(ManagedChannel channel) {
    List<String> names = new ArrayList<>();
    ask(channel, ServerReflectionRequest.newBuilder().setListServices("").build())
        .join()
        .getListServicesResponse()
        .getServiceList()
        .forEach(service -> names.add(service.getName()));
    return names;
  }

  /// The method as the server describes it; nothing of the generated classes is used.
  private static MethodDescriptor method(ManagedChannel channel, String service, String method)
      throws Exception {
    ServerReflectionResponse response =
        ask(channel, ServerReflectionRequest.newBuilder().setFileContainingSymbol(service).build())
            .join();
    Map<String, FileDescriptorProto> files = new HashMap<>();
    for (ByteString file : response.getFileDescriptorResponse().getFileDescriptorProtoList()) {
      FileDescriptorProto proto = FileDescriptorProto.parseFrom(file);
      files.put(proto.getName(), proto);
    }
    for (FileDescriptorProto file : files.values()) {
      FileDescriptor built = build(file, files);
      var found = built.findServiceByName(service.substring(service.lastIndexOf('.') + 1));
      if (found != null) {
        return found.findMethodByName(method);
      }
    }
    throw new AssertionError("no descriptor of " + service + " in " + files.keySet());
  }

  private static FileDescriptor build(
      FileDescriptorProto file, Map<String, FileDescriptorProto> files) throws Exception {
    List<FileDescriptor> dependencies = new ArrayList<>();
    for (String name : file.getDependencyList()) {
      dependencies.add(build(java.util.Objects.requireNonNull(files.get(name), name), files));
    }
    return FileDescriptor.buildFrom(file, dependencies.toArray(FileDescriptor[]::new));
  }

  private static DynamicMessage call(
      ManagedChannel channel, MethodDescriptor method, DynamicMessage request) {
    var rpc =
        io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
            .setType(MethodType.UNARY)
            .setFullMethodName(method.getService().getFullName() + "/" + method.getName())
            .setRequestMarshaller(
                ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(method.getInputType())))
            .setResponseMarshaller(
                ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(method.getOutputType())))
            .build();
    return ClientCalls.blockingUnaryCall(channel, rpc, CallOptions.DEFAULT, request);
  }

  private static CompletableFuture<ServerReflectionResponse> ask(
      ManagedChannel channel, ServerReflectionRequest request) {
    CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> stream =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    answer.complete(response);
                  }

                  @Override
                  public void onError(Throwable t) {
                    answer.completeExceptionally(t);
                  }

                  @Override
                  public void onCompleted() {}
                });
    stream.onNext(request);
    stream.onCompleted();
    var _ = answer.handle((r, t) -> r).join();
    return answer;
  }
}
