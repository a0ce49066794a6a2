package io.whimbrel.core.model;

import java.util.List;

/// A collection as it stands.
///
/// @param points number of points
/// @param createdSeq sequence number of the write that made it
public record CollectionInfo(String name, List<FieldInfo> fields, long points, long createdSeq) {
  public CollectionInfo {
    fields = List.copyOf(fields);
  }

  /// @param writeSet versions that take writes
  /// @param readVersion the version that answers queries
  public record FieldInfo(
      String name, List<VersionInfo> versions, List<Integer> writeSet, int readVersion) {
    public FieldInfo {
      versions = List.copyOf(versions);
      writeSet = List.copyOf(writeSet);
    }
  }

  /// @param live points that have a vector of this version
  /// @param coverage share of `live` that the index covers, in [0, 1]
  /// @param indexBytes memory of the searchable copy
  /// @param pending points that wait for the index and are scanned meanwhile
  /// @param indexNote what is wrong with the index or being mended, for an operator; else empty
  public record VersionInfo(
      int number,
      EmbeddingSpec spec,
      long live,
      double coverage,
      long indexBytes,
      long pending,
      String indexNote) {}
}
