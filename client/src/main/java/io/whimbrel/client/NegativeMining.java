package io.whimbrel.client;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Which near points that are no known answers become negatives of a query.
 *
 * @param version the version to ask; 0 for the one that answers reads
 * @param goldenSet the set whose queries are asked; empty with {@code queries}
 * @param queries up to 1,000; none with a golden set
 * @param negatives of a query, 1 to 1,000
 * @param rangeMin the nearest so many of the points that are not positive are passed over
 * @param rangeMax no further points are looked at than the first so many, up to 10,000
 * @param absoluteMargin a negative scores at least so much below the best positive
 * @param relativeMargin a negative scores at most {@code 1 - relativeMargin} times the best
 *     positive
 * @param maxScore a negative scores at most this
 * @param minScore a negative scores at least this
 * @param random draw from all that are allowed, rather than take the nearest
 * @param seed the same seed draws the same
 * @param filter what a negative must meet
 * @param exact scan all vectors
 * @param from the first query of the golden set to ask
 */
public record NegativeMining(
    String field,
    int version,
    String goldenSet,
    List<MiningQuery> queries,
    int negatives,
    int rangeMin,
    int rangeMax,
    OptionalDouble absoluteMargin,
    OptionalDouble relativeMargin,
    OptionalDouble maxScore,
    OptionalDouble minScore,
    boolean random,
    long seed,
    Optional<Filter> filter,
    boolean exact,
    int from) {
  public NegativeMining {
    queries = List.copyOf(queries);
    Checks.atLeast("version", version, 0);
    Checks.atLeast("negatives", negatives, 1);
    Checks.atLeast("range_min", rangeMin, 0);
    Checks.atLeast("range_max", rangeMax, 1);
    Checks.atLeast("from", from, 0);
  }

  /**
   * A query with its known answers.
   *
   * @param positives never negatives, and the measure of margins
   */
  public record MiningQuery(QueryInput query, List<PointId> positives) {
    public MiningQuery {
      positives = List.copyOf(positives);
    }
  }

  /** Ten negatives of each query of a golden set, out of the nearest hundred. */
  public static NegativeMining of(String goldenSet) {
    return of(goldenSet, List.of());
  }

  /** Ten negatives of each of these queries, out of the nearest hundred. */
  public static NegativeMining of(List<MiningQuery> queries) {
    return of("", queries);
  }

  private static NegativeMining of(String goldenSet, List<MiningQuery> queries) {
    return new NegativeMining(
        FieldSpec.DEFAULT_NAME,
        0,
        goldenSet,
        queries,
        10,
        0,
        100,
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        OptionalDouble.empty(),
        false,
        0,
        Optional.empty(),
        false,
        0);
  }
}
