package io.whimbrel.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;

/// The server that the build has packaged.
final class PackagedServer {
  static final Path ROOT = Path.of(System.getProperty("whimbrel.root", ".."));

  private PackagedServer() {}

  /// The command that starts it; not by the launcher, which would build when a source is newer than
  /// the jar.
  static List<String> command() {
    Path jar = ROOT.resolve("server/target/dist/whimbrel.jar");
    assertThat(jar).as("the packaged server: run `mvn verify` in the root").exists();
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "-Xmx256m",
        "-jar",
        jar.toString(),
        "serve");
  }
}
