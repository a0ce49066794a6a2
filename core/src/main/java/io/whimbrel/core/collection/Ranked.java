package io.whimbrel.core.collection;

import io.whimbrel.core.model.Value;
import io.whimbrel.core.payload.IdSet;
import java.util.Arrays;
import java.util.Optional;

/// The points that a stage of a query found, in its order, each once.
///
/// Takes its arrays over, which are of one length.
///
/// @param ids internal ids
/// @param scores one for each; all 0 under an order that has none
/// @param values what ranks each, for an order by payload
/// @param more whether there were points behind the last one, as far as the stage can tell
record Ranked(long[] ids, double[] scores, Optional<Value[]> values, boolean more) {
  static final Ranked EMPTY = new Ranked(new long[0], new double[0], Optional.empty(), false);

  static Ranked of(long[] ids, double[] scores) {
    return new Ranked(ids, scores, Optional.empty(), false);
  }

  static Ranked withoutScores(long[] ids) {
    return of(ids, new double[ids.length]);
  }

  int count() {
    return ids.length;
  }

  IdSet idSet() {
    long[] sorted = ids.clone();
    Arrays.sort(sorted);
    return IdSet.ofSorted(sorted);
  }

  /// The first `limit`.
  Ranked first(int limit) {
    return limit >= count()
        ? this
        : new Ranked(
            Arrays.copyOf(ids, limit),
            Arrays.copyOf(scores, limit),
            values.map(all -> Arrays.copyOf(all, limit)),
            true);
  }

  /// Those that score at least `threshold`.
  Ranked above(double threshold) {
    int kept = 0;
    long[] keptIds = new long[count()];
    double[] keptScores = new double[count()];
    for (int i = 0; i < count(); i++) {
      if (scores[i] >= threshold) {
        keptIds[kept] = ids[i];
        keptScores[kept++] = scores[i];
      }
    }
    return kept == count()
        ? this
        : of(Arrays.copyOf(keptIds, kept), Arrays.copyOf(keptScores, kept));
  }
}
