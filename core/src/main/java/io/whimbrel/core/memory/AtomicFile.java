package io.whimbrel.core.memory;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// Replaces a file whole or not at all, whenever the machine stops: written beside it, synced,
/// renamed, and the directory synced.
public final class AtomicFile {
  private AtomicFile() {}

  /// Writes the content from the start of `out`.
  public interface Content<T> {
    T write(FileChannel out) throws IOException;
  }

  /// Returns what `content` returned, when the new file is durable. A failure leaves the old file.
  /// One writer of a path at a time: the temporary file has its name and `.tmp`.
  public static <T> T replace(Path file, Content<T> content) throws IOException {
    Path target = file.toAbsolutePath();
    Path directory = target.getParent();
    if (directory == null) {
      throw new IllegalArgumentException("file: " + file + " (expected: a file)");
    }
    Path temporary = directory.resolve(target.getFileName() + ".tmp");
    T result;
    try {
      try (FileChannel out =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        result = content.write(out);
        out.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (Throwable failed) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException second) {
        failed.addSuppressed(second);
      }
      throw failed;
    }
    try (FileChannel parent = FileChannel.open(directory)) {
      parent.force(true);
    }
    return result;
  }
}
