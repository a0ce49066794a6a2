package io.whimbrel.core.model;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/// Where a migration stands.
///
/// ```
/// PLANNED ─► DUAL_WRITE ─► BACKFILLING ─► INDEXING ─► VERIFYING ─► READY ─► SHIFTING ─► SWITCHED ─► COMPLETING ─► COMPLETED
///    │           │              │ ▲           │  │        │  │        │        ▲ │         ▲ │
///    └───────────┴──────────────┴─┼───────────┴──┼────────┴──┼────────┤        │ ▼         │ ▼
///                                 └──────────────┴───────────┘        │      ROLLED_BACK ──┘
///                                                                     ▼           │
///                                                                CANCELLING ◄─────┘ ─► CANCELLED
/// ```
///
/// Every state before COMPLETING but PLANNED can also become FAILED, which answers all reads from
/// the old version and waits for an operator, who resumes or cancels.
public enum MigrationState {
  /// Recorded; nothing is changed yet.
  PLANNED,
  /// Writes go to both versions; the points that were there before are being listed.
  DUAL_WRITE,
  /// Workers fill the new version.
  BACKFILLING,
  /// Every point has its new vector; the index takes them in.
  INDEXING,
  /// Waits for a clean comparison of both versions.
  VERIFYING,
  /// May take reads.
  READY,
  /// The new version answers a share of the reads.
  SHIFTING,
  /// The new version answers all reads; the old one still takes writes.
  SWITCHED,
  /// The point of no return is passed; the old version's space is being given back.
  COMPLETING,
  COMPLETED,
  /// The old version answers all reads again; the new one still takes writes.
  ROLLED_BACK,
  /// The new version's space is being given back.
  CANCELLING,
  CANCELLED,
  /// Stopped by a fault; no data is lost.
  FAILED;

  private static final Map<MigrationState, Set<MigrationState>> NEXT =
      new EnumMap<>(
          Map.ofEntries(
              Map.entry(PLANNED, EnumSet.of(DUAL_WRITE, CANCELLED)),
              Map.entry(DUAL_WRITE, EnumSet.of(BACKFILLING, CANCELLING, FAILED)),
              Map.entry(BACKFILLING, EnumSet.of(INDEXING, CANCELLING, FAILED)),
              Map.entry(INDEXING, EnumSet.of(BACKFILLING, VERIFYING, CANCELLING, FAILED)),
              Map.entry(VERIFYING, EnumSet.of(BACKFILLING, READY, CANCELLING, FAILED)),
              Map.entry(READY, EnumSet.of(BACKFILLING, SHIFTING, SWITCHED, CANCELLING, FAILED)),
              Map.entry(SHIFTING, EnumSet.of(SHIFTING, SWITCHED, ROLLED_BACK, FAILED)),
              Map.entry(SWITCHED, EnumSet.of(SHIFTING, ROLLED_BACK, COMPLETING, FAILED)),
              Map.entry(ROLLED_BACK, EnumSet.of(SHIFTING, SWITCHED, CANCELLING, FAILED)),
              Map.entry(FAILED, EnumSet.of(BACKFILLING, CANCELLING)),
              Map.entry(COMPLETING, EnumSet.of(COMPLETED)),
              Map.entry(CANCELLING, EnumSet.of(CANCELLED)),
              Map.entry(COMPLETED, EnumSet.noneOf(MigrationState.class)),
              Map.entry(CANCELLED, EnumSet.noneOf(MigrationState.class))));

  /// Whether `next` may follow.
  public boolean leadsTo(MigrationState next) {
    return NEXT.getOrDefault(this, Set.of()).contains(next);
  }

  /// `next`, when it may follow; else a refusal that names what may.
  public MigrationState to(MigrationState next) {
    if (!leadsTo(next)) {
      throw WhimbrelException.of(
          ErrorCode.MIGRATION_STATE,
          "migration",
          this,
          "a state before " + next + "; from " + this + " it goes to " + NEXT.get(this));
    }
    return next;
  }

  /// Whether both versions take writes.
  public boolean writesBoth() {
    return switch (this) {
      case DUAL_WRITE,
          BACKFILLING,
          INDEXING,
          VERIFYING,
          READY,
          SHIFTING,
          SWITCHED,
          ROLLED_BACK,
          FAILED ->
          true;
      case PLANNED, COMPLETING, COMPLETED, CANCELLING, CANCELLED -> false;
    };
  }

  /// Whether the new version may answer reads.
  public boolean readable() {
    return switch (this) {
      case READY, SHIFTING, SWITCHED, ROLLED_BACK -> true;
      case PLANNED,
          DUAL_WRITE,
          BACKFILLING,
          INDEXING,
          VERIFYING,
          COMPLETING,
          COMPLETED,
          CANCELLING,
          CANCELLED,
          FAILED ->
          false;
    };
  }

  /// Whether it is over.
  public boolean ended() {
    return this == COMPLETED || this == CANCELLED;
  }
}
