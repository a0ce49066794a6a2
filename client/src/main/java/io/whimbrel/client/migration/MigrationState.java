package io.whimbrel.client.migration;

/** Where a migration stands. */
public enum MigrationState {
  /** Made, and not started: nothing has changed for writes and reads. */
  PLANNED,
  /** Writes go to both versions; the backlog is being listed. */
  DUAL_WRITE,
  /** Points wait for their new vector. */
  BACKFILLING,
  /** Every point has its new vector; the index is catching up. */
  INDEXING,
  /** The versions are being compared. */
  VERIFYING,
  /** Traffic may be moved. */
  READY,
  /** Part of the reads is answered by the new version. */
  SHIFTING,
  /** All reads are answered by the new version; the old one still takes writes. */
  SWITCHED,
  /** The old version is being dropped. */
  COMPLETING,
  /** Over: only the new version is left. */
  COMPLETED,
  /** All reads went back to the old version; both take writes. */
  ROLLED_BACK,
  /** The new version is being dropped. */
  CANCELLING,
  /** Over: only the old version is left. */
  CANCELLED,
  /** Stopped by a failure; the data is safe, an operator must look. */
  FAILED;

  /** Whether one of the versions is being dropped or is gone. */
  public boolean ending() {
    return this == COMPLETING || this == CANCELLING || ended();
  }

  /** Whether nothing will change any more. */
  public boolean ended() {
    return this == COMPLETED || this == CANCELLED;
  }
}
