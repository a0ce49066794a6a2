package io.whimbrel.server.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.server.wire.StatusMapper;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/// Streams that tell of changes. Each has a virtual thread, which only waits; their number and
/// their life are bounded, and a client opens the next when one has ended.
final class Watches {
  private static final Duration LIFE_MAX = Duration.ofMinutes(30);
  private static final Duration WAIT = Duration.ofSeconds(1);

  private final int watchesMax;
  private final Semaphore places;
  private volatile boolean draining;

  Watches(int watchesMax) {
    this.watchesMax = watchesMax;
    this.places = new Semaphore(watchesMax);
  }

  /// Something that changes.
  interface Source<T> {
    /// The value once it differs from `last`, or as it is after `wait`; may hold the thread.
    T next(Optional<T> last, Duration wait);

    /// Whether nothing follows `value`.
    boolean last(T value);
  }

  /// Sends the value of `source` now and whenever it has changed, at most one an `interval`.
  <T> void open(StreamObserver<T> observer, Duration interval, Source<T> source) {
    var call = (ServerCallStreamObserver<T>) observer;
    call.setOnCancelHandler(() -> {});
    if (!places.tryAcquire()) {
      call.onError(
          StatusMapper.exception(
              WhimbrelException.of(
                  ErrorCode.OVERLOADED,
                  "watches",
                  "more than " + watchesMax,
                  "at most " + watchesMax)));
      return;
    }
    Thread.ofVirtual()
        .name("whimbrel-watch")
        .start(() -> {
          try {
            run(call, interval, source);
          } catch (Throwable t) {
            call.onError(StatusMapper.exception(t));
          } finally {
            places.release();
          }
        });
  }

  /// Ends all watches with UNAVAILABLE, within a second or so.
  void drain() {
    draining = true;
  }

  private <T> void run(ServerCallStreamObserver<T> call, Duration interval, Source<T> source)
      throws InterruptedException {
    long started = System.nanoTime();
    Optional<T> sent = Optional.empty();
    while (!call.isCancelled() && System.nanoTime() - started < LIFE_MAX.toNanos()) {
      if (draining) {
        throw WhimbrelException.of(ErrorCode.UNAVAILABLE, "server", "stopping", "a running server");
      }
      T value = source.next(sent, WAIT.compareTo(interval) < 0 ? WAIT : interval);
      boolean last = source.last(value);
      // A client that does not read gets fewer answers, not a queue of them.
      if (!sent.equals(Optional.of(value)) && (call.isReady() || last)) {
        call.onNext(value);
        sent = Optional.of(value);
        if (!last) {
          rest(call, interval);
        }
      }
      if (last) {
        break;
      }
    }
    call.onCompleted();
  }

  private void rest(ServerCallStreamObserver<?> call, Duration interval)
      throws InterruptedException {
    long until = System.nanoTime() + interval.toNanos();
    for (long left = interval.toNanos();
        left > 0 && !draining && !call.isCancelled();
        left = until - System.nanoTime()) {
      Thread.sleep(Duration.ofNanos(Math.min(left, WAIT.toNanos())));
    }
  }
}
