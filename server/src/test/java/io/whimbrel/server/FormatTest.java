package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Every source of the project is as google-java-format writes it. It runs as a test because the
/// formatter parses with the compiler of its own Java, and Maven's may be older than the sources.
/// To format instead of checking:
///
/// ```
/// mvn -pl server -am test -Dtest=FormatTest -Dsurefire.failIfNoSpecifiedTests=false -Dwhimbrel.format=apply
/// ```
class FormatTest {
  @Test
  void sourcesAreFormatted() throws IOException, FormatterException {
    Path root = Path.of(System.getProperty("whimbrel.root"));
    boolean apply = "apply".equals(System.getProperty("whimbrel.format"));
    Formatter formatter = new Formatter();
    List<Path> sources = new ArrayList<>();
    for (String module : List.of("core", "client", "server", "bench")) {
      try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src"))) {
        files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
      }
    }
    assertThat(sources).isNotEmpty();
    List<Path> unformatted = new ArrayList<>();
    for (Path source : sources) {
      String text = Files.readString(source);
      String formatted = formatter.formatSourceAndFixImports(text);
      if (!formatted.equals(text)) {
        if (apply) {
          Files.writeString(source, formatted);
        } else {
          unformatted.add(root.relativize(source));
        }
      }
    }
    assertThat(unformatted).as("sources to format with -Dwhimbrel.format=apply").isEmpty();
  }
}
