package io.whimbrel.core.model;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// A condition that a point meets or does not.
///
/// Conditions on values look at each value that the path leads to and, where that is a list, at its
/// elements; one that fits is enough. Types never mix: an int64 condition does not see a double. A
/// point without the field meets none of them, and therefore meets their `Not`.
public sealed interface Filter {
  /// No condition: every point.
  Filter ALL = new All();

  record All() implements Filter {}

  record And(List<Filter> filters) implements Filter {
    public And {
      filters = List.copyOf(filters);
      Limits.checkRange("and.filters", filters.size(), 1, Limits.FILTER_NODES_MAX);
    }
  }

  record Or(List<Filter> filters) implements Filter {
    public Or {
      filters = List.copyOf(filters);
      Limits.checkRange("or.filters", filters.size(), 1, Limits.FILTER_NODES_MAX);
    }
  }

  record Not(Filter filter) implements Filter {}

  /// At least `count` of the filters are met.
  record AtLeast(int count, List<Filter> filters) implements Filter {
    public AtLeast {
      filters = List.copyOf(filters);
      Limits.checkRange("at_least.filters", filters.size(), 1, Limits.FILTER_NODES_MAX);
      Limits.checkRange("at_least.count", count, 1, filters.size());
    }
  }

  /// A value equals one of `anyOf`. 0.0 equals -0.0; no number equals NaN.
  record Match(FieldPath path, Set<Value> anyOf) implements Filter {
    public Match {
      Limits.checkRange("match.any_of", anyOf.size(), 1, Limits.FILTER_VALUES_MAX);
      Set<Value> normal = HashSet.newHashSet(anyOf.size());
      anyOf.forEach(value -> normal.add(operand("match.any_of", value)));
      anyOf = Set.copyOf(normal);
    }

    public Match(FieldPath path, List<Value> anyOf) {
      this(path, new HashSet<>(anyOf));
    }
  }

  /// A value of the bounds' type lies between them: int64, double, timestamp, or string in the
  /// order of its code points. NaN lies nowhere.
  record Range(FieldPath path, Optional<Bound> lower, Optional<Bound> upper) implements Filter {
    public Range {
      if (lower.isEmpty() && upper.isEmpty()) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT, "range", "no bound", "at least one bound");
      }
      lower = lower.map(bound -> bound.checked("range"));
      upper = upper.map(bound -> bound.checked("range"));
      if (lower.isPresent() && upper.isPresent()) {
        Value from = lower.get().value();
        Value to = upper.get().value();
        if (from.getClass() != to.getClass()) {
          throw WhimbrelException.of(
              ErrorCode.TYPE_MISMATCH,
              "range",
              ScalarType.of(from).orElseThrow() + " and " + ScalarType.of(to).orElseThrow(),
              "bounds of one type");
        }
        int order = compare(from, to);
        if (order > 0 || order == 0 && !(lower.get().inclusive() && upper.get().inclusive())) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT,
              "range",
              "lower bound " + shown(from) + " and upper bound " + shown(to),
              "a lower bound below the upper one");
        }
      }
    }

    public ScalarType type() {
      return ScalarType.of(lower.or(this::upper).orElseThrow().value()).orElseThrow();
    }
  }

  record Bound(Value value, boolean inclusive) {
    private Bound checked(String field) {
      if (value instanceof Value.BoolValue) {
        throw WhimbrelException.of(
            ErrorCode.TYPE_MISMATCH,
            field,
            "a bool",
            "an int64, a double, a timestamp or a string");
      }
      return new Bound(operand(field, value), inclusive);
    }
  }

  /// The path leads to a value, be it null.
  record Exists(FieldPath path) implements Filter {}

  /// The path leads to an explicit null.
  record IsNull(FieldPath path) implements Filter {}

  /// The path leads to nothing but null and empty lists, or to nothing at all.
  record IsEmpty(FieldPath path) implements Filter {}

  /// The path leads to this many values: a list counts its elements, null counts nothing.
  record ValuesCount(FieldPath path, long atLeast, OptionalLong atMost) implements Filter {
    public ValuesCount {
      Limits.checkRange("values_count.at_least", atLeast, 0, Integer.MAX_VALUE);
      if (atMost.isPresent()) {
        Limits.checkRange(
            "values_count.at_most", atMost.getAsLong(), (int) atLeast, Integer.MAX_VALUE);
      }
    }
  }

  record HasId(Set<PointId> ids) implements Filter {
    public HasId {
      ids = Set.copyOf(ids);
      Limits.checkRange("has_id.ids", ids.size(), 1, Limits.FILTER_VALUES_MAX);
    }
  }

  /// The point has a vector in the version of the field that answers queries.
  record HasVector(String field) implements Filter {}

  /// A string starts with `prefix`.
  record Prefix(FieldPath path, String prefix) implements Filter {
    public Prefix {
      Limits.checkRange("prefix.prefix", prefix.length(), 1, Limits.FILTER_TEXT_CHARS_MAX);
    }
  }

  /// A string has `text` in it, letter by letter.
  record Contains(FieldPath path, String text) implements Filter {
    public Contains {
      Limits.checkRange("contains.text", text.length(), 1, Limits.FILTER_TEXT_CHARS_MAX);
    }
  }

  /// Refuses a tree that is too deep, has too many nodes, or names too many values.
  static void check(String field, Filter filter) {
    Size size = new Size();
    size.add(field, filter, 1);
  }

  /// Counts of a tree.
  final class Size {
    private int nodes;
    private long values;

    private Size() {}

    private void add(String field, Filter filter, int depth) {
      Limits.checkRange(field + " depth", depth, 1, Limits.FILTER_DEPTH_MAX);
      Limits.checkRange(field + " nodes", ++nodes, 1, Limits.FILTER_NODES_MAX);
      switch (filter) {
        case And and -> and.filters().forEach(child -> add(field, child, depth + 1));
        case Or or -> or.filters().forEach(child -> add(field, child, depth + 1));
        case Not not -> add(field, not.filter(), depth + 1);
        case AtLeast atLeast -> atLeast.filters().forEach(child -> add(field, child, depth + 1));
        case Match match -> values += match.anyOf().size();
        case HasId hasId -> values += hasId.ids().size();
        case All _,
            Range _,
            Exists _,
            IsNull _,
            IsEmpty _,
            ValuesCount _,
            HasVector _,
            Prefix _,
            Contains _ -> {}
      }
      Limits.checkRange(field + " values", values, 0, Limits.FILTER_VALUES_MAX);
    }
  }

  /// The order of two values of one scalar type; false before true.
  static int compare(Value a, Value b) {
    return switch (a) {
      case Value.BoolValue(boolean x) -> Boolean.compare(x, ((Value.BoolValue) b).value());
      case Value.IntValue(long x) -> Long.compare(x, ((Value.IntValue) b).value());
      case Value.DoubleValue(double x) -> Double.compare(x, ((Value.DoubleValue) b).value());
      case Value.TimestampValue(var x) -> x.compareTo(((Value.TimestampValue) b).value());
      case Value.StringValue(String x) -> CODE_POINTS.compare(x, ((Value.StringValue) b).value());
      case Value.NullValue _, Value.ListValue _, Value.ObjectValue _ ->
          throw new IllegalArgumentException("not a scalar");
    };
  }

  /// The order of strings by code points, which is that of their UTF-8 bytes.
  Comparator<String> CODE_POINTS =
      (a, b) -> {
        int end = Math.min(a.length(), b.length());
        for (int i = 0; i < end; i++) {
          char x = a.charAt(i);
          char y = b.charAt(i);
          if (x != y) {
            // Surrogates stand for code points above all others.
            boolean high = Character.isSurrogate(x);
            return high == Character.isSurrogate(y) ? x - y : high ? 1 : -1;
          }
        }
        return a.length() - b.length();
      };

  /// The value as it is compared: without the sign of zero.
  static Value normal(Value value) {
    return value instanceof Value.DoubleValue(double number) && number == 0
        ? new Value.DoubleValue(0)
        : value;
  }

  private static Value operand(String field, Value value) {
    if (ScalarType.of(value).isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.TYPE_MISMATCH,
          field,
          value instanceof Value.NullValue ? "null" : "a list or an object",
          "a bool, an int64, a double, a timestamp or a string; is_null and is_empty look for"
              + " absent values");
    }
    if (value instanceof Value.DoubleValue(double number) && Double.isNaN(number)) {
      throw WhimbrelException.of(ErrorCode.NOT_FINITE, field, "NaN", "a number");
    }
    return normal(value);
  }

  private static String shown(Value value) {
    return switch (value) {
      case Value.StringValue _ -> "a string";
      case Value.IntValue(long x) -> Long.toString(x);
      case Value.DoubleValue(double x) -> Double.toString(x);
      case Value.TimestampValue(var x) -> x.toString();
      case Value.BoolValue _, Value.NullValue _, Value.ListValue _, Value.ObjectValue _ ->
          "a value";
    };
  }
}
