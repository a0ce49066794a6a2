package io.whimbrel.client;

import java.util.List;

/**
 * How many points have each value.
 *
 * @param values the most frequent first
 * @param distinct different values in all
 * @param points points that meet the filter, those without a value too
 * @param seq every write up to this sequence number was visible
 */
public record FacetResult(List<Count> values, long distinct, long points, long seq) {
  public FacetResult {
    values = List.copyOf(values);
  }

  /**
   * A value.
   *
   * @param points that have it
   */
  public record Count(Value value, long points) {}
}
