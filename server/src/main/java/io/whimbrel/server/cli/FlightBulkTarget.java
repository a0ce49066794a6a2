package io.whimbrel.server.cli;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Point;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.client.arrow.UploadOptions;
import io.whimbrel.client.arrow.UploadResult;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;

/// Uploads by Arrow Flight.
///
/// An upload pulls points where a target is pushed them, so a thread uploads what comes out of a
/// short queue. Points go into it in chunks, for a hand-over costs as much as many points. An
/// upload that fails takes and drops what is queued up to its end, so that nobody waits for room in
/// vain; the next call of the target throws why.
final class FlightBulkTarget implements BulkTarget {
  private static final int CHUNK_POINTS_MAX = 256;
  private static final int CHUNK_VALUES_MAX = 1 << 18;
  private static final int QUEUE_CHUNKS_MAX = 4;

  private final FlightBulk bulk;
  private final String collection;
  private final UploadOptions options;
  private final AtomicLong written = new AtomicLong();
  private Optional<Running> running = Optional.empty();
  private List<Point> chunk = new ArrayList<>();
  private int chunkValues;

  /// Takes over `bulk` and closes it.
  FlightBulkTarget(FlightBulk bulk, String collection, UploadOptions options) {
    this.bulk = bulk;
    this.collection = collection;
    this.options = options;
  }

  @Override
  public void add(Point point) {
    chunk.add(point);
    for (Vector vector : point.vectors().values()) {
      chunkValues += vector.values().length;
    }
    if (chunk.size() >= CHUNK_POINTS_MAX || chunkValues >= CHUNK_VALUES_MAX) {
      handOver();
    }
  }

  @Override
  public void flush() {
    if (!chunk.isEmpty()) {
      handOver();
    }
    Optional<Running> ending = running;
    running = Optional.empty();
    if (ending.isPresent()) {
      ending.get().finish();
    }
  }

  @Override
  public long written() {
    return written.get();
  }

  /// A refusal ends the upload, so the next call throws it and there is nothing to count.
  @Override
  public long refused() {
    return 0;
  }

  /// Ends the upload as [#flush] does, then the connection, also when flush throws.
  @Override
  public void close() {
    try (bulk) {
      try {
        flush();
      } finally {
        // Still there when points could not even be handed over.
        running.ifPresent(Running::abort);
        running = Optional.empty();
      }
    }
  }

  private void handOver() {
    List<Point> points = chunk;
    chunk = new ArrayList<>();
    chunkValues = 0;
    if (running.isEmpty()) {
      running = Optional.of(new Running(written.get()));
    }
    running.get().take(points);
  }

  private static WhimbrelException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new WhimbrelException(ErrorCode.CANCELLED, "", "interrupted during the upload", null, e);
  }

  /// One upload and its thread.
  private final class Running {
    private final BlockingQueue<List<Point>> queue = new ArrayBlockingQueue<>(QUEUE_CHUNKS_MAX);
    private final CompletableFuture<UploadResult> result = new CompletableFuture<>();
    private final Thread thread;

    Running(long before) {
      this.thread = Thread.ofPlatform().name("flight-upload").start(() -> upload(before));
    }

    void take(List<Point> points) {
      if (result.isCompletedExceptionally()) {
        await();
      }
      try {
        queue.put(points);
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
    }

    /// Waits until all is on stable storage, or throws why it is not.
    void finish() {
      try {
        // No points: the end.
        queue.put(List.of());
        thread.join();
      } catch (InterruptedException e) {
        abort();
        throw interrupted(e);
      }
      await();
    }

    /// Ends the upload early and waits for its thread, which holds memory of the connection.
    void abort() {
      boolean interrupted = false;
      while (thread.isAlive()) {
        thread.interrupt();
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    private void await() {
      try {
        result.get();
      } catch (InterruptedException e) {
        throw interrupted(e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof WhimbrelException failure) {
          throw failure.again();
        }
        throw new IllegalStateException("the upload failed in another way than its own", e);
      }
    }

    private void upload(long before) {
      Queued points = new Queued(queue);
      try {
        result.complete(
            bulk.upload(collection, points, options, now -> written.set(before + now.points())));
      } catch (Throwable e) {
        // Whoever adds, flushes or closes throws it.
        result.completeExceptionally(e);
        points.drop();
      }
    }
  }

  /// The points of a queue up to the empty list. One thread at a time.
  private static final class Queued implements Iterator<Point> {
    private final BlockingQueue<List<Point>> queue;
    private Iterator<Point> chunk = List.<Point>of().iterator();
    private boolean ended;

    Queued(BlockingQueue<List<Point>> queue) {
      this.queue = queue;
    }

    @Override
    public boolean hasNext() {
      if (!chunk.hasNext() && !ended) {
        try {
          nextChunk();
        } catch (InterruptedException e) {
          throw interrupted(e);
        }
      }
      return chunk.hasNext();
    }

    @Override
    public Point next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return chunk.next();
    }

    /// Takes all up to the end, or until interrupted.
    void drop() {
      try {
        while (!ended) {
          nextChunk();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void nextChunk() throws InterruptedException {
      List<Point> next = queue.take();
      ended = next.isEmpty();
      chunk = next.iterator();
    }
  }
}
