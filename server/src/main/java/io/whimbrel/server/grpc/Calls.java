package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.QueryWire;
import io.whimbrel.server.wire.StatusMapper;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers a call with the outcome of work on a pool; the only way in which the services answer.
final class Calls {
  private static final Logger LOG = LoggerFactory.getLogger(Calls.class);

  private Calls() {}

  /// Answers with what `work` returns.
  static <T> void answer(WorkPool pool, StreamObserver<T> call, Supplier<T> work) {
    answerLater(pool, call, () -> CompletableFuture.completedFuture(work.get()));
  }

  /// Answers when the future that `work` returns completes, on the thread that completes it.
  static <T> void answerLater(
      WorkPool pool, StreamObserver<T> observer, Supplier<CompletableFuture<T>> work) {
    var call = (ServerCallStreamObserver<T>) observer;
    // With a handler set, an answer to a caller that has left is dropped; without one it would
    // throw.
    call.setOnCancelHandler(() -> {});
    Context context = Context.current();
    try {
      pool.execute(context.wrap(() -> run(call, context, work)));
    } catch (RuntimeException e) {
      call.onError(StatusMapper.exception(e));
    }
  }

  /// Whether the caller no longer waits: it cancelled, it left, or its deadline passed.
  static boolean abandoned(Context context) {
    return context.isCancelled() || deadlinePassed(context);
  }

  private static <T> void run(
      ServerCallStreamObserver<T> call, Context context, Supplier<CompletableFuture<T>> work) {
    CompletableFuture<T> outcome;
    try {
      if (abandoned(context)) {
        throw QueryWire.abandoned(deadlinePassed(context));
      }
      outcome = work.get();
    } catch (Throwable t) {
      outcome = CompletableFuture.failedFuture(t);
    }
    var _ = outcome.whenComplete((answer, failure) -> finish(call, answer, failure));
  }

  private static <T> void finish(
      ServerCallStreamObserver<T> call, @Nullable T answer, @Nullable Throwable failure) {
    try {
      if (failure != null) {
        call.onError(StatusMapper.exception(failure));
      } else {
        call.onNext(answer);
        call.onCompleted();
      }
    } catch (RuntimeException e) {
      // The transport is gone: there is nobody to answer.
      LOG.warn("an answer could not be sent", e);
    }
  }

  private static boolean deadlinePassed(Context context) {
    Deadline deadline = context.getDeadline();
    return deadline != null && deadline.isExpired();
  }
}
