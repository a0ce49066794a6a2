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

/// Runs `src/main/cpp/kernels.cpp`, compiled for this processor.
final class CppKernels {
  private CppKernels() {}

  /// Nanoseconds a row by kernel and dimension; what the processor lacks is missing. `IOException`
  /// when there is no compiler or the program fails.
  static Map<Kernel, Map<Integer, Double>> measure(
      Path sources, Path cache, List<Integer> dimensions) throws IOException {
    Files.createDirectories(cache);
    Path program = cache.resolve("kernels");
    String _ =
        run(
            List.of(
                "g++",
                "-O3",
                "-march=native",
                "-std=c++17",
                sources.resolve("kernels.cpp").toString(),
                "-o",
                program.toString()));
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

  private static void read(String line, Map<Kernel, Map<Integer, Double>> nanos)
      throws IOException {
    String name = "";
    int dimension = 0;
    double value = 0;
    try (JsonParser json = new JsonFactory().createParser(line)) {
      while (json.nextToken() != null) {
        if (json.currentToken().isScalarValue()) {
          switch (json.currentName()) {
            case "kernel" -> name = json.getText();
            case "dimension" -> dimension = json.getIntValue();
            case "ns" -> value = json.getDoubleValue();
            default -> throw new IOException("unknown field in " + line);
          }
        }
      }
    }
    for (Kernel kernel : Kernel.values()) {
      if (kernel.name().toLowerCase(Locale.ROOT).equals(name)) {
        nanos.computeIfAbsent(kernel, _ -> new HashMap<>()).put(dimension, value);
      }
    }
  }

  private static String run(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
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
