package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Queries with their right answers, by which versions of one field are judged.
public record GoldenSet(List<GoldenQuery> queries) {
  public static final int QUERIES_MAX = 10_000;
  public static final int JUDGMENTS_MAX = 1_000_000;

  public GoldenSet {
    Limits.checkRange("queries", queries.size(), 1, QUERIES_MAX);
    Set<String> seen = HashSet.newHashSet(queries.size());
    long judgments = 0;
    for (GoldenQuery query : queries) {
      if (!seen.add(query.id())) {
        throw WhimbrelException.of(
            ErrorCode.DUPLICATE_ID, "queries.id", query.id(), "each query once");
      }
      judgments += query.judgments().grades().size();
    }
    Limits.checkRange("judgments", judgments, 1, JUDGMENTS_MAX);
    queries = List.copyOf(queries);
  }

  /// Judged points over all queries.
  public long judgments() {
    return queries.stream().mapToLong(query -> query.judgments().grades().size()).sum();
  }
}
