package io.whimbrel.core.model;

/// Hits by a payload value. A point with several values is in the group of each; one without is in
/// none.
///
/// @param size hits in a group, 1 to 100
public record GroupBy(FieldPath path, int size) {
  public GroupBy {
    Limits.checkRange("group_by.group_size", size, 1, Limits.GROUP_SIZE_MAX);
  }
}
