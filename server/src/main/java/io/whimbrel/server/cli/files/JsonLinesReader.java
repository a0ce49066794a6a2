package io.whimbrel.server.cli.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.whimbrel.client.Point;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;

/// One point as JSON on each line; empty lines are passed over.
final class JsonLinesReader implements PointReader {
  /// Longest line; a point of the largest request is far below.
  static final int LINE_BYTES_MAX = 64 << 20;

  private static final int BUFFER_BYTES = 1 << 20;

  private final Path file;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int limit;
  private byte[] line = new byte[8 << 10];
  private int lineLength;
  private long lineNumber;

  JsonLinesReader(Path file) throws IOException {
    this.file = file;
    this.in = Files.newInputStream(file);
  }

  @Override
  public Optional<Point> next() throws IOException {
    while (readLine()) {
      lineNumber++;
      if (isBlank()) {
        continue;
      }
      try (JsonReader json = new JsonReader(line, lineLength)) {
        return Optional.of(json.readPoint());
      } catch (JsonProcessingException e) {
        throw FileFormatException.inText(file, lineNumber, e.getOriginalMessage(), e);
      }
    }
    return Optional.empty();
  }

  @Override
  public OptionalLong total() {
    return OptionalLong.empty();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  /// Reads up to the next line feed or the end; false when there is nothing left.
  private boolean readLine() throws IOException {
    lineLength = 0;
    boolean any = false;
    while (true) {
      if (position == limit) {
        limit = in.read(buffer);
        position = 0;
        if (limit < 0) {
          limit = 0;
          return any;
        }
      }
      any = true;
      int end = position;
      while (end < limit && buffer[end] != '\n') {
        end++;
      }
      append(end - position);
      position = end;
      if (end < limit) {
        position++;
        return true;
      }
    }
  }

  private void append(int count) throws IOException {
    if (lineLength + count > LINE_BYTES_MAX) {
      throw FileFormatException.inText(
          file, lineNumber + 1, "a longer line (expected: at most " + LINE_BYTES_MAX + " bytes)");
    }
    if (lineLength + count > line.length) {
      line = Arrays.copyOf(line, Math.max(lineLength + count, line.length * 2));
    }
    System.arraycopy(buffer, position, line, lineLength, count);
    lineLength += count;
  }

  private boolean isBlank() {
    for (int i = 0; i < lineLength; i++) {
      if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
        return false;
      }
    }
    return true;
  }
}
