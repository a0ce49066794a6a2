package io.whimbrel.server.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.server.wire.StatusMapper;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The way into every service: counts open calls, refuses those beyond the bound before a message
/// is read, and gives a status to exceptions that escape a service.
final class CallGate implements ServerInterceptor {
  private final int callsMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition idle = lock.newCondition();
  private int open;

  CallGate(int callsMax) {
    this.callsMax = callsMax;
  }

  /// Waits up to `grace` until no call is open; says whether that is so.
  boolean awaitIdle(Duration grace) throws InterruptedException {
    long nanos = grace.toNanos();
    lock.lock();
    try {
      while (open > 0) {
        if (nanos <= 0) {
          return false;
        }
        nanos = idle.awaitNanos(nanos);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    if (!enter()) {
      close(
          call,
          WhimbrelException.of(
              ErrorCode.OVERLOADED, "calls", "more than " + callsMax, "at most " + callsMax));
      return new ServerCall.Listener<>() {};
    }
    GatedCall<Q, A> gated = new GatedCall<>(call);
    try {
      return new GatedListener<>(gated, next.startCall(gated, headers));
    } catch (RuntimeException e) {
      gated.fail(e);
      return new GatedListener<>(gated, new ServerCall.Listener<>() {});
    }
  }

  private boolean enter() {
    lock.lock();
    try {
      if (open == callsMax) {
        return false;
      }
      open++;
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void leave() {
    lock.lock();
    try {
      open--;
      if (open == 0) {
        idle.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private static void close(ServerCall<?, ?> call, Throwable failure) {
    StatusRuntimeException e = StatusMapper.exception(failure);
    call.close(e.getStatus(), Optional.ofNullable(e.getTrailers()).orElseGet(Metadata::new));
  }

  private static final class GatedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final AtomicBoolean closed = new AtomicBoolean();

    GatedCall(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      closed.set(true);
      super.close(status, trailers);
    }

    /// Ends the call with the status of `failure`, unless the service has ended it.
    void fail(RuntimeException failure) {
      if (closed.compareAndSet(false, true)) {
        CallGate.close(delegate(), failure);
      }
    }
  }

  private final class GatedListener<Q, A> extends SimpleForwardingServerCallListener<Q> {
    private final GatedCall<Q, A> call;
    private final AtomicBoolean left = new AtomicBoolean();

    GatedListener(GatedCall<Q, A> call, ServerCall.Listener<Q> service) {
      super(service);
      this.call = call;
    }

    @Override
    public void onMessage(Q message) {
      guard(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      guard(super::onHalfClose);
    }

    @Override
    public void onReady() {
      guard(super::onReady);
    }

    // Exactly one of these two ends every call, once its last byte is sent or given up.
    @Override
    public void onComplete() {
      try {
        guard(super::onComplete);
      } finally {
        leaveOnce();
      }
    }

    @Override
    public void onCancel() {
      try {
        guard(super::onCancel);
      } finally {
        leaveOnce();
      }
    }

    private void leaveOnce() {
      if (left.compareAndSet(false, true)) {
        leave();
      }
    }

    private void guard(Runnable event) {
      try {
        event.run();
      } catch (RuntimeException e) {
        call.fail(e);
      }
    }
  }
}
