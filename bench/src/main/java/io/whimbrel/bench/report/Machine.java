package io.whimbrel.bench.report;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/// Where a benchmark ran.
///
/// @param flags of this process; a server's are those of the launcher
/// @param disk file system of the databases; with a tmpfs, syncing costs nothing
public record Machine(
    String cpu, int processors, String system, String jdk, List<String> flags, String disk) {
  public static Machine here(Path directory) throws IOException {
    return new Machine(
        firstField(Path.of("/proc/cpuinfo"), "model name")
            .orElse(System.getProperty("os.arch", "")),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("java.vm.name") + " " + Runtime.version(),
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
            .filter(flag -> !flag.startsWith("-Dwhimbrel."))
            .toList(),
        Files.getFileStore(directory).type());
  }

  /// The most memory a process has had so far; empty where the system does not tell.
  public static OptionalLong peakBytes(long pid) throws IOException {
    return firstField(Path.of("/proc", Long.toString(pid), "status"), "VmHWM")
        .map(kilobytes -> OptionalLong.of(Long.parseLong(kilobytes.split(" ", 2)[0]) << 10))
        .orElse(OptionalLong.empty());
  }

  private static Optional<String> firstField(Path file, String name) throws IOException {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    }
  }
}
