package io.whimbrel.client;

import java.util.List;

/** A batch that the server refused: none of its points was written. */
public record BulkFailure(WhimbrelException error, List<PointId> ids) {
  public BulkFailure {
    ids = List.copyOf(ids);
  }
}
