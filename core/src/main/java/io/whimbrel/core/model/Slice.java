package io.whimbrel.core.model;

/// One of `count` parts of a collection, which share no point and together are all of it. A point
/// stays in its part for as long as it is there.
///
/// @param index from 0
public record Slice(int index, int count) {
  /// Everything.
  public static final Slice ALL = new Slice(0, 1);

  public Slice {
    Limits.checkRange("slice.count", count, 1, Limits.SLICES_MAX);
    Limits.checkRange("slice.index", index, 0, count - 1);
  }

  /// Whether a point is in it, by its internal id.
  public boolean contains(long internalId) {
    return count == 1 || Long.remainderUnsigned(Mixing.mix(internalId), count) == index;
  }
}
