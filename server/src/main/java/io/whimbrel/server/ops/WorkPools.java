package io.whimbrel.server.ops;

import java.time.Duration;

/// One pool for each kind of work, so that none can starve another.
///
/// @param search searches and reads of points
/// @param write changes of points; bulk-write streams have lanes here
/// @param admin collections and operators' questions
public record WorkPools(WorkPool search, WorkPool write, WorkPool admin) {
  public static WorkPools of(ServerLimits limits) {
    return new WorkPools(
        new WorkPool("search", limits.search(), 0),
        new WorkPool("write", limits.write(), limits.ingestStreamsMax()),
        new WorkPool("admin", limits.admin(), 0));
  }

  /// Takes no new tasks and waits up to `grace` for each pool's; says whether all ended.
  public boolean shutdown(Duration grace) throws InterruptedException {
    boolean ended = search.shutdown(grace);
    ended &= write.shutdown(grace);
    ended &= admin.shutdown(grace);
    return ended;
  }
}
