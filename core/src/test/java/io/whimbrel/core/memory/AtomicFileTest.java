package io.whimbrel.core.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path directory;

  private static int write(FileChannel out, String text) throws IOException {
    return out.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void replacesTheWholeFile() throws IOException {
    Path file = directory.resolve("file");
    int written = AtomicFile.replace(file, out -> write(out, "the longer one"));
    assertThat(written).isEqualTo(14);
    // What a crash left behind is overwritten.
    Files.writeString(directory.resolve("file.tmp"), "a half that is longer than the whole");
    AtomicFile.replace(file, out -> write(out, "short"));
    assertThat(file).hasContent("short");
    assertThat(directory.toFile().list()).containsExactly("file");
  }

  @Test
  void aFailureLeavesTheOldFile() throws IOException {
    Path file = directory.resolve("file");
    AtomicFile.replace(file, out -> write(out, "old"));
    assertThatThrownBy(() ->
            AtomicFile.replace(
                file,
                out -> {
                  write(out, "new");
                  throw new IOException("no space");
                }))
        .hasMessage("no space");
    assertThat(file).hasContent("old");
    assertThat(directory.toFile().list()).containsExactly("file");
  }
}
