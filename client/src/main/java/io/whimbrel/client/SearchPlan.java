package io.whimbrel.client;

/**
 * How a search was answered.
 *
 * @param matches points that have a vector and meet the filter
 * @param payloadsRead payloads read because no index answers a condition; an index on its path
 *     would save that
 */
public record SearchPlan(Method method, long matches, long payloadsRead) {
  /** What was done with the vectors. */
  public enum Method {
    /** Nothing could be a hit. */
    NOTHING,
    /** Every match was compared with the query: the answer is exact. */
    SCAN,
    /** The graph was walked, and matches were kept. */
    WALK,
    /** Of many vectors a point, coarse forms of the matches chose those that were compared. */
    CASCADE
  }
}
