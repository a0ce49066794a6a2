package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import java.util.List;

/**
 * A page of points that were given up.
 *
 * @param nextCursor empty after the last page
 */
public record DeadLetters(List<DeadLetter> entries, String nextCursor) {
  /** The cursor of the first page. */
  public static final String START = "";

  public DeadLetters {
    entries = List.copyOf(entries);
  }

  /**
   * A point that was given up.
   *
   * @param attempts how often it failed
   * @param waived whether an operator accepted that it has no new vector
   */
  public record DeadLetter(PointId id, String reason, int attempts, boolean waived) {}
}
