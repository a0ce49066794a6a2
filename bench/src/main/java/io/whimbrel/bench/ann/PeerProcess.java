package io.whimbrel.bench.ann;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;

/// One system in a process of its own. The conversation is described in `src/main/cpp/peer.hpp`.
final class PeerProcess implements AutoCloseable {
  private static final Duration STOP_MAX = Duration.ofSeconds(20);
  private static final int LOG_LINES_SHOWN = 10;

  private final Process process;
  private final BufferedReader in;
  private final Writer out;
  private final Path log;
  private final Path answers;

  private PeerProcess(Process process, Path log, Path answers) {
    this.process = process;
    this.in = process.inputReader();
    this.out = process.outputWriter();
    this.log = log;
    this.answers = answers;
  }

  /// What the build took.
  ///
  /// @param cpuSeconds of the whole process, compiling and collecting included
  /// @param bytes in memory, vectors included, as the system counts them
  /// @param residentGrowth of the process's memory over the build, files apart: a cross-check
  record Built(
      double cpuSeconds, double wallSeconds, long bytes, long residentGrowth, String note) {}

  /// The fastest pass over all queries, and its answers.
  ///
  /// @param cpuSeconds of the threads that searched
  record Searched(double cpuSeconds, double wallSeconds, int[] ids) {}

  /// @param work an existing directory for the log and the answers
  static PeerProcess start(List<String> command, Path work) throws IOException {
    Path log = work.resolve("peer.log");
    Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
    // A long build does not notice that nobody waits for it any more.
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return new PeerProcess(process, log, work.resolve("answers.ivec"));
  }

  /// @param progress takes the share that is done
  Built build(DoubleConsumer progress) throws IOException {
    say("build");
    for (Map<String, String> reply = hear(); ; reply = hear()) {
      if (reply.containsKey("built")) {
        return new Built(
            number(reply, "cpu_s"),
            number(reply, "wall_s"),
            (long) number(reply, "bytes"),
            (long) number(reply, "rss_bytes"),
            reply.getOrDefault("note", ""));
      }
      progress.accept(number(reply, "progress"));
    }
  }

  /// Answers all queries `runs` times after a warm-up.
  Searched search(int ef, int k, int runs) throws IOException {
    say("search " + ef + " " + k + " " + runs + " " + answers);
    Map<String, String> reply = hear();
    IntBuffer found =
        ByteBuffer.wrap(Files.readAllBytes(answers)).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
    int[] ids = new int[found.remaining()];
    found.get(ids);
    return new Searched(number(reply, "cpu_s"), number(reply, "wall_s"), ids);
  }

  private void say(String command) throws IOException {
    try {
      out.write(command + "\n");
      out.flush();
    } catch (IOException e) {
      throw new IOException("it ended: " + tail(), e);
    }
  }

  private Map<String, String> hear() throws IOException {
    String line = in.readLine();
    if (line == null) {
      throw new IOException("it ended: " + tail());
    }
    Map<String, String> fields = new HashMap<>();
    try (JsonParser json = new JsonFactory().createParser(line)) {
      while (json.nextToken() != null) {
        if (json.currentToken().isScalarValue() && json.currentToken() != JsonToken.FIELD_NAME) {
          fields.put(json.currentName(), json.getText());
        }
      }
    }
    return fields;
  }

  private static double number(Map<String, String> reply, String name) throws IOException {
    String value = reply.get(name);
    if (value == null) {
      throw new IOException("it answered " + reply + " (expected: " + name + ")");
    }
    return Double.parseDouble(value);
  }

  private String tail() throws IOException {
    List<String> lines = Files.readAllLines(log);
    return String.join(
        "\n", lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size()));
  }

  /// Ends the process: the end of its input asks it to.
  @Override
  public void close() throws IOException {
    try {
      out.close();
    } catch (IOException e) {
      // A process that has ended does not read; what it said last is reported by whoever waits.
      if (process.isAlive()) {
        throw e;
      }
    } finally {
      stop();
    }
  }

  private void stop() {
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
