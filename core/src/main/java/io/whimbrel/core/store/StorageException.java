package io.whimbrel.core.store;

import java.io.IOException;

/// The store failed: I/O, a checksum, or files that do not fit together.
public final class StorageException extends IOException {
  private static final long serialVersionUID = 1L;

  public StorageException(String message) {
    super(message);
  }

  public StorageException(String message, Throwable cause) {
    super(message + ": " + cause.getMessage(), cause);
  }
}
