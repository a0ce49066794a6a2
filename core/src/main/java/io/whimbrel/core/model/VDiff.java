package io.whimbrel.core.model;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// A comparison of both versions of a migration over all points, as far as it has come.
///
/// @param checked points compared so far
/// @param total points there were when it began, for progress
/// @param faults number of faults by kind, without those of kind zero
/// @param examples the first faults, up to [#EXAMPLES_MAX]
/// @param startedAtMillis by the system clock
/// @param endedAtMillis 0 while it has not ended
/// @param failure why it FAILED; else empty
public record VDiff(
    State state,
    long checked,
    long total,
    Map<Kind, Long> faults,
    List<Fault> examples,
    long startedAtMillis,
    long endedAtMillis,
    String failure) {
  public static final int EXAMPLES_MAX = 100;

  public VDiff {
    Map<Kind, Long> sorted = new EnumMap<>(Kind.class);
    sorted.putAll(faults);
    faults = Collections.unmodifiableMap(sorted);
    examples = List.copyOf(examples);
  }

  public enum State {
    RUNNING,
    /// By an operator, or because the server stopped; it can be resumed.
    STOPPED,
    COMPLETED,
    /// By an error; it can be resumed.
    FAILED
  }

  /// What can be wrong with a point.
  public enum Kind {
    /// The old version has a vector, the new one does not, and the backlog does not list the point.
    MISSING,
    /// The new version has a vector, the old one does not, and the reverse backlog does not list
    /// the point.
    MISSING_OLD,
    /// The new version's vector was made from other content, and the backlog does not list the
    /// point.
    STALE,
    /// The new version's vector has another length than its spec.
    DIMENSION,
    /// The new version's vector holds NaN or an infinite number.
    NOT_FINITE,
    /// The new version's vector has no direction, or not the length 1 that its spec promises.
    NORM,
    /// A vector of the new version that belongs to no point.
    ORPHAN,
    /// The index of the new version does not hold the vector: no search can find the point.
    UNREACHABLE,
    /// A vector that was embedded again lies elsewhere: another model, or another text.
    OTHER_MODEL
  }

  /// One fault. `id` is empty for a vector without a point.
  public record Fault(Kind kind, String id, String detail) {}

  /// Whether it is complete and without a fault.
  public boolean clean() {
    return state == State.COMPLETED && faults.isEmpty();
  }

  /// Number of all faults.
  public long faultCount() {
    return faults.values().stream().mapToLong(Long::longValue).sum();
  }
}
