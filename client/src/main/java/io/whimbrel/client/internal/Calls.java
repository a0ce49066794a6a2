package io.whimbrel.client.internal;

import com.google.protobuf.MessageLite;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.RetryPolicy;
import io.whimbrel.client.WhimbrelException;
import java.time.Duration;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Makes calls that are answered once, and repeats them as the retry policy says. Safe for any
 * number of threads; owns neither the channel nor the timer.
 */
public final class Calls {
  private final Channel channel;
  private final Timer timer;
  private final RetryPolicy retries;
  private final Duration deadline;
  private final int requestBytesMax;

  public Calls(
      Channel channel, Timer timer, RetryPolicy retries, Duration deadline, int requestBytesMax) {
    this.channel = channel;
    this.timer = timer;
    this.retries = retries;
    this.deadline = deadline;
    this.requestBytesMax = requestBytesMax;
  }

  /**
   * Calls until there is an answer, a failure that repeating would not mend, or the deadline. The
   * future completes in a thread of gRPC or of the timer, exceptionally with a {@link
   * WhimbrelException} only. Cancelling it cancels the call.
   */
  public <Q extends MessageLite, A, T> CompletableFuture<T> call(
      MethodDescriptor<Q, A> method, Q request, boolean repeatable, Function<A, T> decode) {
    int bytes = request.getSerializedSize();
    if (bytes > requestBytesMax) {
      return CompletableFuture.failedFuture(
          WhimbrelException.refusal(
              ErrorCode.LIMIT_EXCEEDED,
              "request",
              bytes + " bytes",
              "at most " + requestBytesMax + " bytes"));
    }
    Attempts<Q, A, T> attempts = new Attempts<>(method, request, repeatable, decode);
    attempts.start();
    return attempts.result;
  }

  /**
   * The answer of a call, waited for. An interrupt cancels the call, sets the thread's interrupt
   * flag again and throws CANCELLED.
   */
  public static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      boolean unused = future.cancel(true);
      Thread.currentThread().interrupt();
      throw new WhimbrelException(
          ErrorCode.CANCELLED, "", "interrupted while waiting for the answer", null, e);
    } catch (ExecutionException | CancellationException e) {
      if (e.getCause() instanceof WhimbrelException failure) {
        throw failure.again();
      }
      throw new IllegalStateException("a call failed with another exception than its own", e);
    }
  }

  /**
   * Reads a stream of answers in the caller's thread until {@code more} says no. A stream that the
   * server ends is opened again; one that breaks too, as the retry policy says, and each answer
   * starts that count anew.
   */
  public <Q extends MessageLite, A> void watch(
      MethodDescriptor<Q, A> method, Q request, Predicate<A> more) {
    int brokenInARow = 0;
    while (true) {
      Context.CancellableContext context = Context.current().withCancellation();
      Context before = context.attach();
      try {
        Iterator<A> answers =
            ClientCalls.blockingServerStreamingCall(channel, method, CallOptions.DEFAULT, request);
        while (answers.hasNext()) {
          if (!more.test(answers.next())) {
            return;
          }
          brokenInARow = 0;
        }
      } catch (StatusRuntimeException e) {
        brokenInARow++;
        pause(ErrorWire.decode(e), brokenInARow);
      } finally {
        context.detach(before);
        context.cancel(null);
      }
    }
  }

  private void pause(WhimbrelException failure, int brokenInARow) {
    if (Thread.currentThread().isInterrupted()) {
      throw new WhimbrelException(
          ErrorCode.CANCELLED, "", "interrupted while watching", null, failure);
    }
    Duration wait =
        Backoff.next(
                retries,
                timer.closed()
                    ? new WhimbrelException(
                        ErrorCode.CANCELLED, "", "the client is closed", null, failure)
                    : failure,
                brokenInARow,
                true,
                deadline,
                ThreadLocalRandom.current().nextDouble())
            .orElseThrow(() -> failure);
    try {
      Thread.sleep(wait.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new WhimbrelException(
          ErrorCode.CANCELLED, "", "interrupted while watching", null, failure);
    }
  }

  /**
   * One logical call. An attempt starts only after the one before has ended, and only {@code
   * current} is read by other threads.
   */
  private final class Attempts<Q, A, T> {
    final CompletableFuture<T> result = new CompletableFuture<>();
    private final MethodDescriptor<Q, A> method;
    private final Q request;
    private final boolean repeatable;
    private final Function<A, T> decode;
    private final Deadline until = Deadline.after(deadline.toNanos(), TimeUnit.NANOSECONDS);
    private int attempt;
    private volatile @Nullable ClientCall<Q, A> current;

    Attempts(MethodDescriptor<Q, A> method, Q request, boolean repeatable, Function<A, T> decode) {
      this.method = method;
      this.request = request;
      this.repeatable = repeatable;
      this.decode = decode;
      var unused = result.whenComplete((answer, failure) -> cancelIfCancelled());
    }

    void start() {
      if (result.isDone()) {
        return;
      }
      if (timer.closed()) {
        result.completeExceptionally(
            new WhimbrelException(ErrorCode.UNAVAILABLE, "", "the client is closed", null, null));
        return;
      }
      attempt++;
      ClientCall<Q, A> call = channel.newCall(method, CallOptions.DEFAULT.withDeadline(until));
      current = call;
      ClientCalls.asyncUnaryCall(call, request, new Answer());
      // The future may have been cancelled after the check above and before {@code current} was
      // set.
      cancelIfCancelled();
    }

    private void cancelIfCancelled() {
      ClientCall<Q, A> call = current;
      if (result.isCancelled() && call != null) {
        call.cancel("cancelled by the caller", null);
      }
    }

    private void failed(Throwable thrown) {
      WhimbrelException failure = ErrorWire.decode(thrown);
      Duration remaining = Duration.ofNanos(Math.max(0, until.timeRemaining(TimeUnit.NANOSECONDS)));
      Optional<Duration> wait =
          Backoff.next(
              retries,
              failure,
              attempt,
              repeatable,
              remaining,
              ThreadLocalRandom.current().nextDouble());
      if (wait.isEmpty()) {
        result.completeExceptionally(failure);
        return;
      }
      timer.after(wait.get(), this::start);
    }

    private final class Answer implements StreamObserver<A> {
      private @Nullable A answer;

      @Override
      public void onNext(A message) {
        answer = message;
      }

      @Override
      public void onError(Throwable thrown) {
        failed(thrown);
      }

      @Override
      public void onCompleted() {
        A message = answer;
        if (message == null) {
          failed(
              new WhimbrelException(
                  ErrorCode.INTERNAL,
                  "",
                  "the server ended the call without an answer",
                  null,
                  null));
          return;
        }
        T decoded;
        try {
          decoded = decode.apply(message);
        } catch (WhimbrelException unreadable) {
          result.completeExceptionally(unreadable);
          return;
        }
        result.complete(decoded);
      }
    }
  }
}
