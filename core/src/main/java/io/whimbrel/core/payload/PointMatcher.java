package io.whimbrel.core.payload;

import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// Decides a filter for one stored point after the other. Safe for any number of threads.
public final class PointMatcher {
  private final Filter filter;
  private final Function<String, PointRecord.VectorRef> fields;

  /// @param fields names a vector field's version that answers queries, or refuses the name
  public PointMatcher(Filter filter, Function<String, PointRecord.VectorRef> fields) {
    this.filter = filter;
    this.fields = fields;
  }

  public boolean matches(PointRecord point) throws StorageException {
    if (filter.equals(Filter.ALL)) {
      return true;
    }
    return matches(filter, point.id(), new HashSet<>(point.vectors()), point.decodePayload());
  }

  private boolean matches(
      Filter node, PointId id, Set<PointRecord.VectorRef> vectors, Map<String, Value> payload) {
    return switch (node) {
      case Filter.All _ -> true;
      case Filter.And and -> {
        for (Filter child : and.filters()) {
          if (!matches(child, id, vectors, payload)) {
            yield false;
          }
        }
        yield true;
      }
      case Filter.Or or -> reaches(1, or.filters(), id, vectors, payload);
      case Filter.AtLeast atLeast ->
          reaches(atLeast.count(), atLeast.filters(), id, vectors, payload);
      case Filter.Not not -> !matches(not.filter(), id, vectors, payload);
      case Filter.HasId hasId -> hasId.ids().contains(id);
      case Filter.HasVector hasVector -> vectors.contains(fields.apply(hasVector.field()));
      case Filter.Exists exists -> PathFacts.of(exists.path(), payload).exists();
      case Filter.IsNull isNull -> PathFacts.of(isNull.path(), payload).isNull();
      case Filter.IsEmpty isEmpty -> PathFacts.of(isEmpty.path(), payload).isEmpty();
      case Filter.ValuesCount count -> {
        long values = PathFacts.of(count.path(), payload).count();
        yield values >= count.atLeast() && values <= count.atMost().orElse(Long.MAX_VALUE);
      }
      case Filter.Match match -> {
        for (Value value : PathFacts.of(match.path(), payload).values()) {
          if (match.anyOf().contains(value)) {
            yield true;
          }
        }
        yield false;
      }
      case Filter.Range range -> {
        ScalarType type = range.type();
        for (Value value : PathFacts.of(range.path(), payload).values()) {
          if (ScalarType.of(value).orElseThrow() == type
              && isAbove(value, range.lower())
              && isBelow(value, range.upper())) {
            yield true;
          }
        }
        yield false;
      }
      case Filter.Prefix prefix -> {
        for (Value value : PathFacts.of(prefix.path(), payload).values()) {
          if (value instanceof Value.StringValue(String text) && text.startsWith(prefix.prefix())) {
            yield true;
          }
        }
        yield false;
      }
      case Filter.Contains contains -> {
        for (Value value : PathFacts.of(contains.path(), payload).values()) {
          if (value instanceof Value.StringValue(String text) && text.contains(contains.text())) {
            yield true;
          }
        }
        yield false;
      }
    };
  }

  private boolean reaches(
      int wanted,
      List<Filter> filters,
      PointId id,
      Set<PointRecord.VectorRef> vectors,
      Map<String, Value> payload) {
    int met = 0;
    for (Filter child : filters) {
      if (matches(child, id, vectors, payload) && ++met == wanted) {
        return true;
      }
    }
    return false;
  }

  private static boolean isAbove(Value value, Optional<Filter.Bound> lower) {
    if (lower.isEmpty()) {
      return true;
    }
    int order = Filter.compare(value, lower.get().value());
    return order > 0 || order == 0 && lower.get().inclusive();
  }

  private static boolean isBelow(Value value, Optional<Filter.Bound> upper) {
    if (upper.isEmpty()) {
      return true;
    }
    int order = Filter.compare(value, upper.get().value());
    return order < 0 || order == 0 && upper.get().inclusive();
  }
}
