package io.whimbrel.client;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A stage whose best points are what the stage above ranks.
 *
 * @param limit points that it hands on, 1 to 10,000
 * @param filter what they must meet, beside the filters above
 * @param scoreThreshold points below are left out
 * @param ef as of {@link SearchRequest}
 * @param exact whether this stage and those below scan
 */
public record Prefetch(
    Query query,
    int limit,
    Optional<Filter> filter,
    OptionalDouble scoreThreshold,
    OptionalInt ef,
    boolean exact) {
  public Prefetch {
    Checks.atLeast("prefetch.limit", limit, 1);
  }

  public static Prefetch of(Query query, int limit) {
    return new Prefetch(
        query, limit, Optional.empty(), OptionalDouble.empty(), OptionalInt.empty(), false);
  }

  /** The same of points that meet this. */
  public Prefetch filter(Filter newFilter) {
    return new Prefetch(query, limit, Optional.of(newFilter), scoreThreshold, ef, exact);
  }

  /** The same without points that score below. */
  public Prefetch scoreThreshold(double threshold) {
    return new Prefetch(query, limit, filter, OptionalDouble.of(threshold), ef, exact);
  }

  /** The same with another beam width. */
  public Prefetch ef(int width) {
    return new Prefetch(query, limit, filter, scoreThreshold, OptionalInt.of(width), exact);
  }

  /** The same by a scan. */
  public Prefetch exact(boolean scan) {
    return new Prefetch(query, limit, filter, scoreThreshold, ef, scan);
  }
}
