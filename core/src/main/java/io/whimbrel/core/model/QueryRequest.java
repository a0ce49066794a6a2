package io.whimbrel.core.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// A query of any number of stages, all of which see the points as of one write.
///
/// A field is answered by one version, which the read policy and the routing key name as in a
/// search of that field alone; where there is no key, the first stage that asks the field decides.
///
/// @param k hits, or groups with `groupBy`; 1 to 10,000
/// @param scoreThreshold hits below are left out
/// @param ef of the outermost stage, as of [SearchRequest]
/// @param exact every stage scans, and so the answer is the true one
/// @param filter what every point of every stage must meet
/// @param cursor of the page before, under [QueryNode.OrderBy]; else empty
public record QueryRequest(
    QueryNode query,
    int k,
    OptionalDouble scoreThreshold,
    int ef,
    boolean exact,
    ReadOptions read,
    QueryRouting routing,
    Filter filter,
    Optional<GroupBy> groupBy,
    Cursor cursor) {
  public QueryRequest {
    Limits.checkRange("k", k, 1, Limits.K_MAX);
    Limits.checkEf(ef, k);
    Filter.check("filter", filter);
    if (scoreThreshold.isPresent() && Double.isNaN(scoreThreshold.getAsDouble())) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "score_threshold", "NaN", "a number");
    }
    int groupSize = groupBy.map(GroupBy::size).orElse(1);
    Limits.checkRange("k * group_size", (long) k * groupSize, 1, Limits.K_MAX);
    new Shape().check("query", query, k * groupSize, scoreThreshold, ef);
    boolean pages = query instanceof QueryNode.OrderBy order && order.prefetch().isEmpty();
    if (!cursor.isEmpty() && (!pages || groupBy.isPresent())) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "cursor",
          cursor.bytes().length + " bytes",
          "none, except for a query that orders all points by a payload value");
    }
  }

  /// Where a page ended, as the answer gave it.
  ///
  /// @param bytes lent; not to be changed
  public record Cursor(byte[] bytes) {
    public static final Cursor NONE = new Cursor(new byte[0]);

    public boolean isEmpty() {
      return bytes.length == 0;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Cursor cursor && Arrays.equals(bytes, cursor.bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
      return "Cursor[" + bytes.length + " bytes]";
    }
  }

  public static QueryRequest of(QueryNode query, int k) {
    return new QueryRequest(
        query,
        k,
        OptionalDouble.empty(),
        0,
        false,
        ReadOptions.DEFAULT,
        QueryRouting.NONE,
        Filter.ALL,
        Optional.empty(),
        Cursor.NONE);
  }

  public QueryRequest withExact(boolean newExact) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, newExact, read, routing, filter, groupBy, cursor);
  }

  public QueryRequest withFilter(Filter newFilter) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, exact, read, routing, newFilter, groupBy, cursor);
  }

  public QueryRequest withScoreThreshold(double threshold) {
    return new QueryRequest(
        query, k, OptionalDouble.of(threshold), ef, exact, read, routing, filter, groupBy, cursor);
  }

  public QueryRequest withGroups(GroupBy groups) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, exact, read, routing, filter, Optional.of(groups), cursor);
  }

  public QueryRequest withCursor(Cursor newCursor) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, exact, read, routing, filter, groupBy, newCursor);
  }

  public QueryRequest withRead(ReadOptions newRead) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, exact, newRead, routing, filter, groupBy, cursor);
  }

  public QueryRequest withRouting(QueryRouting newRouting) {
    return new QueryRequest(
        query, k, scoreThreshold, ef, exact, read, newRouting, filter, groupBy, cursor);
  }

  /// Adds up the tree, and refuses what cannot be meant.
  private static final class Shape {
    private int nodes;
    private long candidates;

    void check(String path, QueryNode node, int wanted, OptionalDouble threshold, int ef) {
      check(path, node, wanted, threshold, ef, 1);
    }

    private void check(
        String path, QueryNode node, int wanted, OptionalDouble threshold, int ef, int depth) {
      Limits.checkRange("query nodes", ++nodes, 1, Limits.QUERY_NODES_MAX);
      Limits.checkRange("query depth", depth, 1, Limits.QUERY_DEPTH_MAX);
      boolean scores = !(node instanceof QueryNode.OrderBy || node instanceof QueryNode.Sample);
      if (threshold.isPresent() && !scores) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            path + " score_threshold",
            threshold.getAsDouble(),
            "none, since order_by and sample give no score");
      }
      boolean searches =
          node.prefetch().isEmpty()
              && (node instanceof QueryNode.Nearest
                  || node instanceof QueryNode.Recommend
                  || node instanceof QueryNode.Mmr);
      if (ef != 0 && !searches) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            path + " params.ef",
            ef,
            "none, since this stage asks no index");
      }
      long below = 0;
      List<Prefetch> stages = node.prefetch();
      for (int i = 0; i < stages.size(); i++) {
        Prefetch stage = stages.get(i);
        below += stage.limit();
        candidates += stage.limit();
        Limits.checkRange("query candidates", candidates, 0, Limits.QUERY_CANDIDATES_MAX);
        check(
            path + ".prefetch[" + i + "].query",
            stage.query(),
            stage.limit(),
            stage.scoreThreshold(),
            stage.ef(),
            depth + 1);
      }
      if (!stages.isEmpty() && below < wanted) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            path + ".prefetch",
            "limits of " + below + " in all",
            "at least the " + wanted + " points that are asked of them");
      }
      if (!(node instanceof QueryNode.Fusion)) {
        Limits.checkRange(path + ".prefetch limits", below, 0, Limits.K_MAX);
      }
      if (node instanceof QueryNode.Mmr mmr) {
        Limits.checkRange(
            path + ".mmr candidates",
            Math.max(below, Math.max(wanted, mmr.candidates())),
            1,
            Limits.MMR_CANDIDATES_MAX);
        if (mmr.candidates() > 0 && mmr.candidates() < wanted) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT,
              path + ".mmr.candidates",
              mmr.candidates(),
              "at least the " + wanted + " points that are asked of them");
        }
      }
    }
  }
}
