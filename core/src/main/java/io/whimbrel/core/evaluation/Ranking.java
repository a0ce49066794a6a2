package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// One answer, ordered as trec_eval orders it: by score as float32, descending, equal scores by id
/// in descending byte order. The order in which hits are given does not count.
public record Ranking(List<Hit> hits) {
  private static final Comparator<Hit> ORDER =
      Comparator.<Hit>comparingDouble(hit -> (float) hit.score())
          .thenComparing(hit -> bytes(hit.id()), Arrays::compareUnsigned)
          // A number and a text can be written alike.
          .thenComparing(Hit::id)
          .reversed();

  // After the order, which making one needs.
  public static final Ranking EMPTY = new Ranking(List.of());

  /// A point and its score; bigger is better.
  public record Hit(PointId id, double score) {
    public Hit {
      if (!Double.isFinite(score)) {
        throw WhimbrelException.of(
            ErrorCode.NOT_FINITE, "score", score, "a finite number, point " + id);
      }
    }
  }

  public Ranking {
    Set<PointId> seen = HashSet.newHashSet(hits.size());
    for (Hit hit : hits) {
      if (!seen.add(hit.id())) {
        throw WhimbrelException.of(ErrorCode.DUPLICATE_ID, "hits", hit.id(), "each point once");
      }
    }
    hits = hits.stream().sorted(ORDER).toList();
  }

  /// The first `k` hits, all for 0.
  List<Hit> top(int k) {
    return k == 0 || k >= hits.size() ? hits : hits.subList(0, k);
  }

  private static byte[] bytes(PointId id) {
    return id.toString().getBytes(StandardCharsets.UTF_8);
  }
}
