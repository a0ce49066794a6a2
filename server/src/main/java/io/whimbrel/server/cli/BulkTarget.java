package io.whimbrel.server.cli;

import io.whimbrel.client.Point;

/// Where an import writes to: many points, in order, with bounded memory. One thread at a time.
///
/// Every method throws a `WhimbrelException` when points were refused or the way to the server
/// failed for good.
interface BulkTarget extends AutoCloseable {
  /// Takes a point; waits while too many are on their way.
  void add(Point point);

  /// Waits until all points taken are written or refused, and throws the first refusal.
  void flush();

  /// Points that the server has acknowledged.
  long written();

  /// Points that the server has refused.
  long refused();

  @Override
  void close();
}
