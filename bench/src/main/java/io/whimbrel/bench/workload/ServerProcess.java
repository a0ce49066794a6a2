package io.whimbrel.bench.workload;

import io.whimbrel.bench.report.Machine;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A server as a process of its own, on a free loopback port; its log is a file.
final class ServerProcess implements AutoCloseable {
  private static final String READY = "ready on ";
  private static final Duration START_MAX = Duration.ofMinutes(5);
  private static final Duration STOP_MAX = Duration.ofMinutes(1);
  private static final int LOG_LINES_SHOWN = 10;

  private final Process process;
  private final Path log;
  private int port;
  private double startSeconds;

  private ServerProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /// Runs `command` with the options of a server on `directory/data` and returns when it is ready.
  static ServerProcess start(List<String> command, Path directory) throws IOException {
    List<String> whole = new ArrayList<>(command);
    whole.addAll(
        List.of(
            "--host=127.0.0.1",
            "--port=0",
            "--shutdown-grace=2s",
            "--data=" + directory.resolve("data")));
    Path log = directory.resolve("server.log");
    long started = System.nanoTime();
    Process process = new ProcessBuilder(whole).redirectError(log.toFile()).start();
    ServerProcess server = new ServerProcess(process, log);
    try {
      server.port = server.awaitReady();
      server.startSeconds = (System.nanoTime() - started) / 1e9;
      return server;
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  int port() {
    return port;
  }

  /// From the start of the process to its word that it is ready.
  double startSeconds() {
    return startSeconds;
  }

  /// The most memory the server has had so far, where the system tells.
  OptionalLong peakBytes() throws IOException {
    return Machine.peakBytes(process.pid());
  }

  /// Processor time of the server so far, where the system tells.
  Optional<Duration> cpuTime() {
    return process.info().totalCpuDuration();
  }

  /// Ends the server as a power cut ends it, as far as a process can.
  void kill() {
    process.destroyForcibly();
    close();
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

  private int awaitReady() throws IOException {
    CompletableFuture<Optional<String>> ready = new CompletableFuture<>();
    // Reads on after the line, so that the server never waits for a reader.
    Thread.ofVirtual().name("server-output").start(() -> read(ready));
    try {
      String line =
          ready
              .get(START_MAX.toMillis(), TimeUnit.MILLISECONDS)
              .orElseThrow(
                  () -> new IOException("the server ended before it was ready:\n" + tail()));
      return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
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
        if (line.startsWith(READY)) {
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
