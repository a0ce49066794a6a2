package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The client runs on the JDK that runs Maven, and without Arrow. */
class JavaSeventeenIT {
  @Test
  void anApplicationOnTheOtherJdkUsesTheClient() throws Exception {
    String home = System.getProperty("whimbrel.maven.java.home", System.getProperty("java.home"));
    String classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.contains("arrow"))
            .collect(Collectors.joining(File.pathSeparator));
    try (Peer peer = new Peer()) {
      Process program =
          new ProcessBuilder(
                  Path.of(home, "bin", "java").toString(),
                  "-cp",
                  classPath,
                  JavaSeventeenProgram.class.getName(),
                  "127.0.0.1",
                  Integer.toString(peer.port()))
              .redirectErrorStream(true)
              .start();
      String output = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(program.waitFor(1, TimeUnit.MINUTES)).isTrue();
      System.out.print(output);
      assertThat(program.exitValue()).as(output).isZero();
      assertThat(output).contains("java.version=");
      assertThat(peer.pointCount()).isEqualTo(2);
    }
  }
}
