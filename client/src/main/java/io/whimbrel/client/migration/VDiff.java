package io.whimbrel.client.migration;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The comparison of both versions over all points.
 *
 * @param faults faults by kind
 * @param examples the first of them
 * @param clean complete and without a fault
 */
public record VDiff(
    State state,
    long checked,
    long total,
    Map<String, Long> faults,
    List<Fault> examples,
    Optional<Instant> started,
    Optional<Instant> ended,
    String failure,
    boolean clean) {
  public VDiff {
    faults = Map.copyOf(faults);
    examples = List.copyOf(examples);
  }

  /** Whether a comparison still works. */
  public enum State {
    RUNNING,
    STOPPED,
    COMPLETED,
    FAILED
  }

  /** A fault of one point; the id is empty for a vector without a point. */
  public record Fault(String kind, String id, String detail) {}
}
