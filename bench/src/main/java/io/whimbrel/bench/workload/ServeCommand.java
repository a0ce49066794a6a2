package io.whimbrel.bench.workload;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Storage;
import io.whimbrel.core.model.Metric;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench serve`.
@Command(
    name = "serve",
    description = {
      "Search through a server: queries a second and latency over gRPC, by number of clients.",
      "",
      "A server of its own takes all rows; then so many clients at once, each with a connection of"
          + " its own, search one query after the other. Server and clients share this machine."
    },
    sortOptions = false)
public final class ServeCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");
  private static final int CLIENTS_MAX = 256;
  private static final int SECONDS_MAX = 3_600;

  /// Of the measured time, before it.
  private static final double WARM_UP_SHARE = 0.5;

  /// How the collection is searched.
  enum Index {
    FLAT,
    HNSW;

    /// What a collection is created with; both numbers are for a graph only.
    IndexSpec spec(int m, int efConstruction) {
      return this == FLAT ? new IndexSpec.Flat() : new IndexSpec.Hnsw(m, efConstruction);
    }
  }

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder as bench ann takes it. Default: data/bigann10k-128")
  private Path data = Path.of(HOME, "data", "bigann10k-128");

  @Option(
      names = "--prefix",
      defaultValue = "",
      paramLabel = "TEXT",
      description = "What the names of the files begin with, for example minilm-")
  private String prefix = "";

  @Option(
      names = "--metric",
      defaultValue = "l2",
      description = "l2, cosine or dot. Default: ${DEFAULT-VALUE}")
  private Metric metric = Metric.L2;

  @Option(names = "--k", defaultValue = "10", description = "Hits a query. Default: 10")
  private int k;

  @Option(
      names = "--index",
      defaultValue = "flat",
      description = "flat or hnsw. Default: ${DEFAULT-VALUE}")
  private Index index = Index.FLAT;

  @Option(names = "--m", defaultValue = "16", description = "Of hnsw. Default: 16")
  private int m;

  @Option(names = "--ef-construction", defaultValue = "200", description = "Of hnsw. Default: 200")
  private int efConstruction;

  @Option(names = "--ef", paramLabel = "N", description = "Beam of hnsw. Default: by --recall")
  private @Nullable Integer ef;

  @Option(
      names = "--recall",
      defaultValue = "0.95",
      description = "Without --ef: the least beam with this recall. Default: ${DEFAULT-VALUE}")
  private double recall;

  @Option(
      names = "--storage",
      defaultValue = "float32",
      description = "float32 or int8. Default: ${DEFAULT-VALUE}")
  private Storage storage = Storage.FLOAT32;

  @Option(
      names = "--clients",
      split = ",",
      paramLabel = "N",
      description = "How many at once, one number after the other. Default: 1,8,64")
  private List<Integer> clients = List.of(1, 8, 64);

  @Option(
      names = "--seconds",
      defaultValue = "10",
      description = "Measured time for each number of clients. Default: ${DEFAULT-VALUE}")
  private int seconds;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where to put the database. Default: the system's temporary directory")
  private Path work = Path.of(System.getProperty("java.io.tmpdir"));

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public ServeCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    check("--seconds", seconds, SECONDS_MAX);
    for (int count : clients) {
      check("--clients", count, CLIENTS_MAX);
    }
    check("--k", k, 10_000);
    measure(
        SearchSet.open(data, prefix, metric, Long.MAX_VALUE, k),
        List.of(Path.of(HOME, "whimbrel").toString(), "serve"));
    return 0;
  }

  private void check(String option, int value, int max) {
    if (value < 1 || value > max) {
      throw new ParameterException(
          spec.commandLine(), option + ": " + value + " (expected: 1 to " + max + ")");
    }
  }

  /// Runs the workload with a server started by `command`, and prints its results.
  void measure(SearchSet set, List<String> command) throws IOException, InterruptedException {
    Machine machine = Machine.here(work);
    Serve.Plan plan =
        new Serve.Plan(
            index.spec(m, efConstruction),
            storage,
            ef == null ? OptionalInt.empty() : OptionalInt.of(ef),
            recall,
            Duration.ofMillis((long) (seconds * 1_000 * WARM_UP_SHARE)),
            Duration.ofSeconds(seconds));
    Path directory = Files.createTempDirectory(work, "serve-");
    try {
      Figures figures = measure(set, plan, command, directory);
      print(machine, set, plan, figures);
      if (json) {
        out.println(json(machine, set, figures));
      }
    } finally {
      Directories.removeAll(directory);
    }
  }

  /// @param ef the beam that was used; empty for an exact index
  /// @param engineCpuMicros of the engine alone, a query
  private record Figures(OptionalInt ef, List<Serve.Result> results, double engineCpuMicros) {
    /// Of the processor time of the server; empty where that is not known.
    OptionalDouble shareOutside(Serve.Result result) {
      OptionalDouble server = result.serverCpuMicros();
      return server.isEmpty()
          ? server
          : OptionalDouble.of(Math.max(0, 1 - engineCpuMicros / server.getAsDouble()));
    }
  }

  private Figures measure(SearchSet set, Serve.Plan plan, List<String> command, Path directory)
      throws IOException, InterruptedException {
    List<Serve.Result> results = new ArrayList<>();
    OptionalInt beam;
    Serve serve;
    try (ServerProcess server = ServerProcess.start(command, directory)) {
      serve = new Serve(set, server, plan);
      serve.load(row -> {});
      err.printf("%d points written%n", set.base().length);
      beam = serve.prepare();
      beam.ifPresent(chosen -> err.printf("ef %d%n", chosen));
      for (int count : clients) {
        results.add(serve.search(count));
        err.printf(Locale.ROOT, "%d clients: %.0f queries/s%n", count, results.getLast().qps());
      }
    }
    return new Figures(beam, results, serve.engineCpuMicros(directory.resolve("data")));
  }

  private void print(Machine machine, SearchSet set, Serve.Plan plan, Figures figures) {
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s%n%s: %d x %d, %s, %d queries, k %d; %s, %s%s%n%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        set.name(),
        set.base().length,
        set.dimension(),
        set.metric(),
        set.queries().length,
        k,
        plan.index(),
        plan.storage(),
        figures.ef().isPresent() ? ", ef " + figures.ef().getAsInt() : "");
    out.printf(
        "%8s %10s %8s %8s %8s %14s %14s%n",
        "clients", "queries/s", "p50 ms", "p99 ms", "recall", "server CPU us", "outside engine");
    for (Serve.Result result : figures.results()) {
      out.printf(
          Locale.ROOT,
          "%8d %10.0f %8.2f %8.2f %8.4f %14s %14s%n",
          result.clients(),
          result.qps(),
          result.p50Millis(),
          result.p99Millis(),
          result.recall(),
          result.serverCpuMicros().isPresent()
              ? String.format(Locale.ROOT, "%.0f", result.serverCpuMicros().getAsDouble())
              : "unknown",
          figures.shareOutside(result).isPresent()
              ? String.format(
                  Locale.ROOT, "%.0f %%", 100 * figures.shareOutside(result).getAsDouble())
              : "unknown");
    }
    out.printf(
        Locale.ROOT,
        "%nserver CPU: processor time of the server's whole process a query. Latency is what a"
            + " client saw.%nengine: %.1f us a query for the same searches of the same database by"
            + " one thread of this process, index and point look-ups; what the server takes beyond"
            + " it is outside.%n",
        figures.engineCpuMicros());
  }

  private String json(Machine machine, SearchSet set, Figures figures) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "serve");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("dataset", set.name());
      to.writeNumberField("rows", set.base().length);
      to.writeNumberField("dimension", set.dimension());
      to.writeStringField("metric", set.metric().name().toLowerCase(Locale.ROOT));
      to.writeNumberField("k", k);
      to.writeStringField("index", index.name().toLowerCase(Locale.ROOT));
      to.writeStringField("storage", storage.name().toLowerCase(Locale.ROOT));
      if (figures.ef().isPresent()) {
        to.writeNumberField("ef", figures.ef().getAsInt());
      }
      to.writeNumberField("engine_cpu_us", figures.engineCpuMicros());
      to.writeNumberField("seconds", seconds);
      to.writeArrayFieldStart("results");
      for (Serve.Result result : figures.results()) {
        to.writeStartObject();
        to.writeNumberField("clients", result.clients());
        to.writeNumberField("queries", result.queries());
        to.writeNumberField("qps", result.qps());
        to.writeNumberField("p50_ms", result.p50Millis());
        to.writeNumberField("p99_ms", result.p99Millis());
        to.writeNumberField("recall", result.recall());
        if (result.serverCpuMicros().isPresent()) {
          to.writeNumberField("server_cpu_us", result.serverCpuMicros().getAsDouble());
        }
        if (figures.shareOutside(result).isPresent()) {
          to.writeNumberField("cpu_share_outside", figures.shareOutside(result).getAsDouble());
        }
        to.writeEndObject();
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    return text.toString();
  }
}
