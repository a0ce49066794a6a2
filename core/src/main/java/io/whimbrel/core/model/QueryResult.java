package io.whimbrel.core.model;

import java.util.List;
import java.util.Optional;

/// The answer to a [QueryRequest].
///
/// @param hits in the order of the outermost stage; empty when groups were asked for
/// @param groups by their best hit
/// @param seq every write up to this sequence number was visible
/// @param served the versions that answered, by field in the order of the stages
/// @param stages how each stage was answered, a stage after those below it
/// @param next where the next page begins; empty when there is none
/// @param warnings what the caller should know
public record QueryResult(
    List<Hit> hits,
    List<Group> groups,
    long seq,
    List<Served> served,
    List<Stage> stages,
    QueryRequest.Cursor next,
    List<String> warnings) {
  public QueryResult {
    hits = List.copyOf(hits);
    groups = List.copyOf(groups);
    served = List.copyOf(served);
    stages = List.copyOf(stages);
    warnings = List.copyOf(warnings);
  }

  /// @param orderValue under [QueryNode.OrderBy] the value that ranks it
  public record Hit(Point point, double score, Optional<Value> orderValue) {}

  /// @param key the value that its points share
  public record Group(Value key, List<Hit> hits) {
    public Group {
      hits = List.copyOf(hits);
    }
  }

  /// @param coverage as of [SearchResult]
  public record Served(String field, int version, double coverage, long epoch) {}

  /// @param path of the node, for example `query.prefetch[0].query`
  /// @param plan of a stage that compares vectors
  /// @param points how many it handed on
  public record Stage(String path, Optional<SearchPlan> plan, long points) {}
}
