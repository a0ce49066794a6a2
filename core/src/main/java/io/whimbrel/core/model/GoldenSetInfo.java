package io.whimbrel.core.model;

/// A stored golden set.
///
/// @param name `[a-z0-9][a-z0-9_-]{0,62}`, unique in its collection
/// @param field vector field whose versions it judges
/// @param queries number of its queries
/// @param judgments number of its graded points
public record GoldenSetInfo(
    String collection, String field, String name, long queries, long judgments) {
  public GoldenSetInfo {
    Names.check("golden_set", name);
  }
}
