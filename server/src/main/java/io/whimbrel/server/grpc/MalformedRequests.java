package io.whimbrel.server.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/// Makes bytes that are no message the client's fault.
///
/// gRPC takes an exception in a request marshaller for a defect of the server: it logs the stack
/// and answers UNKNOWN. Here the marshaller returns the failure as a value, and the call throws it
/// where [CallGate] turns it into INVALID_ARGUMENT.
public final class MalformedRequests {
  private MalformedRequests() {}

  /// What a request marshaller found: a message, or why there is none.
  private sealed interface Parsed<Q> {}

  private record Message<Q>(Q message) implements Parsed<Q> {}

  private record Malformed<Q>(RuntimeException cause) implements Parsed<Q> {}

  /// The same service; its calls must pass through [CallGate].
  public static ServerServiceDefinition refuse(ServerServiceDefinition service) {
    List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
    service.getMethods().forEach(method -> methods.add(refuse(method)));
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
            // Reflection reads the .proto file from here.
            .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
    methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
    ServerServiceDefinition.Builder refusing = ServerServiceDefinition.builder(descriptor.build());
    methods.forEach(refusing::addMethod);
    return refusing.build();
  }

  private static <Q, A> ServerMethodDefinition<Parsed<Q>, A> refuse(
      ServerMethodDefinition<Q, A> method) {
    MethodDescriptor<Q, A> original = method.getMethodDescriptor();
    MethodDescriptor<Parsed<Q>, A> parsing =
        original.toBuilder(
                new Parsing<>(original.getRequestMarshaller()), original.getResponseMarshaller())
            .build();
    ServerCallHandler<Q, A> handler = method.getServerCallHandler();
    return ServerMethodDefinition.create(
        parsing,
        (call, headers) -> new Refusing<>(handler.startCall(new Typed<>(call, original), headers)));
  }

  private record Parsing<Q>(MethodDescriptor.Marshaller<Q> marshaller)
      implements MethodDescriptor.Marshaller<Parsed<Q>> {
    @Override
    public InputStream stream(Parsed<Q> value) {
      throw new IllegalStateException("a server sends no requests");
    }

    @Override
    public Parsed<Q> parse(InputStream stream) {
      try {
        return new Message<>(marshaller.parse(stream));
      } catch (RuntimeException e) {
        return new Malformed<>(e);
      }
    }
  }

  /// The call as the service knows it: requests never flow through it, so only its type changes.
  @SuppressWarnings("unchecked")
  private static final class Typed<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final MethodDescriptor<Q, A> method;

    Typed(ServerCall<Parsed<Q>, A> call, MethodDescriptor<Q, A> method) {
      super((ServerCall<Q, A>) (ServerCall<?, A>) call);
      this.method = method;
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
      return method;
    }
  }

  private static final class Refusing<Q> extends ServerCall.Listener<Parsed<Q>> {
    private final ServerCall.Listener<Q> service;

    Refusing(ServerCall.Listener<Q> service) {
      this.service = service;
    }

    @Override
    public void onMessage(Parsed<Q> parsed) {
      switch (parsed) {
        case Message<Q>(Q message) -> service.onMessage(message);
        case Malformed<Q>(RuntimeException cause) ->
            throw WhimbrelException.of(
                ErrorCode.INVALID_ARGUMENT,
                "request",
                "bytes that are no message of its type (expected: protobuf)",
                cause);
      }
    }

    @Override
    public void onHalfClose() {
      service.onHalfClose();
    }

    @Override
    public void onCancel() {
      service.onCancel();
    }

    @Override
    public void onComplete() {
      service.onComplete();
    }

    @Override
    public void onReady() {
      service.onReady();
    }
  }
}
