package io.whimbrel.bench.kernels;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.whimbrel.bench.kernels.RowTimer.Kernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Runs `src/main/cpp/kernels.cpp` and `maxsim.cpp`, compiled for this processor.
final class CppKernels {
  private CppKernels() {}

  /// Nanoseconds a row by kernel and dimension; what the processor lacks is missing. `IOException`
  /// when there is no compiler or the program fails.
  static Map<Kernel, Map<Integer, Double>> measure(
      Path sources, Path cache, List<Integer> dimensions) throws IOException {
    Path program = compile(sources, cache, "kernels");
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.add(Integer.toString(RowTimer.ROWS));
    dimensions.forEach(dimension -> command.add(dimension.toString()));
    Map<Kernel, Map<Integer, Double>> nanos = new EnumMap<>(Kernel.class);
    for (String line : run(command).lines().toList()) {
      read(line, nanos);
    }
    return nanos;
  }

  /// Nanoseconds a document token by dimension, of MaxSim by OpenBLAS on one thread. `IOException`
  /// when there is no compiler or no such library.
  static Map<Integer, Double> measureMaxSim(Path sources, Path cache, List<Integer> dimensions)
      throws IOException {
    Path program = compile(sources, cache, "maxsim", "-lopenblas");
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.add(Integer.toString(MaxSimTimer.QUERIES));
    command.add(Integer.toString(MaxSimTimer.TOKENS));
    dimensions.forEach(dimension -> command.add(dimension.toString()));
    Map<Integer, Double> nanos = new HashMap<>();
    for (String line : run(command).lines().toList()) {
      Measured measured = read(line);
      nanos.put(measured.dimension(), measured.nanos());
    }
    return nanos;
  }

  private static Path compile(Path sources, Path cache, String name, String... libraries)
      throws IOException {
    Files.createDirectories(cache);
    Path program = cache.resolve(name);
    List<String> command =
        new ArrayList<>(
            List.of(
                "g++",
                "-O3",
                "-march=native",
                "-std=c++17",
                sources.resolve(name + ".cpp").toString(),
                "-o",
                program.toString()));
    command.addAll(List.of(libraries));
    String _ = run(command);
    return program;
  }

  /// A line of a program.
  private record Measured(String kernel, int dimension, double nanos) {}

  private static void read(String line, Map<Kernel, Map<Integer, Double>> nanos)
      throws IOException {
    Measured measured = read(line);
    for (Kernel kernel : Kernel.values()) {
      if (kernel.name().toLowerCase(Locale.ROOT).equals(measured.kernel())) {
        nanos.computeIfAbsent(kernel, _ -> new HashMap<>()).put(measured.dimension(), measured.nanos());
      }
    }
  }

  private static Measured read(String line) throws IOException {
    String name = "";
    int dimension = 0;
    double value = 0;
    try (JsonParser json = new JsonFactory().createParser(line)) {
      while (json.nextToken() != null) {
        if (json.currentToken().isScalarValue()) {
          switch (json.currentName()) {
            case "kernel" -> name = json.getText();
            case "dimension" -> dimension = json.getIntValue();
            case "core" -> {}
            case "ns" -> value = json.getDoubleValue();
            default -> throw new IOException("unknown field in " + line);
          }
        }
      }
    }
    return new Measured(name, dimension, value);
  }

  private static String run(List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    // OpenBLAS is to choose its kernels by the processor, whatever the shell asks of it.
    builder.environment().remove("OPENBLAS_CORETYPE");
    builder.environment().remove("OPENBLAS_L2_SIZE");
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(
            command.getFirst() + " failed: " + output.lines().findFirst().orElse("no message"));
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while " + command.getFirst() + " ran", e);
    }
    return output;
  }
}
