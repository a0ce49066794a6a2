package io.whimbrel.client.migration;

/** Which version a backfill fills. */
public enum BackfillSide {
  /** The new version. */
  FORWARD,
  /** The old version, so that going back loses nothing. */
  REVERSE
}
