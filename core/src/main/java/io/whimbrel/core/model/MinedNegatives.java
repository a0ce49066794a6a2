package io.whimbrel.core.model;

import java.util.List;

/// The negatives of some queries; see [NegativeMining].
///
/// @param queries in their order
/// @param servedVersion the version that answered
/// @param next the first query that was not asked; 0 when all were
/// @param seq every write up to this sequence number was visible to the first query
public record MinedNegatives(List<Mined> queries, int servedVersion, int next, long seq) {
  public MinedNegatives {
    queries = List.copyOf(queries);
  }

  /// @param positives known answers that have a vector, best first
  /// @param negatives best first
  /// @param tooNear points of the window that may be unknown answers
  public record Mined(String name, List<Scored> positives, List<Scored> negatives, int tooNear) {
    public Mined {
      positives = List.copyOf(positives);
      negatives = List.copyOf(negatives);
    }
  }

  /// @param rank among the points that are not positive, from 1; 0 for positives
  public record Scored(PointId id, double score, int rank) {}
}
