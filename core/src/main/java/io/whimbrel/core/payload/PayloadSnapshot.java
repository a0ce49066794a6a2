package io.whimbrel.core.payload;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.store.PointRecord;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiPredicate;

/// The points of a collection and what its indexes say about them, as of one write. Never changes.
///
/// @param points all points
/// @param vectors points that have a vector, by field and version
/// @param indexes ready indexes, by the steps of their path
/// @param declared all indexes, those being built too, by the steps of their path
public record PayloadSnapshot(
    IdSet points,
    Map<PointRecord.VectorRef, IdSet> vectors,
    Map<List<FieldPath.Step>, PathIndex> indexes,
    Map<List<FieldPath.Step>, PayloadIndexSpec> declared) {
  public PayloadSnapshot {
    vectors = Map.copyOf(vectors);
    indexes = Map.copyOf(indexes);
    declared = Map.copyOf(declared);
  }

  static final PayloadSnapshot EMPTY =
      new PayloadSnapshot(IdSet.EMPTY, Map.of(), Map.of(), Map.of());

  /// Whether an index on the path answers; one that is being built does not.
  public boolean isIndexed(FieldPath path) {
    return indexes.containsKey(path.steps());
  }

  /// The type that the path's index is declared with.
  public Optional<ScalarType> declaredType(FieldPath path) {
    return Optional.ofNullable(declared.get(path.steps())).map(PayloadIndexSpec::type);
  }

  /// Gives each value of an indexed path with its points, ascending or descending, from `from`
  /// (inclusive) on, as long as `goOn` says so.
  public void forEachValue(
      FieldPath path, boolean descending, Optional<Value> from, BiPredicate<Value, IdSet> goOn) {
    Postings values = index(path).values();
    if (descending) {
      values.visitBack(from, goOn);
    } else {
      values.visit(from.map(value -> new Filter.Bound(value, true)), goOn, (_, _) -> {});
    }
  }

  /// Points to which an indexed path gives more than one value.
  public IdSet withSeveral(FieldPath path) {
    return index(path).counts(2, OptionalLong.empty());
  }

  private PathIndex index(FieldPath path) {
    PathIndex index = indexes.get(path.steps());
    if (index == null) {
      throw new IllegalStateException("no index on " + path);
    }
    return index;
  }

  /// Points with a timestamp up to `moment`, inclusive, by a timestamp index on the path; none when
  /// there is no such index.
  public IdSet upTo(FieldPath path, Instant moment) {
    PathIndex index = indexes.get(path.steps());
    return index == null || index.spec().type() != ScalarType.TIMESTAMP
        ? IdSet.EMPTY
        : index
            .values()
            .range(
                Optional.empty(),
                Optional.of(new Filter.Bound(new Value.TimestampValue(moment), true)));
  }

  public IdSet withVector(PointRecord.VectorRef ref) {
    return vectors.getOrDefault(ref, IdSet.EMPTY);
  }
}
