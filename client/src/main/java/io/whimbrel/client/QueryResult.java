package io.whimbrel.client;

import java.util.List;
import java.util.Optional;

/**
 * The answer to a {@link QueryRequest}.
 *
 * @param hits in the order of the outermost stage; empty when groups were asked for
 * @param groups by their best hit
 * @param seq every write up to this sequence number was visible
 * @param served the versions that answered, by field
 * @param stages how each stage was answered, a stage after those below it
 * @param nextCursor where the next page of an order by payload begins; empty when there is none
 * @param warnings what the caller should know
 */
public record QueryResult(
    List<Ranked> hits,
    List<Group> groups,
    long seq,
    List<Served> served,
    List<Stage> stages,
    String nextCursor,
    List<String> warnings) {
  public QueryResult {
    hits = List.copyOf(hits);
    groups = List.copyOf(groups);
    served = List.copyOf(served);
    stages = List.copyOf(stages);
    warnings = List.copyOf(warnings);
  }

  /**
   * A hit.
   *
   * @param orderValue for an order by payload, the value that ranks it
   */
  public record Ranked(Hit hit, Optional<Value> orderValue) {}

  /**
   * Hits that share a value.
   *
   * @param key the value
   */
  public record Group(Value key, List<Ranked> hits) {
    public Group {
      hits = List.copyOf(hits);
    }
  }

  /**
   * The version that answered for a field.
   *
   * @param coverage as of {@link SearchResult}
   */
  public record Served(String field, int version, double coverage, long routingEpoch) {}

  /**
   * How a stage was answered.
   *
   * @param path of its node, for example {@code query.prefetch[0].query}
   * @param plan of a stage that compares vectors
   * @param points how many it handed on
   */
  public record Stage(String path, Optional<SearchPlan> plan, long points) {}
}
