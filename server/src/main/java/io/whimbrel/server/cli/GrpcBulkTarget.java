package io.whimbrel.server.cli;

import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.Point;

/// Writes through the ingest stream of the client SDK.
final class GrpcBulkTarget implements BulkTarget {
  private final BulkWriter writer;

  /// Takes over `writer` and closes it.
  GrpcBulkTarget(BulkWriter writer) {
    this.writer = writer;
  }

  @Override
  public void add(Point point) {
    writer.add(point);
  }

  @Override
  public void flush() {
    writer.flush();
  }

  @Override
  public long written() {
    return writer.stats().pointsAcknowledged();
  }

  @Override
  public long refused() {
    return writer.stats().pointsRefused();
  }

  @Override
  public void close() {
    writer.close();
  }
}
