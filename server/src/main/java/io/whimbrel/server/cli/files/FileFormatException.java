package io.whimbrel.server.cli.files;

import java.io.IOException;
import java.nio.file.Path;

/// A file that is not what its name or header promises. The message reads `file, row n: found
/// (expected: expectation)`.
public final class FileFormatException extends IOException {
  private FileFormatException(String message) {
    super(message);
  }

  static FileFormatException of(Path file, String found, String expected) {
    return new FileFormatException(file + ": " + found + " (expected: " + expected + ")");
  }

  /// `row` counts from zero.
  static FileFormatException atRow(Path file, long row, String found, String expected) {
    return new FileFormatException(
        file + ", row " + row + ": " + found + " (expected: " + expected + ")");
  }

  /// `line` counts from one, as editors do.
  static FileFormatException inText(Path file, long line, String problem) {
    return new FileFormatException(file + ", line " + line + ": " + problem);
  }

  static FileFormatException inText(Path file, long line, String problem, Throwable cause) {
    FileFormatException exception = inText(file, line, problem);
    exception.initCause(cause);
    return exception;
  }
}
