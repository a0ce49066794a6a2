package io.whimbrel.core.model;

import java.util.List;

/// How many points have each value that a payload path leads to.
///
/// @param values the most frequent first, equal counts in the order of values
/// @param distinct different values in all
/// @param points points that meet the filter, those without a value too
/// @param seq every write up to this sequence number was visible
public record FacetCounts(List<Count> values, long distinct, long points, long seq) {
  public FacetCounts {
    values = List.copyOf(values);
  }

  public record Count(Value value, long points) {}
}
