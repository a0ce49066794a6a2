package io.whimbrel.bench.kernels;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.kernels.RowTimer.Kernel;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.ScalarKernels;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench kernels`.
@Command(
    name = "kernels",
    description = {
      "Kernels: nanoseconds a row in the cache, beside C++ with intrinsics and plain Java.",
      "",
      "The C++ programs are compiled on each run and left out where there is no g++; MaxSim of 32"
          + " query tokens and 180 document tokens is compared with sgemm of OpenBLAS"
          + " (libopenblas-dev) and the largest of each row."
    },
    sortOptions = false)
public final class KernelsCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");
  private static final int STEP = 128;
  private static final int DIMENSION_MAX = 2_048;

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--dims",
      split = ",",
      paramLabel = "N",
      description = "Values a row, multiples of 128. Default: 128,384,768,1536")
  private List<Integer> dimensions = List.of(128, 384, 768, 1_536);

  @Option(
      names = "--maxsim-dims",
      split = ",",
      paramLabel = "N",
      description = "Values a token for MaxSim, multiples of 16. Default: 64,96,128")
  private List<Integer> tokenDimensions = List.of(64, 96, 128);

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public KernelsCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /// Nanoseconds a row.
  private record Line(
      Kernel kernel,
      int dimension,
      double scalar,
      double vector,
      OptionalDouble lucene,
      OptionalDouble cpp) {
    OptionalDouble ratio() {
      return cpp.isEmpty() ? cpp : OptionalDouble.of(cpp.getAsDouble() / vector);
    }
  }

  @Override
  public Integer call() throws IOException {
    for (int dimension : dimensions) {
      if (dimension < STEP || dimension > DIMENSION_MAX || dimension % STEP != 0) {
        throw new ParameterException(
            spec.commandLine(),
            "--dims: %d (expected: multiples of %d up to %d)"
                .formatted(dimension, STEP, DIMENSION_MAX));
      }
    }
    for (int dimension : tokenDimensions) {
      if (dimension < 16 || dimension > DIMENSION_MAX || dimension % 16 != 0) {
        throw new ParameterException(
            spec.commandLine(),
            "--maxsim-dims: %d (expected: multiples of 16 up to %d)"
                .formatted(dimension, DIMENSION_MAX));
      }
    }
    Machine machine = Machine.here(Path.of(System.getProperty("java.io.tmpdir")));
    Map<Kernel, Map<Integer, Double>> cpp = cpp();
    Kernels vector = KernelProvider.best();
    Kernels scalar = new ScalarKernels();
    List<Line> lines = new ArrayList<>();
    for (Kernel kernel : Kernel.values()) {
      for (int dimension : dimensions) {
        try (RowTimer timer = new RowTimer(dimension)) {
          Double there = cpp.getOrDefault(kernel, Map.of()).get(dimension);
          lines.add(
              new Line(
                  kernel,
                  dimension,
                  timer.nanos(kernel, scalar),
                  timer.nanos(kernel, vector),
                  kernel == Kernel.INT8
                      ? OptionalDouble.of(timer.luceneInt8Nanos())
                      : OptionalDouble.empty(),
                  there == null ? OptionalDouble.empty() : OptionalDouble.of(there)));
        }
      }
    }
    print(machine, vector, lines);
    List<MaxSimLine> maxSim = maxSim(vector, scalar);
    if (json) {
      out.println(json(machine, vector, lines, maxSim));
    }
    return 0;
  }

  /// Nanoseconds a document token.
  private record MaxSimLine(int dimension, double scalar, double vector, OptionalDouble openBlas) {}

  private List<MaxSimLine> maxSim(Kernels vector, Kernels scalar) {
    Map<Integer, Double> peer = Map.of();
    try {
      peer =
          CppKernels.measureMaxSim(
              Path.of(HOME, "bench", "src", "main", "cpp"),
              Path.of(HOME, "bench", "target", "peers"),
              tokenDimensions);
    } catch (IOException e) {
      err.println("OpenBLAS is skipped: " + e.getMessage());
    }
    out.printf(
        "%nMaxSim of %d query tokens, float32, ns a document token of %d%n%6s %10s %10s %10s %10s%n",
        MaxSimTimer.QUERIES,
        MaxSimTimer.TOKENS,
        "dim",
        "scalar",
        "vector",
        "OpenBLAS",
        "ratio");
    List<MaxSimLine> lines = new ArrayList<>();
    for (int dimension : tokenDimensions) {
      try (MaxSimTimer timer = new MaxSimTimer(dimension)) {
        Double there = peer.get(dimension);
        MaxSimLine line =
            new MaxSimLine(
                dimension,
                timer.nanos(scalar),
                timer.nanos(vector),
                there == null ? OptionalDouble.empty() : OptionalDouble.of(there));
        lines.add(line);
        out.printf(
            Locale.ROOT,
            "%6d %10.2f %10.2f %10s %10s%n",
            dimension,
            line.scalar(),
            line.vector(),
            cell(line.openBlas()),
            cell(
                there == null
                    ? OptionalDouble.empty()
                    : OptionalDouble.of(there / line.vector())));
      }
    }
    return lines;
  }

  private Map<Kernel, Map<Integer, Double>> cpp() {
    try {
      return CppKernels.measure(
          Path.of(HOME, "bench", "src", "main", "cpp"),
          Path.of(HOME, "bench", "target", "peers"),
          dimensions);
    } catch (IOException e) {
      err.println("C++ is skipped: " + e.getMessage());
      return Map.of();
    }
  }

  private void print(Machine machine, Kernels vector, List<Line> lines) {
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s%nkernels: %s; ns a row, least CPU time of many short runs%n%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        vector.describe());
    out.printf(
        "%-12s %6s %10s %10s %10s %10s %10s%n",
        "kernel", "dim", "scalar", "vector", "lucene", "C++", "C++/vector");
    for (Line line : lines) {
      out.printf(
          Locale.ROOT,
          "%-12s %6d %10.2f %10.2f %10s %10s %10s%n",
          name(line.kernel()),
          line.dimension(),
          line.scalar(),
          line.vector(),
          cell(line.lucene()),
          cell(line.cpp()),
          cell(line.ratio()));
    }
  }

  private static String name(Kernel kernel) {
    return kernel.name().toLowerCase(Locale.ROOT);
  }

  private static String cell(OptionalDouble value) {
    return value.isPresent() ? String.format(Locale.ROOT, "%.2f", value.getAsDouble()) : "-";
  }

  private static String json(
      Machine machine, Kernels vector, List<Line> lines, List<MaxSimLine> maxSim) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "kernels");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("kernels", vector.describe());
      to.writeArrayFieldStart("results");
      for (Line line : lines) {
        to.writeStartObject();
        to.writeStringField("kernel", name(line.kernel()));
        to.writeNumberField("dimension", line.dimension());
        to.writeNumberField("scalar_ns", line.scalar());
        to.writeNumberField("vector_ns", line.vector());
        if (line.lucene().isPresent()) {
          to.writeNumberField("lucene_ns", line.lucene().getAsDouble());
        }
        if (line.cpp().isPresent()) {
          to.writeNumberField("cpp_ns", line.cpp().getAsDouble());
        }
        to.writeEndObject();
      }
      to.writeEndArray();
      to.writeArrayFieldStart("maxsim");
      for (MaxSimLine line : maxSim) {
        to.writeStartObject();
        to.writeNumberField("dimension", line.dimension());
        to.writeNumberField("scalar_ns", line.scalar());
        to.writeNumberField("vector_ns", line.vector());
        if (line.openBlas().isPresent()) {
          to.writeNumberField("openblas_ns", line.openBlas().getAsDouble());
        }
        to.writeEndObject();
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    return text.toString();
  }
}
