package io.whimbrel.bench.ann;

import io.whimbrel.bench.peers.PeerMain;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// How each system is started.
///
/// @param sources folder of the C++ peers
/// @param cache folder for what is compiled from them
/// @param cpus the CPUs that every system is pinned to; empty: not pinned
/// @param heap flag for the largest heap of a Java system
record Commands(Path sources, Path cache, List<Integer> cpus, String heap) {
  private static final List<String> COMPILER =
      List.of("g++", "-O3", "-march=native", "-std=c++17", "-pthread");

  /// Raised for a system that cannot run here, with what to install.
  static final class Missing extends Exception {
    private static final long serialVersionUID = 1;

    Missing(String message) {
      super(message);
    }
  }

  /// The last `count` CPUs that this process may use: the first ones take more of the system's own
  /// work. Empty where `taskset` is not there.
  static List<Integer> lastCpus(int count) throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!onPath("taskset") || !Files.isReadable(status)) {
      return List.of();
    }
    String allowed = "";
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("Cpus_allowed_list:")) {
        allowed = line.substring(line.indexOf(':') + 1).strip();
      }
    }
    List<Integer> cpus = cpus(allowed);
    return cpus.size() < count ? List.of() : cpus.subList(cpus.size() - count, cpus.size());
  }

  /// `0-2,5` is 0, 1, 2, 5.
  static List<Integer> cpus(String ranges) {
    List<Integer> cpus = new ArrayList<>();
    for (String range : ranges.split(",")) {
      if (range.isEmpty()) {
        continue;
      }
      String[] ends = range.split("-", 2);
      int last = Integer.parseInt(ends[ends.length - 1]);
      for (int cpu = Integer.parseInt(ends[0]); cpu <= last; cpu++) {
        cpus.add(cpu);
      }
    }
    return cpus;
  }

  private static boolean onPath(String program) {
    for (String folder :
        System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator)) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /// The program and its leading arguments; compiles a C++ peer unless its source is older.
  List<String> of(AnnSystem system) throws IOException, Missing {
    List<String> command = new ArrayList<>();
    if (!cpus.isEmpty()) {
      command.addAll(
          List.of("taskset", "-c", String.join(",", cpus.stream().map(String::valueOf).toList())));
    }
    switch (system.kind()) {
      case CPP -> command.add(compiled(system).toString());
      case JAVA -> {
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(javaFlags());
        command.addAll(
            List.of(
                "-cp",
                Objects.requireNonNull(System.getProperty("java.class.path")),
                PeerMain.class.getName(),
                system.key()));
      }
    }
    return command;
  }

  /// This process's flags, which are the launcher's, with a heap of the data's size. Huge pages for
  /// the heap help the peers that keep their vectors there; Whimbrel's lie outside.
  List<String> javaFlags() {
    List<String> flags = new ArrayList<>();
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      boolean ours =
          flag.startsWith("-Xmx")
              || flag.startsWith("-javaagent")
              || flag.startsWith("-Dwhimbrel.terminal")
              || flag.startsWith("-Dwhimbrel.home");
      if (!ours) {
        flags.add(flag);
      }
    }
    flags.add("-XX:+UseTransparentHugePages");
    flags.add(heap);
    return flags;
  }

  private Path compiled(AnnSystem system) throws IOException, Missing {
    Path source = sources.resolve(system.key() + ".cpp");
    Path program = cache.resolve(system.key());
    if (Files.exists(program)
        && !newer(source, program)
        && !newer(sources.resolve("peer.hpp"), program)) {
      return program;
    }
    String advice = "install it with: apt install g++ " + system.packages();
    if (!onPath(COMPILER.getFirst())) {
      throw new Missing("there is no g++; " + advice);
    }
    Files.createDirectories(cache);
    Path made = cache.resolve(system.key() + ".new");
    List<String> command = new ArrayList<>(COMPILER);
    command.addAll(List.of(source.toString(), "-o", made.toString()));
    command.addAll(List.of(system.compilerFlags()));
    Path messages = cache.resolve(system.key() + ".log");
    Process compiler =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(messages.toFile())
            .start();
    try {
      if (compiler.waitFor() != 0) {
        Optional<String> error;
        try (var lines = Files.lines(messages)) {
          error = lines.filter(line -> line.contains("error")).findFirst();
        }
        throw new Missing(
            "its program does not compile (" + error.orElse("see " + messages) + "); " + advice);
      }
    } catch (InterruptedException e) {
      compiler.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while compiling", e);
    }
    Files.move(made, program, StandardCopyOption.ATOMIC_MOVE);
    return program;
  }

  private static boolean newer(Path a, Path b) throws IOException {
    return Files.getLastModifiedTime(a).compareTo(Files.getLastModifiedTime(b)) > 0;
  }
}
