package io.whimbrel.core.model;

import java.util.List;
import java.util.Optional;

/// Hits, best first, ties by id.
///
/// @param seq every write up to this sequence number was visible
/// @param servedVersion the version that answered
/// @param coverage share of the version's points that its index covers; the rest was scanned. Of a
///   version that is not ready, the share of the points that have a current vector in it
/// @param epoch the routing policy that was in force
/// @param plan how it was answered
public record SearchResult(
    List<Hit> hits, long seq, int servedVersion, double coverage, long epoch, SearchPlan plan) {
  public SearchResult {
    hits = List.copyOf(hits);
  }

  /// @param alignment when it was asked for
  public record Hit(Point point, double score, Optional<TokenAlignment> alignment) {
    public Hit(Point point, double score) {
      this(point, score, Optional.empty());
    }
  }
}
