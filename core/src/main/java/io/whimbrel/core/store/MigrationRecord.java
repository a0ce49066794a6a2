package io.whimbrel.core.store;

import io.whimbrel.core.model.BackfillThrottle;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.StaleRead;
import java.time.Duration;

/// A row `M`: a migration as it was left by its last transition.
///
/// @param number sequence number of the write that made it
/// @param field number of its vector field
/// @param toVersion 0 while PLANNED
/// @param derived whether the server computes the new vectors itself
/// @param fence points with a smaller internal id were there when dual writes began
/// @param keepData whether the dropped version's rows stay
public record MigrationRecord(
    long number,
    int field,
    int fromVersion,
    int toVersion,
    EmbeddingSpec from,
    EmbeddingSpec to,
    boolean derived,
    Rules rules,
    MigrationState state,
    long revision,
    long fence,
    Flags flags,
    long switchedAtMillis,
    boolean verified,
    String failure,
    boolean keepData,
    long createdAtMillis) {
  private static final int FORMAT = 1;

  /// What was asked for when the migration was made.
  public record Rules(
      LegacyWrite legacyWrite, StaleRead staleRead, boolean allowNewOnly, Duration soak) {}

  /// What an operator can change at any time.
  ///
  /// @param pausedBecause empty when it is not paused
  public record Flags(String pausedBecause, boolean postponed, BackfillThrottle throttle) {
    public boolean paused() {
      return !pausedBecause.isEmpty();
    }
  }

  /// The public name.
  public String id() {
    return "m-" + number;
  }

  public MigrationRecord withState(MigrationState newState) {
    return new MigrationRecord(
        number,
        field,
        fromVersion,
        toVersion,
        from,
        to,
        derived,
        rules,
        newState,
        revision + 1,
        fence,
        flags,
        switchedAtMillis,
        verified,
        failure,
        keepData,
        createdAtMillis);
  }

  public MigrationRecord withStart(int newToVersion, long newFence) {
    return new MigrationRecord(
        number,
        field,
        fromVersion,
        newToVersion,
        from,
        to,
        derived,
        rules,
        state,
        revision,
        newFence,
        flags,
        switchedAtMillis,
        verified,
        failure,
        keepData,
        createdAtMillis);
  }

  public MigrationRecord withFlags(Flags newFlags) {
    return new MigrationRecord(
        number,
        field,
        fromVersion,
        toVersion,
        from,
        to,
        derived,
        rules,
        state,
        revision + 1,
        fence,
        newFlags,
        switchedAtMillis,
        verified,
        failure,
        keepData,
        createdAtMillis);
  }

  /// With the facts that come with a state.
  public MigrationRecord withFacts(
      long newSwitchedAtMillis, boolean newVerified, String newFailure, boolean newKeepData) {
    return new MigrationRecord(
        number,
        field,
        fromVersion,
        toVersion,
        from,
        to,
        derived,
        rules,
        state,
        revision,
        fence,
        flags,
        newSwitchedAtMillis,
        newVerified,
        newFailure,
        newKeepData,
        createdAtMillis);
  }

  public byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).i64(number).varint(field);
    out.varint(fromVersion).varint(toVersion);
    CollectionRecord.writeSpec(out, from);
    CollectionRecord.writeSpec(out, to);
    out.bool(derived);
    out.u8(rules.legacyWrite().ordinal() + 1).u8(rules.staleRead().ordinal() + 1);
    out.bool(rules.allowNewOnly()).i64(rules.soak().toMillis());
    out.u8(state.ordinal() + 1).i64(revision).i64(fence);
    BackfillThrottle throttle = flags.throttle();
    out.text(flags.pausedBecause()).bool(flags.postponed());
    out.f64(throttle.pointsPerSecond()).f64(throttle.bytesPerSecond()).f64(throttle.niceRatio());
    out.i64(throttle.searchP99Max().toNanos()).i64(throttle.criticalSearchP99().toNanos());
    out.i64(switchedAtMillis).bool(verified).text(failure).bool(keepData);
    return out.i64(createdAtMillis).toBytes();
  }

  public static MigrationRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("migration", in.u8(), FORMAT);
    return new MigrationRecord(
        in.i64(),
        (int) in.varint(),
        (int) in.varint(),
        (int) in.varint(),
        CollectionRecord.readSpec(in),
        CollectionRecord.readSpec(in),
        in.bool(),
        new Rules(
            Records.constant(LegacyWrite.values(), in.u8(), "legacy write"),
            Records.constant(StaleRead.values(), in.u8(), "stale read"),
            in.bool(),
            Duration.ofMillis(in.i64())),
        Records.constant(MigrationState.values(), in.u8(), "migration state"),
        in.i64(),
        in.i64(),
        new Flags(
            in.text(),
            in.bool(),
            new BackfillThrottle(
                in.f64(),
                in.f64(),
                in.f64(),
                Duration.ofNanos(in.i64()),
                Duration.ofNanos(in.i64()))),
        in.i64(),
        in.bool(),
        in.text(),
        in.bool(),
        in.i64());
  }
}
