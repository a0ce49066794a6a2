package io.whimbrel.core.payload;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The scalar values that a path leads to in one payload, as an index on it would hold them:
/// elements of lists one by one, no NaN, no negative zero.
///
/// @param type only values of this type; empty for all
public record PathValues(FieldPath path, Optional<ScalarType> type) {
  /// Values of different types follow each other by type.
  public static final Comparator<Value> ORDER =
      (a, b) -> {
        int types = ScalarType.of(a).orElseThrow().compareTo(ScalarType.of(b).orElseThrow());
        return types != 0 ? types : Filter.compare(a, b);
      };

  /// All different ones, ascending.
  public List<Value> of(Map<String, Value> payload) {
    return PathFacts.of(path, payload).values().stream()
        .filter(value -> type.isEmpty() || ScalarType.of(value).equals(type))
        .sorted(ORDER)
        .toList();
  }

  /// The least, or the greatest.
  public Optional<Value> end(Map<String, Value> payload, boolean greatest) {
    List<Value> values = of(payload);
    return values.isEmpty()
        ? Optional.empty()
        : Optional.of(greatest ? values.getLast() : values.getFirst());
  }
}
