package io.whimbrel.bench.dataset;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

/// How far the k-th nearest row of each query is, and with it what a hit is: any row that is no
/// farther. So ties count, whichever of them a system returns.
public final class Truth {
  /// Exact answers made elsewhere may be a rounding out of order, not more.
  private static final double ORDER_TOLERANCE = 1e-4;

  private final Distances distances;
  private final int k;

  /// The rows that may be hits of each query.
  private final BitSet[] accepted;

  private final double[] farthest;

  private Truth(Distances distances, int k, BitSet[] accepted, double[] farthest) {
    this.distances = distances;
    this.k = k;
    this.accepted = accepted;
    this.farthest = farthest;
  }

  private static BitSet[] all(Distances distances) {
    BitSet all = new BitSet();
    all.set(0, distances.rows());
    return same(all, distances.queryCount());
  }

  private static BitSet[] same(BitSet rows, int queries) {
    BitSet[] each = new BitSet[queries];
    Arrays.fill(each, rows);
    return each;
  }

  /// From the rows of the exact answers, nearest first, at least `k` a query. Refuses answers that
  /// are not nearest first under this metric: they are those of another metric or of other rows.
  static Truth of(Distances distances, int[][] nearest, int k) {
    if (nearest.length != distances.queryCount() || nearest[0].length < k) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "groundtruth",
          nearest.length + " rows of " + nearest[0].length,
          distances.queryCount() + " rows of at least " + k);
    }
    double[] farthest = new double[nearest.length];
    for (int query = 0; query < nearest.length; query++) {
      double last = Double.NEGATIVE_INFINITY;
      for (int rank = 0; rank < k; rank++) {
        int row = nearest[query][rank];
        if (row < 0 || row >= distances.rows()) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT,
              "groundtruth[" + query + "][" + rank + "]",
              row,
              "0 to " + (distances.rows() - 1));
        }
        double distance = distances.of(query, row);
        if (distance < last - ORDER_TOLERANCE * Math.max(1, Math.abs(last))) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT,
              "groundtruth[" + query + "][" + rank + "]",
              "a row at " + distance + " after one at " + last,
              "nearest first; is it of this --metric?");
        }
        last = Math.max(last, distance);
      }
      farthest[query] = last;
    }
    return new Truth(distances, k, all(distances), farthest);
  }

  /// By comparing every query with every row, on all processors.
  static Truth exact(Distances distances, int k) {
    return exact(distances, k, all(distances));
  }

  private static Truth exact(Distances distances, int k, BitSet[] accepted) {
    double[] farthest =
        IntStream.range(0, distances.queryCount())
            .parallel()
            .mapToDouble(query -> kth(distances, query, k, accepted[query]))
            .toArray();
    return new Truth(distances, k, accepted, farthest);
  }

  private static double kth(Distances distances, int query, int k, BitSet accepted) {
    PriorityQueue<Double> best = new PriorityQueue<>((a, b) -> Double.compare(b, a));
    double worst = Double.POSITIVE_INFINITY;
    for (int row = accepted.nextSetBit(0); row >= 0; row = accepted.nextSetBit(row + 1)) {
      double distance = distances.of(query, row);
      if (best.size() < k) {
        best.add(distance);
      } else if (distance < worst) {
        best.poll();
        best.add(distance);
      } else {
        continue;
      }
      worst = best.element();
    }
    return worst;
  }

  public int k() {
    return k;
  }

  /// What is true when only these rows may be hits, at least one; the others are no hits then.
  /// Compares every query with each of them.
  public Truth among(BitSet rows) {
    return among(same((BitSet) rows.clone(), distances.queryCount()));
  }

  /// The same with rows of its own for each query, which are lent.
  public Truth among(BitSet[] rows) {
    if (rows.length != distances.queryCount()) {
      throw new IllegalArgumentException(
          rows.length + " sets of rows (expected: " + distances.queryCount() + ")");
    }
    for (BitSet each : rows) {
      if (each.isEmpty() || each.length() > distances.rows()) {
        throw new IllegalArgumentException(
            "rows up to " + each.length() + " (expected: 1 to " + distances.rows() + ")");
      }
    }
    return exact(distances, k, rows);
  }

  /// What is true of the first queries alone.
  Truth first(int queries) {
    return new Truth(
        distances.first(queries),
        k,
        Arrays.copyOf(accepted, queries),
        Arrays.copyOf(farthest, queries));
  }

  /// What is true when the same rows have other numbers; costs nothing.
  public Truth renumbered(float[][] rows) {
    return new Truth(distances.over(rows), k, accepted, farthest);
  }

  /// Recall@k of `k` ids a query, one query after the other; a negative id is no hit, and an id
  /// that is given twice counts once. Where fewer than `k` rows may be hits, all of them make 1.
  public double recall(int[] ids) {
    return (double) hits(ids)
        / Arrays.stream(accepted).mapToLong(rows -> Math.min(k, rows.cardinality())).sum();
  }

  /// How many of `ids`, as for [#recall], are true hits.
  public long hits(int[] ids) {
    int queries = distances.queryCount();
    if (ids.length != queries * k) {
      throw new IllegalArgumentException(
          ids.length + " ids (expected: " + queries + " times " + k + ")");
    }
    return IntStream.range(0, queries)
        .parallel()
        .mapToLong(
            query ->
                Arrays.stream(ids, query * k, query * k + k)
                    .filter(id -> id >= 0 && accepted[query].get(id))
                    .distinct()
                    .filter(id -> distances.of(query, id) <= farthest[query])
                    .count())
        .sum();
  }
}
