package io.whimbrel.server;

import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/// The answers of a stream, in the order in which they came.
final class Answers<T> implements StreamObserver<T> {
  sealed interface Event<T> {}

  record Next<T>(T value) implements Event<T> {}

  record End<T>(Optional<StatusRuntimeException> error) implements Event<T> {}

  private final BlockingQueue<Event<T>> events = new LinkedBlockingQueue<>();

  @Override
  public void onNext(T value) {
    events.add(new Next<>(value));
  }

  @Override
  public void onError(Throwable t) {
    events.add(new End<>(Optional.of((StatusRuntimeException) t)));
  }

  @Override
  public void onCompleted() {
    events.add(new End<>(Optional.empty()));
  }

  /// Waits for the next event.
  Event<T> take() throws InterruptedException {
    return events.take();
  }

  /// Waits for the next answer; the stream must not have ended.
  T next() throws InterruptedException {
    return switch (take()) {
      case Next<T>(T value) -> value;
      case End<T>(var error) -> throw new AssertionError("the stream has ended: " + error);
    };
  }

  /// Waits for the end, which must come next.
  Optional<StatusRuntimeException> end() throws InterruptedException {
    return switch (take()) {
      case Next<T>(T value) -> throw new AssertionError("one more answer: " + value);
      case End<T>(var error) -> error;
    };
  }
}
