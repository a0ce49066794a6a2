package io.whimbrel.client;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A query of any number of stages, all of which see the points as of one write.
 *
 * @param k hits, or groups with {@code groupBy}; 1 to 10,000
 * @param scoreThreshold hits below are left out
 * @param exact every stage scans
 * @param ef of the outermost stage, as of {@link SearchRequest}
 * @param filter what the points of every stage must meet
 * @param groupBy hits come in groups
 * @param cursor {@link QueryResult#nextCursor} of the page before, for an order by payload; else
 *     empty
 */
public record QueryRequest(
    Query query,
    int k,
    OptionalDouble scoreThreshold,
    boolean exact,
    OptionalInt ef,
    ReadOptions read,
    SearchRequest.Routing routing,
    Optional<Filter> filter,
    Optional<GroupBy> groupBy,
    String cursor) {
  public QueryRequest {
    Checks.atLeast("k", k, 1);
    if (ef.isPresent()) {
      Checks.atLeast("params.ef", ef.getAsInt(), 1);
    }
  }

  /**
   * Groups of hits that share a payload value.
   *
   * @param size hits in a group, 1 to 100
   */
  public record GroupBy(String path, int size) {
    public GroupBy {
      Checks.atLeast("group_by.group_size", size, 1);
    }
  }

  /** The best {@code k}, with their payload. */
  public static QueryRequest of(Query query, int k) {
    return builder(query).k(k).build();
  }

  /** Starts with the ten best, with their payload. */
  public static Builder builder(Query query) {
    return new Builder(query);
  }

  /** Collects the parts of a query. Not safe for more than one thread. */
  public static final class Builder {
    private final Query query;
    private int k = 10;
    private OptionalDouble scoreThreshold = OptionalDouble.empty();
    private boolean exact;
    private OptionalInt ef = OptionalInt.empty();
    private ReadOptions read = ReadOptions.DEFAULT;
    private SearchRequest.Routing routing = SearchRequest.Routing.NONE;
    private Optional<Filter> filter = Optional.empty();
    private Optional<GroupBy> groupBy = Optional.empty();
    private String cursor = Page.START;

    private Builder(Query query) {
      this.query = query;
    }

    public Builder k(int k) {
      this.k = k;
      return this;
    }

    public Builder scoreThreshold(double scoreThreshold) {
      this.scoreThreshold = OptionalDouble.of(scoreThreshold);
      return this;
    }

    public Builder exact(boolean exact) {
      this.exact = exact;
      return this;
    }

    public Builder ef(int ef) {
      this.ef = OptionalInt.of(ef);
      return this;
    }

    public Builder read(ReadOptions read) {
      this.read = read;
      return this;
    }

    /** The vectors of the query are its stages' own: {@code routing} has no alternatives. */
    public Builder routing(SearchRequest.Routing routing) {
      this.routing = routing;
      return this;
    }

    public Builder filter(Filter filter) {
      this.filter = Optional.of(filter);
      return this;
    }

    public Builder groupBy(String path, int size) {
      this.groupBy = Optional.of(new GroupBy(path, size));
      return this;
    }

    public Builder cursor(String cursor) {
      this.cursor = cursor;
      return this;
    }

    public QueryRequest build() {
      return new QueryRequest(
          query, k, scoreThreshold, exact, ef, read, routing, filter, groupBy, cursor);
    }
  }
}
