package io.whimbrel.core.model;

import java.util.List;

/// The database as an operator sees it.
///
/// @param databaseId identity of the data directory
/// @param kernels the vector arithmetic in use
/// @param seq sequence number of the last visible write
/// @param readOnlyReason empty while writes are taken
public record DatabaseStatus(
    String databaseId,
    String kernels,
    long seq,
    String readOnlyReason,
    long diskBytes,
    List<CollectionInfo> collections) {
  public DatabaseStatus {
    collections = List.copyOf(collections);
  }
}
