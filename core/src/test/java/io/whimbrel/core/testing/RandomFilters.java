package io.whimbrel.core.testing;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;

/// Random payloads of few different values, and random filters over them.
public final class RandomFilters {
  /// An index for every path that the payloads have.
  public static final List<PayloadIndexSpec> INDEXES =
      List.of(
          PayloadIndexSpec.of("text", ScalarType.KEYWORD),
          PayloadIndexSpec.of("int", ScalarType.INT64),
          PayloadIndexSpec.of("double", ScalarType.DOUBLE),
          PayloadIndexSpec.of("bool", ScalarType.BOOL),
          PayloadIndexSpec.of("time", ScalarType.TIMESTAMP),
          PayloadIndexSpec.of("object.list[].name", ScalarType.KEYWORD),
          PayloadIndexSpec.of("object.`odd.key`", ScalarType.INT64));

  private static final List<String> TEXTS =
      List.of("", "a", "ab", "abc", "b", "Ab", "\uffee", "\ud83d\ude00", "\ud83d\ude00x", "größe");

  private final Random random;
  private final List<PointId> ids;
  private final List<String> fields;

  /// @param ids points that filters name
  /// @param fields vector fields that filters name
  public RandomFilters(Random random, List<PointId> ids, List<String> fields) {
    this.random = random;
    this.ids = ids;
    this.fields = fields;
  }

  public Map<String, Value> payload() {
    Map<String, Value> payload = new HashMap<>();
    for (ScalarType type : ScalarType.values()) {
      if (random.nextInt(4) > 0) {
        payload.put(name(type), value(type));
      }
    }
    if (random.nextBoolean()) {
      List<Value> list = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        list.add(
            random.nextInt(5) == 0
                ? scalar(ScalarType.INT64)
                : new Value.ObjectValue(Map.of("name", value(ScalarType.KEYWORD))));
      }
      payload.put(
          "object",
          new Value.ObjectValue(
              Map.of("list", new Value.ListValue(list), "odd.key", value(ScalarType.INT64))));
    }
    return payload;
  }

  private static String name(ScalarType type) {
    return switch (type) {
      case KEYWORD -> "text";
      case INT64 -> "int";
      case DOUBLE -> "double";
      case BOOL -> "bool";
      case TIMESTAMP -> "time";
    };
  }

  /// Mostly of the type; sometimes a list, null, or something else.
  private Value value(ScalarType type) {
    return switch (random.nextInt(10)) {
      case 0 -> Value.NullValue.INSTANCE;
      case 1 -> new Value.ListValue(List.of());
      case 2, 3 -> {
        List<Value> list = new ArrayList<>();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
          list.add(random.nextInt(6) == 0 ? Value.NullValue.INSTANCE : scalar(type));
        }
        yield new Value.ListValue(list);
      }
      case 4 -> scalar(ScalarType.values()[random.nextInt(ScalarType.values().length)]);
      default -> scalar(type);
    };
  }

  private Value scalar(ScalarType type) {
    return switch (type) {
      case KEYWORD -> new Value.StringValue(TEXTS.get(random.nextInt(TEXTS.size())));
      case INT64 ->
          new Value.IntValue(
              random.nextInt(8) == 0 ? Long.MIN_VALUE + random.nextInt(2) : random.nextInt(12) - 4);
      case DOUBLE ->
          new Value.DoubleValue(
              switch (random.nextInt(8)) {
                case 0 -> Double.NaN;
                case 1 -> -0.0;
                case 2 -> Double.NEGATIVE_INFINITY;
                default -> random.nextInt(6) / 2.0 - 1;
              });
      case BOOL -> new Value.BoolValue(random.nextBoolean());
      case TIMESTAMP ->
          new Value.TimestampValue(Instant.ofEpochSecond(random.nextInt(6), random.nextInt(2)));
    };
  }

  /// A filter of up to `depth` levels.
  public Filter filter(int depth) {
    return switch (depth <= 1 ? 5 + random.nextInt(6) : random.nextInt(11)) {
      case 0, 1 -> new Filter.And(filters(depth - 1));
      case 2 -> new Filter.Or(filters(depth - 1));
      case 3 -> new Filter.Not(filter(depth - 1));
      case 4 -> {
        List<Filter> some = filters(depth - 1);
        yield new Filter.AtLeast(1 + random.nextInt(some.size()), some);
      }
      case 5 -> {
        HashSet<PointId> some = new HashSet<>();
        for (int i = 1 + random.nextInt(ids.size()); i > 0; i--) {
          some.add(ids.get(random.nextInt(ids.size())));
        }
        yield random.nextBoolean()
            ? new Filter.HasId(some)
            : new Filter.HasVector(fields.get(random.nextInt(fields.size())));
      }
      default -> condition();
    };
  }

  private List<Filter> filters(int depth) {
    List<Filter> filters = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      filters.add(filter(depth));
    }
    return filters;
  }

  private Filter condition() {
    PayloadIndexSpec spec = INDEXES.get(random.nextInt(INDEXES.size()));
    FieldPath path = spec.path();
    boolean text = spec.type() == ScalarType.KEYWORD;
    return switch (random.nextInt(text ? 10 : 8)) {
      case 0 -> new Filter.Exists(path);
      case 1 -> new Filter.IsNull(path);
      case 2 -> new Filter.IsEmpty(path);
      case 3 -> {
        int least = random.nextInt(3);
        yield new Filter.ValuesCount(
            path,
            least,
            random.nextBoolean()
                ? OptionalLong.empty()
                : OptionalLong.of(least + random.nextInt(2)));
      }
      case 4, 5 -> {
        List<Value> some = new ArrayList<>();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
          some.add(operand(spec.type()));
        }
        yield new Filter.Match(path, some);
      }
      case 6, 7 ->
          spec.type() == ScalarType.BOOL
              ? new Filter.Match(path, List.of(operand(spec.type())))
              : range(path, spec.type());
      case 8 -> new Filter.Prefix(path, someText());
      default -> new Filter.Contains(path, someText());
    };
  }

  private String someText() {
    return TEXTS.get(1 + random.nextInt(TEXTS.size() - 1));
  }

  private Filter range(FieldPath path, ScalarType type) {
    while (true) {
      Optional<Filter.Bound> lower =
          random.nextInt(3) == 0
              ? Optional.empty()
              : Optional.of(new Filter.Bound(operand(type), random.nextBoolean()));
      Optional<Filter.Bound> upper =
          lower.isPresent() && random.nextInt(3) == 0
              ? Optional.empty()
              : Optional.of(new Filter.Bound(operand(type), random.nextBoolean()));
      try {
        return new Filter.Range(path, lower, upper);
      } catch (WhimbrelException e) {
        // Upside down: try another.
        continue;
      }
    }
  }

  private Value operand(ScalarType type) {
    while (true) {
      Value value = scalar(type);
      if (!(value instanceof Value.DoubleValue(double number) && Double.isNaN(number))) {
        return value;
      }
    }
  }
}
