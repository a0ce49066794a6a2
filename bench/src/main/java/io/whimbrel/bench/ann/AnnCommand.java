package io.whimbrel.bench.ann;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench ann`.
@Command(
    name = "ann",
    description = {
      "Nearest-neighbour search: queries a second at equal recall, beside other indexes.",
      "",
      "Every system runs in a process of its own, pinned to the same CPU, one after the other:"
          + " builds its index once and answers all queries at growing ef. hnswlib and FAISS are"
          + " compiled on first use and left out where they are not installed (apt install g++"
          + " libhnswlib-dev libfaiss-dev libopenblas-dev)."
    },
    sortOptions = false)
public final class AnnCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");
  private static final int K_MAX = 10_000;
  private static final int THREADS_MAX = 256;
  private static final int RUNS_MAX = 1_000;
  private static final int M_MAX = 128;
  private static final int EF_CONSTRUCTION_MAX = 10_000;

  /// A Java system gets this, or four times the vectors where that is more.
  private static final long HEAP_MIN_BYTES = 2L << 30;

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with base and query (fvecs, f16vecs or bvecs) and groundtruth.ivecs. Default:"
              + " data/bigann10k-128")
  private Path data = Path.of(HOME, "data", "bigann10k-128");

  @Option(
      names = "--prefix",
      defaultValue = "",
      paramLabel = "TEXT",
      description = "What the names of the three files begin with, for example minilm-")
  private String prefix = "";

  @Option(
      names = "--metric",
      defaultValue = "l2",
      description = "l2, cosine or dot. Default: ${DEFAULT-VALUE}")
  private Metric metric = Metric.L2;

  @Option(names = "--k", defaultValue = "10", description = "Hits a query. Default: 10")
  private int k;

  @Option(
      names = "--ef",
      split = ",",
      paramLabel = "N",
      description = "Beam widths. Default: from 10 up by a quarter each until recall 0.9995")
  private List<Integer> efs = List.of();

  @Option(
      names = "--m",
      defaultValue = "16",
      description = "Links a node; 2 * m on the bottom layer. Default: ${DEFAULT-VALUE}")
  private int m;

  @Option(
      names = "--ef-construction",
      defaultValue = "200",
      description = "Beam width of the build. Default: ${DEFAULT-VALUE}")
  private int efConstruction;

  @Option(
      names = "--storage",
      defaultValue = "float32",
      description = "float32 or int8, of whimbrel; peers keep float32. Default: ${DEFAULT-VALUE}")
  private Storage storage = Storage.FLOAT32;

  @Option(
      names = "--systems",
      split = ",",
      paramLabel = "NAME",
      description = "Which, and in which order. Default: all: ${COMPLETION-CANDIDATES}")
  private List<AnnSystem> systems = List.of(AnnSystem.values());

  @Option(
      names = "--threads",
      defaultValue = "1",
      description = "Searching threads, a CPU each; builds have one. Default: ${DEFAULT-VALUE}")
  private int threads;

  @Option(
      names = "--runs",
      defaultValue = "3",
      description = "Passes over the queries, of which the fastest counts. Default: 3")
  private int runs;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Only the first rows of the base; the exact answers are then computed")
  private long rows = Long.MAX_VALUE;

  @Option(names = "--plot", paramLabel = "FILE", description = "Write a picture (SVG).")
  private @Nullable Path plot;

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public AnnCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    check("--k", k, 1, K_MAX);
    check("--m", m, 2, M_MAX);
    check("--ef-construction", efConstruction, 4, EF_CONSTRUCTION_MAX);
    check("--threads", threads, 1, THREADS_MAX);
    check("--runs", runs, 1, RUNS_MAX);
    check("--rows", rows, k, Long.MAX_VALUE);
    for (int ef : efs) {
      check("--ef", ef, k, Integer.MAX_VALUE);
    }
    if (storage != Storage.FLOAT32 && systems.contains(AnnSystem.WHIMBREL)) {
      throw WhimbrelException.of(
          ErrorCode.UNIMPLEMENTED,
          "--storage",
          storage.name().toLowerCase(Locale.ROOT),
          "float32: whimbrel's graph holds no other yet");
    }
    SearchSet opened = SearchSet.open(data, prefix, metric, rows, k);
    Commands commands =
        new Commands(
            Path.of(HOME, "bench", "src", "main", "cpp"),
            Path.of(HOME, "bench", "target", "peers"),
            Commands.lastCpus(threads),
            heap(opened));
    AnnBenchmark.Parameters parameters =
        new AnnBenchmark.Parameters(m, efConstruction, storage, threads, runs, new Sweep(efs, k));
    Watcher watcher = new Watcher();
    List<AnnBenchmark.Result> results =
        new AnnBenchmark(opened, parameters, commands, watcher).run(systems);
    AnnReport report =
        new AnnReport(
            Machine.here(Path.of(System.getProperty("java.io.tmpdir"))),
            commands.cpus(),
            commands.javaFlags(),
            "./whimbrel bench "
                + String.join(" ", spec.commandLine().getParseResult().originalArgs()),
            opened,
            parameters,
            results);
    report.print(out);
    if (plot != null) {
      Files.writeString(
          plot,
          Plot.svg(
              opened.name() + ", recall@" + k + ", " + opened.base().length + " rows", results));
    }
    if (json) {
      out.println(report.json());
    }
    return watcher.failures == 0 ? 0 : 1;
  }

  private static String heap(SearchSet data) {
    long vectors = (long) data.base().length * data.dimension() * Float.BYTES;
    return "-Xmx" + (Math.max(HEAP_MIN_BYTES, 4 * vectors) >> 20) + "m";
  }

  private void check(String option, long value, long min, long max) {
    if (value < min || value > max) {
      throw new ParameterException(
          spec.commandLine(),
          option
              + ": "
              + value
              + " (expected: "
              + min
              + (max == Long.MAX_VALUE ? " or more)" : " to " + max + ")"));
    }
  }

  /// Shows what happens, since a run takes minutes.
  private final class Watcher implements AnnBenchmark.Watcher {
    private static final int PERCENT = 100;

    private final boolean terminal = Boolean.getBoolean("whimbrel.terminal");
    private @Nullable ProgressBar bar;
    private int failures;

    @Override
    public void building(AnnSystem system, double share) {
      if (!terminal) {
        return;
      }
      if (bar == null) {
        bar =
            new ProgressBarBuilder()
                .setTaskName(system.key() + ", build")
                .setInitialMax(PERCENT)
                .setConsumer(new ConsoleProgressBarConsumer(err, 100))
                .build();
      }
      bar.stepTo(Math.round(share * PERCENT));
    }

    private void endBar() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }

    @Override
    public void built(AnnSystem system, PeerProcess.Built built) {
      endBar();
      err.printf(
          Locale.ROOT,
          "%s: built in %.1f CPU s, %.1f MB (resident set: %.1f MB more)%n",
          system.key(),
          built.cpuSeconds(),
          built.bytes() / 1e6,
          built.residentGrowth() / 1e6);
    }

    @Override
    public void measured(AnnSystem system, Front.Point point) {
      err.printf(
          Locale.ROOT,
          "%s: ef %d, recall %.5f, %.0f queries/s (wall %.0f)%n",
          system.key(),
          point.ef(),
          point.recall(),
          point.qps(),
          point.wallQps());
    }

    @Override
    public void skipped(AnnSystem system, String why) {
      err.println(system.key() + " is skipped: " + why);
    }

    @Override
    public void failed(AnnSystem system, String why) {
      endBar();
      failures++;
      err.println("error: " + system.key() + ": " + why);
    }
  }
}
