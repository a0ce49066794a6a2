package io.whimbrel.core.hnsw;

import java.io.IOException;
import java.nio.file.Path;

/// A file is no snapshot of the index that was asked for: damaged, of another index, or of a newer
/// format. The index has to be built from its vectors.
public final class SnapshotException extends IOException {
  private static final long serialVersionUID = 1L;

  SnapshotException(Path file, String message) {
    super(file + ": " + message);
  }
}
