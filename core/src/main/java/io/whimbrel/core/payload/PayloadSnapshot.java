package io.whimbrel.core.payload;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.store.PointRecord;
import java.util.List;
import java.util.Map;

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

  public IdSet withVector(PointRecord.VectorRef ref) {
    return vectors.getOrDefault(ref, IdSet.EMPTY);
  }
}
