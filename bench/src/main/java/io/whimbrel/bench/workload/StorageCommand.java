package io.whimbrel.bench.workload;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.Rows;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Storage;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench storage`.
@Command(
    name = "storage",
    description = {
      "Storage: bytes on disk and in memory, and how long a start takes.",
      "",
      "A server takes all rows by Arrow Flight and gives them back, which are compared bit by bit;"
          + " it is stopped, started, killed with SIGKILL and started again, and counted each time."
          + " With a graph it is started once more without the graph's files and searched while it"
          + " builds them anew."
    },
    sortOptions = false)
public final class StorageCommand implements Callable<Integer> {
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
          "Repeat the rows, with a little seeded noise, up to this many. Default: as they are")
  private long points;

  @Option(
      names = "--seed",
      defaultValue = "1",
      paramLabel = "N",
      description = "Seed of the noise. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(
      names = "--storage",
      defaultValue = "float32",
      description = "float32 or int8. Default: ${DEFAULT-VALUE}")
  private Storage storage = Storage.FLOAT32;

  @Option(
      names = "--drop-originals",
      description = "With int8: keep nothing else, so that reads give rounded vectors.")
  private boolean dropOriginals;

  @Option(
      names = "--index",
      defaultValue = "flat",
      description = "flat or hnsw. Default: ${DEFAULT-VALUE}")
  private ServeCommand.Index index = ServeCommand.Index.FLAT;

  @Option(names = "--m", defaultValue = "16", description = "Of hnsw. Default: 16")
  private int m;

  @Option(names = "--ef-construction", defaultValue = "200", description = "Of hnsw. Default: 200")
  private int efConstruction;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where to put the database. Default: the system's temporary directory")
  private Path work = Path.of(System.getProperty("java.io.tmpdir"));

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public StorageCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    if (points < 0) {
      throw new ParameterException(
          spec.commandLine(), "--points: " + points + " (expected: 0 or more)");
    }
    measure(Rows.open(data, points, seed), List.of(Path.of(HOME, "whimbrel").toString(), "serve"));
    return 0;
  }

  /// Runs the workload with servers started by `server`, and prints its results.
  void measure(Rows rows, List<String> server) throws IOException {
    Machine machine = Machine.here(work);
    EmbeddingSpec embedding =
        EmbeddingSpec.builder(rows.dimension(), Metric.L2)
            .storage(storage)
            .keepOriginals(!dropOriginals)
            .index(index.spec(m, efConstruction))
            .build();
    Load.Result result =
        new Load(rows, embedding, server, work, Bars.on(err))
            .run(List.of(Load.Way.FLIGHT))
            .getFirst();
    Load.Served served = result.served().orElseThrow();
    print(machine, rows, result.seconds(), served);
    if (json) {
      out.println(json(machine, rows, result.seconds(), served));
    }
  }

  private static long rawBytes(Rows rows) {
    return rows.count() * (Long.BYTES + (long) Float.BYTES * rows.dimension());
  }

  private void print(Machine machine, Rows rows, double seconds, Load.Served served) {
    double raw = rawBytes(rows);
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s%ndatabase on %s in %s%n%d points of dimension %d from %s, seed"
            + " %d, %s%s, %s%n%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        machine.disk(),
        work,
        rows.count(),
        rows.dimension(),
        data,
        seed,
        storage,
        dropOriginals ? " without originals" : "",
        index.spec(m, efConstruction));
    line("keys and float32 values", raw / 1e6, "MB");
    line("on disk after a stop", served.diskBytes() / 1e6, "MB");
    line("  times the values", served.diskBytes() / raw, "");
    line("in memory to search", served.indexBytes() / 1e6, "MB");
    line("  times the values", served.indexBytes() / raw, "");
    if (served.peakBytes().isPresent()) {
      line("server, most memory", served.peakBytes().getAsLong() / 1e6, "MB");
    }
    line("ingest by Arrow Flight", rows.count() / seconds, "points/s");
    line("start after a stop", served.restartSeconds(), "s");
    line("start after kill -9", served.restartKilledSeconds(), "s");
    if (served.graph().isPresent()) {
      Load.GraphServed graph = served.graph().get();
      line("start without its graph", graph.restartBareSeconds(), "s");
      line("  share linked, then", graph.bareCoverage(), "");
      line("  recall@10, then", graph.bareRecall(), "");
      line("linked after the ingest", graph.linkSeconds(), "s");
    }
  }

  private void line(String what, double value, String unit) {
    out.printf(Locale.ROOT, "%-26s %12.2f %s%n", what, value, unit);
  }

  private String json(Machine machine, Rows rows, double seconds, Load.Served served)
      throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "storage");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("file_system", machine.disk());
      to.writeStringField("data", String.valueOf(data.getFileName()));
      to.writeNumberField("points", rows.count());
      to.writeNumberField("dimension", rows.dimension());
      to.writeNumberField("seed", seed);
      to.writeStringField("storage", storage.name().toLowerCase(Locale.ROOT));
      to.writeBooleanField("keep_originals", !dropOriginals);
      to.writeStringField("index", index.name().toLowerCase(Locale.ROOT));
      to.writeNumberField("raw_bytes", rawBytes(rows));
      to.writeNumberField("disk_bytes", served.diskBytes());
      to.writeNumberField("index_bytes", served.indexBytes());
      if (served.peakBytes().isPresent()) {
        to.writeNumberField("server_peak_bytes", served.peakBytes().getAsLong());
      }
      to.writeNumberField("ingest_seconds", seconds);
      to.writeNumberField("restart_seconds", served.restartSeconds());
      to.writeNumberField("restart_killed_seconds", served.restartKilledSeconds());
      if (served.graph().isPresent()) {
        Load.GraphServed graph = served.graph().get();
        to.writeNumberField("restart_bare_seconds", graph.restartBareSeconds());
        to.writeNumberField("bare_coverage", graph.bareCoverage());
        to.writeNumberField("bare_recall", graph.bareRecall());
        to.writeNumberField("link_seconds", graph.linkSeconds());
      }
      to.writeEndObject();
    }
    return text.toString();
  }
}
