package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.ErrorCode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The client library beside the real server: the same error codes, and a program that uses it on
/// the JDK that runs Maven, which is the machine's default one.
class ClientOnMavensJavaIT {
  private static final String PROGRAM = "io.whimbrel.client.JavaSeventeenProgram";

  @Test
  void aProgramOnTheOtherJdkUsesTheServer(@TempDir Path data)
      throws IOException, InterruptedException {
    Path root = Path.of(System.getProperty("whimbrel.root"));
    Path programs = root.resolve("client/target/test-classes");
    assertThat(programs.resolve(PROGRAM.replace('.', '/') + ".class"))
        .as("built with the module client, which comes before this one")
        .isRegularFile();
    String libraries =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.contains("arrow"))
            .collect(Collectors.joining(File.pathSeparator));
    Path java = Path.of(System.getProperty("whimbrel.maven.java.home"), "bin", "java");
    assertThat(java).isExecutable();
    try (RunningServer running = new RunningServer(data, Map.of())) {
      Process program =
          new ProcessBuilder(
                  java.toString(),
                  "-cp",
                  programs + File.pathSeparator + libraries,
                  PROGRAM,
                  "127.0.0.1",
                  Integer.toString(running.server.port()))
              .redirectErrorStream(true)
              .start();
      String output = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(program.waitFor(1, TimeUnit.MINUTES)).isTrue();
      System.out.print(output);
      assertThat(program.exitValue()).as(output).isZero();
      assertThat(output).contains("java.version=");
    }
  }

  @Test
  void clientAndCoreHaveTheSameErrorCodes() {
    assertThat(
            Stream.of(io.whimbrel.client.ErrorCode.values())
                .filter(code -> code != io.whimbrel.client.ErrorCode.UNKNOWN)
                .map(Enum::name))
        .containsExactlyElementsOf(Stream.of(ErrorCode.values()).map(Enum::name).toList());
  }
}
