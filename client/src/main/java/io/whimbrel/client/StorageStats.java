package io.whimbrel.client;

import java.util.List;

/**
 * What the data takes.
 *
 * @param diskBytes bytes of all files of the data directory
 * @param indexBytes bytes of vectors kept in memory for searching
 */
public record StorageStats(long diskBytes, long indexBytes, List<CollectionStorage> collections) {
  public StorageStats {
    collections = List.copyOf(collections);
  }

  /** The share of one collection. */
  public record CollectionStorage(String collection, long points, long indexBytes) {}
}
