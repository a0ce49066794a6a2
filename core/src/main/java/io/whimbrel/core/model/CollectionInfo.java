package io.whimbrel.core.model;

import java.util.List;
import java.util.Optional;

/// A collection as it stands.
///
/// @param points number of points
/// @param createdSeq sequence number of the write that made it
/// @param indexes its payload indexes, by path
/// @param texts its full-text indexes, by path
/// @param aliases other names of it, in order
/// @param ttl when its points expire; empty when they do not
public record CollectionInfo(
    String name,
    List<FieldInfo> fields,
    long points,
    long createdSeq,
    List<PayloadIndexInfo> indexes,
    List<TextIndexInfo> texts,
    List<String> aliases,
    Optional<TtlInfo> ttl) {
  public CollectionInfo {
    fields = List.copyOf(fields);
    indexes = List.copyOf(indexes);
    texts = List.copyOf(texts);
    aliases = List.copyOf(aliases);
  }

  /// @param path whose timestamp says when a point expires
  /// @param waiting points that are expired, which no read shows, and not deleted yet
  /// @param deleted points deleted as expired since the database was opened
  public record TtlInfo(FieldPath path, long waiting, long deleted) {}

  /// @param ready whether it answers; it is being filled from the store otherwise
  /// @param points points with text in its files
  /// @param pending changes that searches find in memory meanwhile
  /// @param diskBytes size of its files
  /// @param note what is wrong with it or being mended, for an operator; else empty
  public record TextIndexInfo(
      TextIndexSpec spec, boolean ready, long points, long pending, long diskBytes, String note) {}

  /// @param ready whether it answers conditions; it is being built otherwise
  /// @param points points where the path leads to something
  /// @param values distinct values of the index's type
  /// @param note why it could not be built, for an operator; else empty
  public record PayloadIndexInfo(
      PayloadIndexSpec spec, boolean ready, long points, long values, String note) {}

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
