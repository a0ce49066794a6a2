package io.whimbrel.bench.workload;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.Rows;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Metric;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench load`.
@Command(
    name = "load",
    description = {
      "Bulk load: points a second by plain RocksDB, by gRPC and by Arrow Flight.",
      "",
      "Each way writes the same rows into a fresh database; servers then give all points back,"
          + " which are compared bit by bit, and are started again."
    },
    sortOptions = false)
public final class LoadCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with base.fvecs, base.f16vecs or base.bvecs. Default: data/bigann10k-128")
  private Path data = Path.of(HOME, "data", "bigann10k-128");

  @Option(
      names = "--points",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Repeat the rows, with a little seeded noise, up to this many. Default: the rows as they"
              + " are")
  private long points;

  @Option(
      names = "--seed",
      defaultValue = "1",
      paramLabel = "N",
      description = "Seed of the noise. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where to put the databases. Default: the system's temporary directory")
  private Path work = Path.of(System.getProperty("java.io.tmpdir"));

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public LoadCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    if (points < 0) {
      throw new ParameterException(
          spec.commandLine(), "--points: " + points + " (expected: 0 or more)");
    }
    List<String> server = List.of(Path.of(HOME, "whimbrel").toString(), "serve");
    measure(Rows.open(data, points, seed), server);
    return 0;
  }

  /// Runs the workload with servers started by `server`, and prints its results.
  void measure(Rows rows, List<String> server) throws IOException {
    Machine machine = Machine.here(work);
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s %s%ndatabases on %s in %s%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        String.join(" ", machine.flags()),
        machine.disk(),
        work);
    out.printf(
        Locale.ROOT,
        "%d points of dimension %d from %s, seed %d%n%n",
        rows.count(),
        rows.dimension(),
        data,
        seed);
    List<Load.Result> results =
        new Load(
                rows,
                EmbeddingSpec.builder(rows.dimension(), Metric.L2).build(),
                server,
                work,
                Bars.on(err))
            .run(List.of(Load.Way.values()));
    OptionalLong clientPeak = Machine.peakBytes(ProcessHandle.current().pid());
    print(rows, results, clientPeak);
    if (json) {
      out.println(json(machine, rows, results, clientPeak));
    }
  }

  private void print(Rows rows, List<Load.Result> results, OptionalLong clientPeak) {
    out.printf(
        "%-28s %10s %8s %8s %10s %10s %9s%n",
        "way", "points/s", "MB/s", "s", "export/s", "server MB", "restart s");
    for (Load.Result result : results) {
      out.printf(
          Locale.ROOT,
          "%-28s %10.0f %8.1f %8.2f",
          result.way().title(),
          rows.count() / result.seconds(),
          megabytes(rows) / result.seconds(),
          result.seconds());
      result
          .served()
          .ifPresent(served ->
              out.printf(
                  Locale.ROOT,
                  " %10.0f %10s %9.2f",
                  rows.count() / served.exportSeconds(),
                  megabytes(served.peakBytes()),
                  served.restartSeconds()));
      out.println();
    }
    out.printf(
        "%nMB are million bytes of keys and float32 values. Every point came back with the bits"
            + " that were sent.%nPeak memory of this process: %s MB%n",
        megabytes(clientPeak));
  }

  private static String megabytes(OptionalLong bytes) {
    return bytes.isPresent() ? Long.toString(bytes.getAsLong() / 1_000_000) : "unknown";
  }

  private static double megabytes(Rows rows) {
    return (double) rows.count() * (Long.BYTES + (long) Float.BYTES * rows.dimension()) / 1e6;
  }

  private String json(
      Machine machine, Rows rows, List<Load.Result> results, OptionalLong clientPeak)
      throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "load");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("flags", String.join(" ", machine.flags()));
      to.writeStringField("file_system", machine.disk());
      to.writeStringField("data", String.valueOf(data.getFileName()));
      to.writeNumberField("points", rows.count());
      to.writeNumberField("dimension", rows.dimension());
      to.writeNumberField("seed", seed);
      if (clientPeak.isPresent()) {
        to.writeNumberField("client_peak_bytes", clientPeak.getAsLong());
      }
      to.writeArrayFieldStart("results");
      for (Load.Result result : results) {
        write(to, rows, result);
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    return text.toString();
  }

  private static void write(JsonGenerator to, Rows rows, Load.Result result) throws IOException {
    to.writeStartObject();
    to.writeStringField("way", result.way().name().toLowerCase(Locale.ROOT));
    to.writeNumberField("seconds", result.seconds());
    to.writeNumberField("points_per_second", rows.count() / result.seconds());
    to.writeNumberField("megabytes_per_second", megabytes(rows) / result.seconds());
    if (result.served().isPresent()) {
      Load.Served served = result.served().get();
      to.writeNumberField("export_points_per_second", rows.count() / served.exportSeconds());
      if (served.peakBytes().isPresent()) {
        to.writeNumberField("server_peak_bytes", served.peakBytes().getAsLong());
      }
      to.writeNumberField("restart_seconds", served.restartSeconds());
    }
    to.writeEndObject();
  }
}
