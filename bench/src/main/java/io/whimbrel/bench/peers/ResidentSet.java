package io.whimbrel.bench.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What the system says of this process's memory.
final class ResidentSet {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String ANONYMOUS = "RssAnon:";

  private ResidentSet() {}

  /// Resident bytes without mapped files, since the rows are read from one; 0 where the system does
  /// not say.
  static long bytes() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return 0;
    }
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(ANONYMOUS)) {
        String kilobytes = line.substring(ANONYMOUS.length()).replace("kB", "").strip();
        return Long.parseLong(kilobytes) << 10;
      }
    }
    return 0;
  }
}
