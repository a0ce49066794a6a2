package io.whimbrel.client.internal;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.whimbrel.client.BulkFailure;
import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkStats;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.RetryPolicy;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.WriteOptions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The machine behind {@link BulkWriter}.
 *
 * <p>A batch is filled by callers, then sealed: it gets into {@code unacknowledged}, where it stays
 * until it is acknowledged or refused for good, and into {@code unsent}, from where it goes to the
 * stream as soon as that takes more. A broken stream puts all that is unacknowledged back into
 * {@code unsent}, oldest first, and a new stream is opened after a wait.
 *
 * <p>No two unacknowledged points have the same id. So a batch that is sent again later than its
 * successors cannot bring back an older point.
 *
 * <p>One lock guards everything; callers, gRPC's threads and the timer take it. gRPC does not call
 * back from inside a call made under it.
 */
public final class Ingest {
  private final Channel channel;
  private final Timer timer;
  private final RetryPolicy retries;
  private final Duration deadline;
  private final String collection;
  private final BulkOptions options;
  private final int pointBytesMax;
  private final int batchBytesMax;
  private final WriteOptions writeOptions;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition progress = lock.newCondition();
  private final TreeMap<Long, Batch> unacknowledged = new TreeMap<>();
  private final ArrayDeque<Batch> unsent = new ArrayDeque<>();
  private final Set<PointId> ids = new HashSet<>();
  private final List<BulkFailure> failures = new ArrayList<>();
  private Batch filling;
  private long inFlightBytes;
  private long progressNanos = System.nanoTime();
  private @Nullable Stream stream;
  private boolean reconnecting;
  private int brokenInARow;
  private @Nullable WhimbrelException failed;
  private boolean closed;

  private long pointsAcknowledged;
  private long bytesAcknowledged;
  private long pointsRefused;
  private long batchesRefused;
  private long batchesResent;
  private long streams;

  public Ingest(
      Channel channel,
      Timer timer,
      RetryPolicy retries,
      Duration deadline,
      int messageBytesMax,
      String collection,
      BulkOptions options) {
    this.channel = channel;
    this.timer = timer;
    this.retries = retries;
    this.deadline = deadline;
    this.collection = collection;
    this.options = options;
    this.batchBytesMax = Math.min(options.batchBytesMax(), messageBytesMax / 2);
    this.writeOptions =
        PointWire.encode(
            io.whimbrel.client.WriteOptions.DEFAULT.withDurability(options.durability()),
            UUID.randomUUID().toString());
    this.filling = new Batch(collection, 1, writeOptions);
    this.pointBytesMax =
        messageBytesMax / 2 - new Batch(collection, Long.MAX_VALUE, writeOptions).bytes();
  }

  public void add(Point point) {
    io.whimbrel.proto.v1.Point message = PointWire.encode(point, OptionalLong.empty());
    int bytes = Batch.bytes(message);
    lock.lock();
    try {
      checkUsable();
      if (bytes > pointBytesMax) {
        throw WhimbrelException.refusal(
            ErrorCode.LIMIT_EXCEEDED,
            "points",
            bytes + " bytes in point " + point.id(),
            "at most " + pointBytesMax + " bytes, as half the message limit of the client takes");
      }
      while (!fits(point.id(), bytes)) {
        seal();
        awaitProgress();
      }
      ids.add(point.id());
      filling.add(point.id(), message);
      if (filling.ids().size() == options.batchPointsMax() || filling.bytes() >= batchBytesMax) {
        seal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether the point may join the batch that is being filled; seals that batch when only a next
   * one can take the point.
   */
  private boolean fits(PointId id, int bytes) {
    if (ids.contains(id)) {
      return false;
    }
    if (!filling.ids().isEmpty() && filling.bytes() + bytes > batchBytesMax) {
      seal();
    }
    long held = inFlightBytes + filling.bytes() + bytes;
    boolean nothingElse = unacknowledged.isEmpty() && filling.ids().isEmpty();
    return nothingElse
        || (held <= options.inFlightBytesMax()
            && unacknowledged.size() < options.inFlightBatchesMax());
  }

  public void flush() {
    lock.lock();
    try {
      checkUsable();
      drain();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for everything added before, not for what other threads add meanwhile. */
  private void drain() {
    seal();
    long last = filling.number() - 1;
    while (!unacknowledged.isEmpty() && unacknowledged.firstKey() <= last) {
      awaitProgress();
    }
    throwIfFailed();
    if (!failures.isEmpty()) {
      throw failures.get(0).error().again();
    }
  }

  public List<BulkFailure> takeFailures() {
    lock.lock();
    try {
      List<BulkFailure> taken = List.copyOf(failures);
      failures.clear();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  public List<PointId> unacknowledged() {
    lock.lock();
    try {
      return List.copyOf(ids);
    } finally {
      lock.unlock();
    }
  }

  public BulkStats stats() {
    lock.lock();
    try {
      return new BulkStats(
          pointsAcknowledged,
          bytesAcknowledged,
          pointsRefused,
          batchesRefused,
          batchesResent,
          streams);
    } finally {
      lock.unlock();
    }
  }

  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      try {
        throwIfFailed();
        drain();
      } finally {
        closed = true;
        if (stream != null) {
          stream.end(unacknowledged.isEmpty());
          stream = null;
        }
        progress.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Hands the batch that is being filled over for sending. */
  private void seal() {
    if (filling.ids().isEmpty()) {
      return;
    }
    if (unacknowledged.isEmpty()) {
      progressNanos = System.nanoTime();
    }
    unacknowledged.put(filling.number(), filling);
    inFlightBytes += filling.bytes();
    unsent.add(filling);
    filling = new Batch(collection, filling.number() + 1, writeOptions);
    send();
  }

  /** Gives the stream what it takes now. It asks again when it takes more. */
  private void send() {
    if (failed != null || closed || reconnecting || unsent.isEmpty()) {
      return;
    }
    if (stream == null) {
      stream = new Stream();
      stream.open();
    }
    while (!unsent.isEmpty() && stream.ready()) {
      Batch batch = unsent.remove();
      if (batch.sent++ > 0) {
        batchesResent++;
      }
      stream.send(batch.message());
    }
  }

  private void answered(Stream from, IngestResponse answer) {
    lock.lock();
    try {
      if (from != stream) {
        return;
      }
      Batch batch = unacknowledged.get(answer.getBatch());
      if (batch == null) {
        fail(
            WhimbrelException.refusal(
                ErrorCode.INTERNAL, "batch", answer.getBatch(), "an answer to a batch on its way"));
        return;
      }
      progressNanos = System.nanoTime();
      brokenInARow = 0;
      switch (answer.getOutcomeCase()) {
        case WRITTEN -> {
          pointsAcknowledged += batch.ids().size();
          bytesAcknowledged += batch.bytes();
          done(batch);
        }
        case ERROR -> refused(batch, ErrorWire.decode(answer.getError()));
        case OUTCOME_NOT_SET -> fail(ValueWire.newerServer("outcome", answer.getOutcomeCase()));
      }
    } finally {
      lock.unlock();
    }
  }

  private void done(Batch batch) {
    unacknowledged.remove(batch.number());
    inFlightBytes -= batch.bytes();
    batch.ids().forEach(ids::remove);
    progress.signalAll();
  }

  /** A passing refusal is tried again, any other is kept for the caller. */
  private void refused(Batch batch, WhimbrelException error) {
    Optional<Duration> wait = nextAttempt(error, ++batch.refusals);
    if (wait.isPresent()) {
      batch.waiting = true;
      timer.after(wait.get(), () -> sendAgain(batch));
      return;
    }
    pointsRefused += batch.ids().size();
    batchesRefused++;
    if (failures.size() < BulkWriter.FAILURES_MAX) {
      failures.add(new BulkFailure(error, batch.ids()));
    }
    done(batch);
  }

  private void sendAgain(Batch batch) {
    lock.lock();
    try {
      if (batch.waiting) {
        batch.waiting = false;
        unsent.add(batch);
        send();
      }
    } finally {
      lock.unlock();
    }
  }

  private void broken(Stream from, WhimbrelException error) {
    lock.lock();
    try {
      if (from != stream) {
        return;
      }
      stream = null;
      if (unacknowledged.isEmpty()) {
        // Nobody waits for anything; the next batch opens a stream.
        return;
      }
      unsent.clear();
      unsent.addAll(unacknowledged.values());
      unsent.forEach(batch -> batch.waiting = false);
      brokenInARow++;
      Optional<Duration> wait = nextAttempt(error, brokenInARow);
      if (wait.isEmpty()) {
        fail(error);
        return;
      }
      reconnecting = true;
      timer.after(wait.get(), this::reconnect);
    } finally {
      lock.unlock();
    }
  }

  private void reconnect() {
    lock.lock();
    try {
      reconnecting = false;
      if (timer.closed()) {
        fail(
            new WhimbrelException(
                ErrorCode.UNAVAILABLE, "", "the client was closed before the writer", null, null));
      } else {
        send();
      }
    } finally {
      lock.unlock();
    }
  }

  private Optional<Duration> nextAttempt(WhimbrelException error, int attempts) {
    return Backoff.next(
        retries,
        error,
        attempts,
        true,
        Duration.ofNanos(nanosLeft()),
        ThreadLocalRandom.current().nextDouble());
  }

  private void fail(WhimbrelException error) {
    failed = error;
    if (stream != null) {
      stream.end(false);
      stream = null;
    }
    progress.signalAll();
  }

  /** Waits for an answer to any batch, or for the writer's failure. */
  @SuppressWarnings("WaitNotInLoop") // Every caller loops over its own condition.
  private void awaitProgress() {
    throwIfFailed();
    long left = nanosLeft();
    try {
      if (left <= 0) {
        fail(
            new WhimbrelException(
                ErrorCode.DEADLINE_EXCEEDED,
                "",
                unacknowledged.size() + " batches on their way, no answer within " + deadline,
                null,
                null));
      } else {
        long unused = progress.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new WhimbrelException(
          ErrorCode.CANCELLED, "", "interrupted while waiting for acknowledgements", null, e);
    }
    checkUsable();
  }

  private long nanosLeft() {
    return Math.max(0, deadline.toNanos() - (System.nanoTime() - progressNanos));
  }

  private void checkUsable() {
    throwIfFailed();
    if (closed) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, "bulk_writer", "closed", "an open writer");
    }
  }

  private void throwIfFailed() {
    if (failed != null) {
      throw failed.again();
    }
  }

  /**
   * One call of Points.Ingest. What it hears is passed on with its own name, so that a late word of
   * an old stream is known.
   */
  private final class Stream extends ClientCall.Listener<IngestResponse> {
    private final ClientCall<IngestRequest, IngestResponse> call =
        channel.newCall(PointsGrpc.getIngestMethod(), CallOptions.DEFAULT);

    void open() {
      streams++;
      call.start(this, new Metadata());
      call.request(1);
    }

    boolean ready() {
      return call.isReady();
    }

    void send(IngestRequest request) {
      call.sendMessage(request);
    }

    void end(boolean well) {
      if (well) {
        call.halfClose();
      } else {
        call.cancel("the writer has failed", null);
      }
    }

    @Override
    public void onReady() {
      lock.lock();
      try {
        if (stream == this) {
          Ingest.this.send();
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void onMessage(IngestResponse answer) {
      answered(this, answer);
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      broken(
          this,
          status.isOk()
              ? new WhimbrelException(
                  ErrorCode.UNAVAILABLE, "", "the server ended the stream", null, null)
              : ErrorWire.decode(status.asRuntimeException(trailers)));
    }
  }
}
