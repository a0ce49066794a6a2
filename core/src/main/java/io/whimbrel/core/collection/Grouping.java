package io.whimbrel.core.collection;

import io.whimbrel.core.model.GroupBy;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.payload.PathValues;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Puts the hits of a query into groups. Runs its outermost stage again with a greater limit while
/// groups are missing or not full and there is more to find; says so when 10,000 hits did not do.
final class Grouping {
  private static final int HITS_MIN = 128;

  private final QueryStages stages;
  private final QueryRequest request;
  private final GroupBy by;
  private final List<Group> groups = new ArrayList<>();

  /// @param places of its hits among those that [#find] returned
  record Group(Value key, List<Integer> places) {}

  Grouping(QueryStages stages, QueryRequest request) {
    this.stages = stages;
    this.request = request;
    this.by = request.groupBy().orElseThrow();
  }

  List<Group> groups() {
    return groups;
  }

  /// The hits of all groups, in their order, each once.
  Ranked find() throws StorageException {
    int limitMax = limitMax(request.query());
    int limit = Math.min(limitMax, Math.max(HITS_MIN, 4 * request.k() * by.size()));
    while (true) {
      int doneBefore = stages.done().size();
      Ranked found = stages.run(request.query(), stages.ask(request, limit, Optional.empty()));
      Map<Value, List<Integer>> members = members(found);
      boolean full =
          members.size() == request.k()
              && members.values().stream().allMatch(places -> places.size() == by.size());
      boolean all = found.count() < limit;
      if (full || all || limit == limitMax) {
        if (!full && !all && request.query().prefetch().isEmpty()) {
          stages
              .warnings()
              .add(
                  "group_by: formed from the best "
                      + limit
                      + " hits; groups may be missing or not full");
        }
        return kept(found, members);
      }
      // The answer tells of the last run alone.
      stages.done().subList(doneBefore, stages.done().size()).clear();
      limit = (int) Math.min(limitMax, 4L * limit);
    }
  }

  /// What a run can find at most.
  private static int limitMax(QueryNode query) {
    int below = query.prefetch().stream().mapToInt(Prefetch::limit).sum();
    return switch (query) {
      case QueryNode.Mmr mmr ->
          below > 0 ? below : mmr.candidates() > 0 ? mmr.candidates() : Limits.MMR_CANDIDATES_MAX;
      case QueryNode.Nearest _,
          QueryNode.Recommend _,
          QueryNode.Fusion _,
          QueryNode.OrderBy _,
          QueryNode.Sample _,
          QueryNode.Text _ ->
          below > 0 ? Math.min(below, Limits.K_MAX) : Limits.K_MAX;
    };
  }

  /// The first groups, each with the places of its first hits.
  private Map<Value, List<Integer>> members(Ranked found) throws StorageException {
    PathValues values =
        new PathValues(by.path(), stages.moment().payload().declaredType(by.path()));
    Map<Long, List<Value>> keys = new HashMap<>();
    Selection.read(
        stages.moment(),
        stages.collection(),
        found.idSet(),
        stages.cancelled(),
        (id, point) -> keys.put(id, values.of(point.decodePayload())));
    Map<Value, List<Integer>> members = new LinkedHashMap<>();
    for (int i = 0; i < found.count(); i++) {
      for (Value key : Objects.requireNonNull(keys.get(found.ids()[i]))) {
        List<Integer> places = members.get(key);
        if (places == null && members.size() < request.k()) {
          places = new ArrayList<>();
          members.put(key, places);
        }
        if (places != null && places.size() < by.size()) {
          places.add(i);
        }
      }
    }
    return members;
  }

  private Ranked kept(Ranked found, Map<Value, List<Integer>> members) {
    int[] wanted =
        members.values().stream()
            .flatMap(List::stream)
            .mapToInt(i -> i)
            .sorted()
            .distinct()
            .toArray();
    members.forEach((key, places) ->
        groups.add(
            new Group(
                key, places.stream().map(place -> Arrays.binarySearch(wanted, place)).toList())));
    return new Ranked(
        Arrays.stream(wanted).mapToLong(i -> found.ids()[i]).toArray(),
        Arrays.stream(wanted).mapToDouble(i -> found.scores()[i]).toArray(),
        found
            .values()
            .map(values -> Arrays.stream(wanted).mapToObj(i -> values[i]).toArray(Value[]::new)),
        false);
  }
}
