package io.whimbrel.client;

import java.util.List;

/**
 * An answer to a {@link NegativeMining}.
 *
 * @param queries in their order
 * @param servedVersion the version that answered
 * @param nextFrom where to go on in the golden set; 0 at its end
 * @param seq every write up to this sequence number was visible to the first query
 */
public record MinedNegatives(List<Mined> queries, int servedVersion, int nextFrom, long seq) {
  public MinedNegatives {
    queries = List.copyOf(queries);
  }

  /**
   * The negatives of one query.
   *
   * @param query the id of a golden query; else empty
   * @param positives known answers that have a vector, best first
   * @param negatives best first
   * @param tooNear points of the window that scored too near to the best positive or above the
   *     greatest score allowed: perhaps unknown answers
   */
  public record Mined(String query, List<Scored> positives, List<Scored> negatives, int tooNear) {
    public Mined {
      positives = List.copyOf(positives);
      negatives = List.copyOf(negatives);
    }
  }

  /**
   * A point.
   *
   * @param rank among the points that are not positive, from 1; 0 for positives
   */
  public record Scored(PointId id, double score, int rank) {}
}
