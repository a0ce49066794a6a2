package io.whimbrel.core.testing;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Value;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// Decides filters the slow way, from their definition alone.
public final class FilterOracle {
  private FilterOracle() {}

  /// @param fields vector fields in which the point has a vector
  public static boolean meets(
      Filter filter, PointId id, Map<String, Value> payload, Set<String> fields) {
    return switch (filter) {
      case Filter.All _ -> true;
      case Filter.And(List<Filter> all) ->
          all.stream().allMatch(f -> meets(f, id, payload, fields));
      case Filter.Or(List<Filter> some) ->
          some.stream().anyMatch(f -> meets(f, id, payload, fields));
      case Filter.Not(Filter not) -> !meets(not, id, payload, fields);
      case Filter.AtLeast(int count, List<Filter> some) ->
          some.stream().filter(f -> meets(f, id, payload, fields)).count() >= count;
      case Filter.HasId(Set<PointId> ids) -> ids.contains(id);
      case Filter.HasVector(String field) -> fields.contains(field);
      case Filter.Exists(FieldPath path) -> !at(path, payload).isEmpty();
      case Filter.IsNull(FieldPath path) -> at(path, payload).contains(Value.NullValue.INSTANCE);
      case Filter.IsEmpty(FieldPath path) ->
          at(path, payload).stream()
              .allMatch(
                  v -> v instanceof Value.NullValue || v.equals(new Value.ListValue(List.of())));
      case Filter.ValuesCount count -> {
        long values = 0;
        for (Value value : at(count.path(), payload)) {
          values +=
              value instanceof Value.ListValue(List<Value> list)
                  ? list.size()
                  : value instanceof Value.NullValue ? 0 : 1;
        }
        yield values >= count.atLeast()
            && (count.atMost().isEmpty() || values <= count.atMost().getAsLong());
      }
      case Filter.Match match ->
          leaves(match.path(), payload).stream()
              .anyMatch(v -> match.anyOf().stream().anyMatch(w -> order(v, w).equals("=")));
      case Filter.Range range ->
          leaves(range.path(), payload).stream()
              .anyMatch(v -> fits(v, range.lower(), ">") && fits(v, range.upper(), "<"));
      case Filter.Prefix prefix ->
          leaves(prefix.path(), payload).stream()
              .anyMatch(v ->
                  v instanceof Value.StringValue(String text) && text.startsWith(prefix.prefix()));
      case Filter.Contains contains ->
          leaves(contains.path(), payload).stream()
              .anyMatch(v ->
                  v instanceof Value.StringValue(String text)
                      && text.indexOf(contains.text()) >= 0);
    };
  }

  private static boolean fits(Value value, Optional<Filter.Bound> bound, String side) {
    if (bound.isEmpty()) {
      return true;
    }
    String order = order(value, bound.get().value());
    return order.equals(side) || bound.get().inclusive() && order.equals("=");
  }

  /// `<`, `=`, `>`, or `?` for values that do not compare.
  private static String order(Value a, Value b) {
    if (a instanceof Value.IntValue(long x) && b instanceof Value.IntValue(long y)) {
      return x < y ? "<" : x > y ? ">" : "=";
    }
    if (a instanceof Value.DoubleValue(double x) && b instanceof Value.DoubleValue(double y)) {
      return x < y ? "<" : x > y ? ">" : x == y ? "=" : "?";
    }
    if (a instanceof Value.TimestampValue(var x) && b instanceof Value.TimestampValue(var y)) {
      return x.isBefore(y) ? "<" : y.isBefore(x) ? ">" : "=";
    }
    if (a instanceof Value.StringValue(String x) && b instanceof Value.StringValue(String y)) {
      int order =
          Arrays.compareUnsigned(
              x.getBytes(StandardCharsets.UTF_8), y.getBytes(StandardCharsets.UTF_8));
      return order < 0 ? "<" : order > 0 ? ">" : "=";
    }
    return a instanceof Value.BoolValue && a.equals(b) ? "=" : "?";
  }

  /// What conditions on values look at: lists by their elements.
  public static List<Value> leaves(FieldPath path, Map<String, Value> payload) {
    List<Value> leaves = new ArrayList<>();
    for (Value value : at(path, payload)) {
      if (value instanceof Value.ListValue(List<Value> list)) {
        leaves.addAll(list);
      } else {
        leaves.add(value);
      }
    }
    return leaves;
  }

  private static List<Value> at(FieldPath path, Map<String, Value> payload) {
    List<Value> values = List.of(new Value.ObjectValue(payload));
    for (FieldPath.Step step : path.steps()) {
      List<Value> next = new ArrayList<>();
      for (Value value : values) {
        if (value instanceof Value.ObjectValue(Map<String, Value> object)
            && object.containsKey(step.name())) {
          next.add(Objects.requireNonNull(object.get(step.name())));
        }
      }
      for (int i = 0; i < step.lists(); i++) {
        List<Value> elements = new ArrayList<>();
        for (Value value : next) {
          if (value instanceof Value.ListValue(List<Value> list)) {
            elements.addAll(list);
          }
        }
        next = elements;
      }
      values = next;
    }
    return values;
  }
}
