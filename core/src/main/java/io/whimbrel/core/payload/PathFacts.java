package io.whimbrel.core.payload;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// What a path leads to in one payload, as far as conditions ask.
///
/// @param exists a value stands there, be it null
/// @param isNull an explicit null stands there
/// @param isEmpty nothing but null and empty lists stands there
/// @param count values: elements of lists count, null does not
/// @param values the comparable ones, elements of lists included; no NaN, no negative zero
record PathFacts(boolean exists, boolean isNull, boolean isEmpty, long count, Set<Value> values) {
  private static final PathFacts NOTHING = new PathFacts(false, false, true, 0, Set.of());

  static PathFacts of(FieldPath path, Map<String, Value> payload) {
    Collector collector = new Collector();
    path.forEach(payload, collector::take);
    return collector.exists ? collector.facts() : NOTHING;
  }

  private static final class Collector {
    private boolean exists;
    private boolean isNull;
    private boolean isEmpty = true;
    private long count;
    private final Set<Value> values = new HashSet<>(4);

    void take(Value value) {
      exists = true;
      switch (value) {
        case Value.NullValue _ -> isNull = true;
        case Value.ListValue list -> {
          isEmpty &= list.values().isEmpty();
          count += list.values().size();
          list.values().forEach(this::compare);
        }
        case Value.BoolValue _,
            Value.IntValue _,
            Value.DoubleValue _,
            Value.StringValue _,
            Value.TimestampValue _,
            Value.ObjectValue _ -> {
          isEmpty = false;
          count++;
          compare(value);
        }
      }
    }

    private void compare(Value value) {
      boolean nan = value instanceof Value.DoubleValue(double number) && Double.isNaN(number);
      if (!nan && ScalarType.of(value).isPresent()) {
        values.add(Filter.normal(value));
      }
    }

    PathFacts facts() {
      return new PathFacts(exists, isNull, isEmpty, count, values);
    }
  }
}
