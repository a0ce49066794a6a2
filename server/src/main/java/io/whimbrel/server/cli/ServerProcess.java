package io.whimbrel.server.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A server as a child process: the same program and Java, a free loopback port, its log in a file.
final class ServerProcess implements AutoCloseable {
  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static final Duration STOP_MAX = Duration.ofSeconds(10);
  private static final int LOG_LINES_SHOWN = 10;

  private final Process process;
  private final Path log;

  private ServerProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /// Starts a server on `directory/data`; its log is `directory/server.log`. Returns before it is
  /// ready, so that the caller can see to its end first.
  static ServerProcess start(Path directory) throws IOException {
    return start(directory, 0);
  }

  /// The same on a port of the caller's choice.
  static ServerProcess start(Path directory, int port) throws IOException {
    Path log = directory.resolve("server.log");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:CompileCommand=quiet",
            "-XX:CompileCommand=CompileThresholdScaling,io.whimbrel.core.simd.panama.*::*,0.05",
            "-Xmx512m",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "serve",
            "--host=127.0.0.1",
            "--port=" + port,
            "--shutdown-grace=2s",
            "--data=" + directory.resolve("data")));
    return new ServerProcess(new ProcessBuilder(command).redirectError(log.toFile()).start(), log);
  }

  /// Stops the server and returns when it has ended.
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /// Kills the server, as a crash would, and returns when it has ended.
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /// Waits until the server is ready and returns its address.
  Session.Address awaitReady() throws IOException {
    CompletableFuture<Optional<String>> ready = new CompletableFuture<>();
    // Reads on after the line, so that the server never waits for a reader.
    Thread.ofVirtual().name("server-output").start(() -> read(ready));
    try {
      String line =
          ready
              .get(START_MAX.toMillis(), TimeUnit.MILLISECONDS)
              .orElseThrow(
                  () -> new IOException("the server ended before it was ready:\n" + tail()));
      return Session.Address.parse(line.substring(ServeCommand.READY.length()));
    } catch (TimeoutException e) {
      throw new IOException("the server was not ready within " + START_MAX + ":\n" + tail(), e);
    } catch (ExecutionException e) {
      throw new IOException("the server's output cannot be read", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while the server started", e);
    }
  }

  private void read(CompletableFuture<Optional<String>> ready) {
    try (BufferedReader out = process.inputReader()) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        if (line.startsWith(ServeCommand.READY)) {
          ready.complete(Optional.of(line));
        }
      }
      ready.complete(Optional.empty());
    } catch (IOException e) {
      ready.completeExceptionally(e);
    }
  }

  private String tail() {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join(
          "\n", lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size()));
    } catch (IOException e) {
      return "(its log cannot be read: " + e + ")";
    }
  }
}
