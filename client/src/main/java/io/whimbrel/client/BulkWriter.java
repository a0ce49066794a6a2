package io.whimbrel.client;

import io.whimbrel.client.internal.Ingest;
import java.util.List;

/**
 * Writes many points over one stream, batch after batch, with bounded memory. Got from {@link
 * WhimbrelClient#bulkWriter}; close it before the client.
 *
 * <p>Points replace what was stored under their ids, as in {@link WhimbrelClient#upsert}; each
 * batch is atomic by itself. The last point added under an id is the one that stays: an id that is
 * still on its way makes {@link #add} wait for it.
 *
 * <p>Safe for any number of threads. {@link #add} waits while the server is slower than the caller,
 * never longer than the client's deadline without any acknowledgement.
 *
 * <p>A broken stream is opened again as the client's {@link RetryPolicy} says, and what was not
 * acknowledged is sent again under the same request ids, so that nothing is written twice. When
 * that fails for good, the writer has failed: {@link #add}, {@link #flush} and {@link #close}
 * throw, and points not acknowledged may or may not have been written.
 *
 * <p>A batch that the server refuses does not stop the others. {@link #takeFailures} says which ids
 * it held; {@link #flush} and {@link #close} throw the first refusal that nobody took, so that none
 * goes unseen.
 */
public final class BulkWriter implements AutoCloseable {
  /** Refused batches that are remembered with their ids; further ones are only counted. */
  public static final int FAILURES_MAX = 1_000;

  private final Ingest ingest;

  BulkWriter(Ingest ingest) {
    this.ingest = ingest;
  }

  /**
   * Takes a point for writing. Returns before it is written.
   *
   * @throws WhimbrelException LIMIT_EXCEEDED for a point above half the message limit, which is not
   *     taken; DEADLINE_EXCEEDED, UNAVAILABLE and others when the writer has failed; CANCELLED when
   *     interrupted, the flag being set again and the point not taken; INVALID_ARGUMENT after close
   */
  public void add(Point point) {
    ingest.add(point);
  }

  /** Sends what has been added and waits until all of it is acknowledged or refused. */
  public void flush() {
    ingest.flush();
  }

  /**
   * Refused batches since the last time they were taken, oldest first, at most {@link
   * #FAILURES_MAX}.
   */
  public List<BulkFailure> takeFailures() {
    return ingest.takeFailures();
  }

  /**
   * Ids of points that were added and are neither acknowledged nor refused; after a failure of the
   * writer, those that may or may not have been written. In no order.
   */
  public List<PointId> unacknowledged() {
    return ingest.unacknowledged();
  }

  public BulkStats stats() {
    return ingest.stats();
  }

  /** {@link #flush}, then ends the stream, also when flush throws. Closing twice does nothing. */
  @Override
  public void close() {
    ingest.close();
  }
}
